"""An answer as JSON → the answer, every word of it read again from the documents.

What was stored may come from anywhere and be anything: nothing of it is taken over but numbers, and
the offsets at which the documents still hold what it says they do.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from index.document import Document, Passage
from qa.answer import Answer, Citation, Repeat, SearchHit, Span
from qa.conversation import Carried
from qa.dates import Period
from qa.spelling import Respelling

_LONGEST_WORDS = 4_000
_LONGEST_DATE = 40

_Json = Mapping[str, Any]


class Library:
    """Documents by id, each of which is digested once."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._digests: dict[str, str] = {}

    def find(self, stored: _Json) -> Document:
        """Return the document that a stored answer names; ValueError where it is gone or holds another text."""
        document = self._documents.get(_text(stored["id"]))
        if document is None:
            raise ValueError("a document that is not in the index")
        if document.id not in self._digests:
            self._digests[document.id] = document.sha256
        if stored["sha256"] != self._digests[document.id]:
            raise ValueError("a document that holds another text")
        return document


def restore_answer(stored: object, library: Library) -> Answer | None:
    """Return the answer that `Answer.to_json` gave; None where it is none, or the documents no longer hold it."""
    try:
        return _answer(_object(stored), library)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def document_ids(stored: object) -> set[str]:
    """Return the ids of the documents that stored answers name, however deep."""
    found: set[str] = set()
    rest = [stored]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            document = one.get("document")
            if isinstance(document, dict) and isinstance(document.get("id"), str):
                found.add(document["id"])
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)
    return found


def _answer(stored: _Json, library: Library) -> Answer:
    answered = _flag(stored["answered"])
    citations = tuple(_citation(number, one, library) for number, one in enumerate(_list(stored["citations"]), start=1))
    closest = tuple(_hit(one, library) for one in _list(stored["closest"]))
    if answered != bool(citations) or (answered and closest):
        raise ValueError("an answer without a quote, or quotes without an answer")
    question, carried, period = _text(stored["question"]), stored["carried"], stored["period"]
    return Answer(
        question=question,
        answered=answered,
        confidence=_number(stored["confidence"], 0, 1),
        citations=citations,
        closest=closest,
        respellings=_respellings(_list(stored.get("respellings", [])), question),
        carried=None if carried is None else _carried(carried),
        period=None if period is None else _period(period),
        coverage=_number(stored["coverage"], 0, 1) if "coverage" in stored else 1.0,
        timings={_text(name): _number(value) for name, value in stored["timings_ms"].items()},
    )


def _carried(stored: _Json) -> Carried:
    return Carried(_text(stored["words"]), _text(stored["question"]), _flag(stored.get("asks_for_more", False)))


def _citation(number: int, stored: _Json, library: Library) -> Citation:
    if stored["number"] != number:
        raise ValueError("citations out of order")
    document = library.find(stored["document"])
    passage = _passage(stored["passage"], document)
    quote = _within(passage, _part(stored, document, "quote"))
    span, context = stored["span"], stored["context"]
    return Citation(
        number=number,
        quote=quote.text,
        start=quote.start,
        end=quote.end,
        span=None if span is None else _part(span, document),
        document=document,
        passage=passage,
        score=_number(stored["score"]),
        context=None if context is None else _part(context, document),
        also_in=tuple(_repeat(one, library) for one in _list(stored["also_in"])),
    )


def _repeat(stored: _Json, library: Library) -> Repeat:
    document = library.find(stored["document"])
    part = _part(stored, document, "quote")
    return Repeat(part.text, part.start, part.end, document)


def _hit(stored: _Json, library: Library) -> SearchHit:
    document = library.find(stored["document"])
    # A copy has no copies of its own.
    copies = tuple(_hit(one, library) for one in _list(stored["copies"])) if "copies" in stored else ()
    passage, nearest = _passage(stored["passage"], document), stored.get("nearest")
    return SearchHit(
        passage=passage,
        document=document,
        score=_number(stored["score"]),
        rank=_whole(stored["rank"]),
        copies=copies,
        nearest=None if nearest is None else _within(passage, _part(nearest, document)),
    )


def _passage(stored: _Json, document: Document) -> Passage:
    part = _part(stored, document)
    return Passage(f"{document.id}:{part.start}-{part.end}", document.id, part.start, part.end, part.text)


def _part(stored: _Json, document: Document, name: str = "text") -> Span:
    """Return what the document holds at the stored offsets; ValueError unless it is what was stored."""
    start, end = _whole(stored["start"]), _whole(stored["end"])
    if not 0 <= start < end <= len(document.text) or document.text[start:end] != stored[name]:
        raise ValueError("another text than was quoted")
    return Span(start, end, document.text[start:end])


def _within(passage: Passage, part: Span) -> Span:
    """Return a part of a document; ValueError where it is not one of the passage."""
    if not passage.start <= part.start < part.end <= passage.end:
        raise ValueError("a part from outside its passage")
    return part


def _respellings(stored: list[Any], question: str) -> tuple[Respelling, ...]:
    found, end = [], 0
    for one in map(_object, stored):
        word = Respelling(_whole(one["start"]), _text(one["typed"]), _text(one["read"]))
        if word.start < end or not question.startswith(word.typed, word.start):
            raise ValueError("a word that is not in the question, or none of its own")
        end = word.start + len(word.typed)
        found.append(word)
    return tuple(found)


def _period(stored: _Json) -> Period:
    relative_to = stored["relative_to"]
    period = Period(
        start=datetime.date.fromisoformat(_text(stored["start"])),
        end=datetime.date.fromisoformat(_text(stored["end"])),
        words=_text(stored["words"]),
        relative_to=None if relative_to is None else _text(relative_to, _LONGEST_DATE),
    )
    if period.end < period.start:
        raise ValueError("a time that ends before it begins")
    return period


def _object(value: object) -> _Json:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _text(value: object, longest: int = _LONGEST_WORDS) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise TypeError("no text, or too long a one")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("no whole number")
    return value


def _number(value: object, least: float = -math.inf, most: float = math.inf) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("no number")
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError("a number out of range")
    return float(value)
