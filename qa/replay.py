"""Whether an answer that was printed quotes what an index holds, to the character."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index import Document, InputError, PassageIndex


@dataclass(frozen=True, slots=True)
class Replay:
    """How many quotes were looked up, and what is wrong with any of them."""

    quotes: int
    problems: tuple[str, ...]


def read_answers(path: Path) -> list[Mapping[str, Any]]:
    """Read an answer as `ask --json` prints it, or those of a conversation that the chat saved.

    Raises InputError for anything else.
    """
    expected = "expected an answer as `sourcier ask --json` prints it, or a conversation as the chat saves it"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; {expected}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {expected}") from error
    answers = [stored]
    if isinstance(stored, dict) and isinstance(stored.get("turns"), list):
        turns = [turn if isinstance(turn, dict) else {"answer": turn} for turn in stored["turns"]]
        answers = [turn["answer"] for turn in turns if turn.get("answer") is not None]
    for answer in answers:
        if not isinstance(answer, dict) or not isinstance(answer.get("citations"), list):
            raise InputError(f"{path} has no citations: {expected}")
    return answers


def replay(answer: Mapping[str, Any], passage_index: PassageIndex) -> Replay:
    """Look every quote of an answer up in the stored documents; raises InputError for what is no answer."""
    wanted = list(_quotes(answer))
    ids = {str(document["id"]) for document, _, _, _ in wanted}
    documents = {one.id: one for one in passage_index.documents(ids)}
    problems = [
        problem
        for document, start, end, quote in wanted
        if (problem := _problem(documents.get(str(document["id"])), document, start, end, quote))
    ]
    return Replay(len(wanted), tuple(problems))


def _quotes(answer: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, int, str]]:
    try:
        for citation in answer["citations"]:
            document = citation["document"]
            yield document, citation["start"], citation["end"], citation["quote"]
            for part in ("span", "context", "passage"):
                if citation.get(part):
                    yield document, citation[part]["start"], citation[part]["end"], citation[part]["text"]
            for repeat in citation.get("also_in", ()):
                yield repeat["document"], repeat["start"], repeat["end"], repeat["quote"]
    except (KeyError, TypeError) as error:
        raise InputError(f"a citation has no {error}: expected an answer as `sourcier ask --json` prints it") from error


def _problem(stored: Document | None, document: Mapping[str, Any], start: int, end: int, quote: str) -> str:
    if stored is None:
        return f"document {document['id']} is not in the index"
    if stored.sha256 != document.get("sha256"):
        return f"document {document['id']} holds another text than when it was quoted"
    if stored.text[start:end] != quote:
        return f"document {document['id']} does not hold {quote!r} at {start}-{end}"
    return ""
