"""What comes back from a question: hits, citations, and the answer made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from index.document import Document, Passage
from qa.conversation import Carried
from qa.courtesy import as_meant, asks_nothing
from qa.dates import Period
from qa.spelling import Respelling


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that may answer; `rank` counts from 1, and a higher `score` is a better match.

    `score` compares hits of one question only. A reader may use what it was made of: the cosine to
    the question, the BM25, and the question's terms as the passage's language has them with their idf.
    `copies` are passages that say nearly all the same, with the rank that they were found with; they
    have no copies themselves. `nearest` is the passage's sentence that comes nearest to answering:
    only hits that were read have one, those of an answer.
    """

    passage: Passage
    document: Document
    score: float
    rank: int
    vector_score: float = 0.0
    word_score: float = 0.0
    question_terms: Mapping[str, float] = field(default_factory=dict, hash=False, repr=False)
    copies: tuple[SearchHit, ...] = field(default=(), repr=False)
    nearest: Span | None = None

    @property
    def also_in(self) -> tuple[Document, ...]:
        """The other documents that hold a copy, in the order of the copies."""
        others = {copy.document.id: copy.document for copy in self.copies if copy.document.id != self.document.id}
        return tuple(others.values())

    def to_json(self) -> dict[str, Any]:
        return {**self._found_json(), "copies": [copy._found_json() for copy in self.copies]}

    def _found_json(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "score": round(self.score, 4),
            "document": _document_json(self.document, self.passage.start),
            "passage": _passage_json(self.passage),
        }


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a document's text: `document.text[start:end] == text`."""

    start: int
    end: int
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "text": self.text}


@dataclass(frozen=True, slots=True)
class Repeat:
    """Another document that says nearly the same as a citation: `document.text[start:end] == quote`."""

    quote: str
    start: int
    end: int
    document: Document

    def to_json(self) -> dict[str, Any]:
        return {
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "document": _document_json(self.document, self.start),
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """A sentence copied from a document: `document.text[start:end] == quote`, always.

    `span` is the exact answer in it, None for a quote that is much less likely to answer than the first;
    `context` the sentence before one that leans on it ("Il …", "This …").
    """

    number: int
    quote: str
    start: int
    end: int
    span: Span | None
    document: Document
    passage: Passage
    score: float
    context: Span | None = None
    also_in: tuple[Repeat, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "score": round(self.score, 4),
            "span": self.span.to_json() if self.span else None,
            "document": _document_json(self.document, self.start),
            "passage": _passage_json(self.passage),
            "context": self.context.to_json() if self.context else None,
            "also_in": [repeat.to_json() for repeat in self.also_in],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Quotes that answer the question, or `answered=False` and the closest hits instead.

    `confidence` is the estimated probability that the best quote answers; `timings` are in
    milliseconds and the only part that differs between two runs. `respellings` are the words of the
    question that were read as others, `carried` is what a follow-up took over from the turn before,
    `period` the time that was asked about, `coverage` the share of the passages that were embedded by
    then: the others could only be found by their words.
    """

    question: str
    answered: bool
    confidence: float
    citations: tuple[Citation, ...]
    closest: tuple[SearchHit, ...] = ()
    respellings: tuple[Respelling, ...] = ()
    carried: Carried | None = None
    period: Period | None = None
    coverage: float = 1.0
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def read_as(self) -> str:
        """The question as it was read, without the slips and the courtesies of who typed it."""
        return as_meant(self.question, self.respellings)

    @property
    def searched(self) -> str:
        """What was searched for and read: the question as it was meant, after what it took over."""
        return self.carried.before(self.read_as) if self.carried else self.read_as

    @property
    def asks_for_more(self) -> bool:
        """Whether it is what else there is, beside what was quoted before."""
        return self.carried is not None and self.carried.asks_for_more

    @property
    def asked_nothing(self) -> bool:
        """Whether there is no answer because nothing was asked of the documents: « Merci ! », « Qui es-tu ? »."""
        return not self.answered and asks_nothing(self.question)

    @property
    def text(self) -> str:
        """The quotes with their numbers; empty when nothing answers."""
        return " ".join(f"{citation.quote} [{citation.number}]" for citation in self.citations)

    def to_json(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "answered": self.answered,
            "asked_nothing": self.asked_nothing,
            "confidence": round(self.confidence, 4),
            "text": self.text,
            "citations": [citation.to_json() for citation in self.citations],
            "closest": [
                {**hit.to_json(), "nearest": hit.nearest.to_json() if hit.nearest else None} for hit in self.closest
            ],
            "respellings": [respelling.to_json() for respelling in self.respellings],
            "carried": self.carried.to_json() if self.carried else None,
            "period": self.period.to_json() if self.period else None,
            "coverage": round(self.coverage, 4),
            "timings_ms": {name: round(value, 1) for name, value in self.timings.items()},
        }


def _document_json(document: Document, offset: int) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "other_sources": list(document.other_sources),
        "date": document.date,
        "language": document.language,
        "page": document.page_at(offset),
        "sha256": document.sha256,
    }


def _passage_json(passage: Passage) -> dict[str, Any]:
    return {"start": passage.start, "end": passage.end, "text": passage.text}
