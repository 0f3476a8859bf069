"""The demo corpus that comes with the package, and the questions to start with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from index import DocumentSummary

_QUESTIONS = "questions.jsonl"
_EXAMPLES_PER_LANGUAGE = 4


def seeds_folder() -> Path:
    """Return the folder of the demo documents, in a wheel or in a checkout."""
    packaged = Path(__file__).with_name("seeds")
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "seeds"


def example_questions(documents: Iterable[DocumentSummary]) -> Mapping[str, Sequence[str]]:
    """Return questions, by language, that the given documents answer; none for other corpora than the demo.

    One question a document, so that the examples show the breadth of the corpus.
    """
    indexed = {Path(document.source).name for document in documents}
    found: dict[str, dict[str, str]] = {}
    for line in (seeds_folder() / _QUESTIONS).read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        if asked["kind"] == "plain" and asked["document"] in indexed:
            found.setdefault(asked["language"], {}).setdefault(asked["document"], asked["question"])
    return {language: list(of.values())[:_EXAMPLES_PER_LANGUAGE] for language, of in found.items()}
