"""The demo corpus that comes with the package, and the questions to start with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from index import DocumentSummary
from ui.texts import TEXTS, Texts

_QUESTIONS = "questions.jsonl"
_EXAMPLES_PER_LANGUAGE = 4
_LONGEST_TITLE = 90


def seeds_folder() -> Path:
    """Return the folder of the demo documents, in a wheel or in a checkout."""
    packaged = Path(__file__).with_name("seeds")
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "seeds"


def example_questions(documents: Sequence[DocumentSummary]) -> Mapping[str, Sequence[str]]:
    """Return questions, by language, that the given documents answer; one a document, to show their breadth.

    Of the demo's documents they were asked by people; of others they ask for what the newest titles name.
    """
    prepared = _prepared_questions(documents)
    newest = sorted(documents, key=lambda one: one.date or "", reverse=True)
    return {language: prepared.get(language) or _about(newest, texts) for language, texts in TEXTS.items()}


def _prepared_questions(documents: Iterable[DocumentSummary]) -> Mapping[str, Sequence[str]]:
    indexed = {Path(document.source).name for document in documents}
    found: dict[str, dict[str, str]] = {}
    for line in (seeds_folder() / _QUESTIONS).read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        if asked["kind"] == "plain" and asked["document"] in indexed:
            found.setdefault(asked["language"], {}).setdefault(asked["document"], asked["question"])
    return {language: list(of.values())[:_EXAMPLES_PER_LANGUAGE] for language, of in found.items()}


def _about(documents: Iterable[DocumentSummary], texts: Texts) -> Sequence[str]:
    """Ask about documents with a title short enough for a question, those in the reader's language first."""
    titled = [one for one in documents if 0 < len(one.title.strip()) <= _LONGEST_TITLE]
    ours_first = sorted(titled, key=lambda one: one.language != texts.language)
    titles = dict.fromkeys(one.title.strip().rstrip(".") for one in ours_first)
    return [texts.example.format(title=title) for title in titles][:_EXAMPLES_PER_LANGUAGE]
