"""Verdicts of readers → a file of questions with the documents beside it, as `sourcier evaluate` reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index import Document, InputError, PassageIndex, make_document
from index.document import sha256_of
from index.reading import body_start
from qa.answer import Answer, Citation
from qa.restoring import Library, document_ids, restore_answer
from ui.feedback import DOWN, UP, Feedback, read_log

QUESTIONS = "questions.jsonl"
DOCUMENTS = "documents"
# What a text file cannot hold, or could not be read back with.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Export:
    """What was written; `down` has no known answer, `gone` quotes what the documents no longer hold."""

    questions: int
    unanswerable: int
    down: int
    gone: int
    documents: int
    path: Path


def export_feedback(log: Path, passage_index: PassageIndex, folder: Path) -> Export:
    """Write the questions whose answers were found good into a folder, with every document of the index.

    The quotes that a reader approved are the known answers, and a silence that was approved makes a
    question that the documents do not answer, unless it was asked what else they say. Raises InputError
    for a folder that holds something else, and where nothing was found good.
    """
    verdicts, gone = _last_verdicts(log, passage_index)
    approved = [answer for answer, feedback in verdicts if feedback.verdict == UP]
    # That nothing else answers comes after quotes, which do.
    good = [answer for answer in approved if answer.answered or not answer.asks_for_more]
    questions = list(_questions(good))
    if not questions:
        raise InputError(f"{log} approves of no answer: expected a thumb up on at least one, given in the chat")
    _make_room(folder)
    documents = 0
    for document in passage_index.documents():
        if _written(document)[body_start(_written(document)) :].strip():
            (folder / _name(document)).write_bytes(_as_file(document).encode())
            documents += 1
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    (folder / QUESTIONS).write_text(lines, encoding="utf-8")
    return Export(
        questions=len(questions),
        unanswerable=sum(question["document"] is None for question in questions),
        down=sum(feedback.verdict == DOWN for _, feedback in verdicts),
        gone=gone,
        documents=documents,
        path=folder / QUESTIONS,
    )


def _last_verdicts(log: Path, passage_index: PassageIndex) -> tuple[list[tuple[Answer, Feedback]], int]:
    """Return the verdicts that stand, and how many are on answers that the documents no longer hold."""
    lines = list(read_log(log))
    ids = {id_ for line in lines for id_ in document_ids(line)}
    library = Library({document.id: document for document in passage_index.documents(ids)})
    last: dict[tuple[object, ...], tuple[Answer, Feedback | None]] = {}
    gone: dict[str, bool] = {}
    for line in lines:
        feedback, answer = Feedback.from_json(line), restore_answer(line.get("answer"), library)
        if answer is None:
            gone[json.dumps([line["conversation"], line.get("question")])] = feedback is not None
            continue
        quoted = tuple((one.document.id, one.start, one.end) for one in answer.citations)
        last[line["conversation"], answer.question, answer.answered, quoted] = answer, feedback
    return [(answer, feedback) for answer, feedback in last.values() if feedback], sum(gone.values())


def _questions(answers: Iterable[Answer]) -> Iterator[dict[str, Any]]:
    """Yield one question for all answers to it; what one of them quotes stands against another's silence."""
    asked: dict[str, dict[tuple[str, str], None]] = {}
    for answer in answers:
        quotes = asked.setdefault(_as_asked(answer), {})
        for citation in answer.citations:
            for document, quote in _quotes(citation):
                quotes[_name(document), _UNWRITABLE.sub("\ufffd", quote)] = None
    for question, quotes in asked.items():
        known: list[dict[str, Any]] = [{"document": document, "quote": quote} for document, quote in quotes]
        first, *others = known or [{"document": None}]
        yield {
            "id": sha256_of(question)[:12],
            "question": question,
            **first,
            **({"also": others} if others else {}),
        }


def _quotes(citation: Citation) -> Iterator[tuple[Document, str]]:
    yield citation.document, citation.quote
    for repeat in citation.also_in:
        yield repeat.document, repeat.quote


def _as_asked(answer: Answer) -> str:
    """Return the question as it was searched for: a follow-up says nothing without what it took over."""
    asked = answer.carried.before(answer.question) if answer.carried else answer.question
    return _UNWRITABLE.sub("\ufffd", asked)


def _make_room(folder: Path) -> None:
    """Make an empty folder, or empty one that an earlier export made."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a folder, or none yet")
    present = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if present and present != {QUESTIONS, DOCUMENTS}:
        # `evaluate` takes every document in a folder for one to search.
        raise InputError(f"{folder} holds other files: expected an empty or new folder, or an earlier export")
    (folder / DOCUMENTS).mkdir(parents=True, exist_ok=True)
    for path in (folder / DOCUMENTS).glob("*.txt"):
        path.unlink()


def _name(document: Document) -> str:
    return f"{DOCUMENTS}/{sha256_of(document.id)[:16]}.txt"


def _as_file(document: Document) -> str:
    """Return the text, with front matter where it would otherwise be read back under another title or date."""
    text = _written(document)
    wanted = {"title": document.title, "date": document.date, "lang": document.language}
    if _stated(text) == wanted:
        return text
    block = "".join(f'{name}: "{value}"\n' for name, value in wanted.items() if value)
    return fronted if _stated(fronted := f"---\n{block}---\n{text}") == wanted else text


def _stated(text: str) -> Mapping[str, str | None]:
    read = make_document(text)
    return {"title": read.title, "date": read.date, "lang": read.language}


def _written(document: Document) -> str:
    return _UNWRITABLE.sub("\ufffd", document.text)
