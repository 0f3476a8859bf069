"""Passages by their words, on a server: BM25 of which the parts are computed here.

BM25 is a sum over the question's terms, of each term's idf times what a passage makes of it; so it is the
inner product of two sparse vectors, and the server's index of those finds the best. The terms are those that
`index/words.py` makes, and the counts behind the idf are kept exactly, so that a server and a folder agree.

A server before 2.4 has no sparse vectors. There the passages that hold the question's rarest terms are looked
up, by a look at every passage, and scored here: the same order, at the price of that look.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from index.milvus.connection import Connection, Field
from index.words import EXACT, EXACT_WEIGHT, exact_terms, exact_words, field_of, idf, terms_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# BM25 as in tantivy. Passages are cut to one length, so the mean of those of PIAF and SQuAD 2.0 stands for every
# corpus's: it need not be known before the first passage is written, nor all be written anew when it moves.
_K1, _B = 1.2, 0.75
# … of its stems, and of its words as they are.
_MEAN_LENGTHS = (72.0, 118.0)
# Passages that are scored here at most, where the server cannot.
_CANDIDATES = 1000
_MOST_TERMS = 2048

_Counts = TypeVar("_Counts", float, "NDArray[Any]")


def passage_terms(text: str, language: str | None) -> Counter[str]:
    """Return the terms under which a passage is found, with how often it has each."""
    field = field_of(language)
    return Counter(
        [
            *(f"{field}:{term}" for term in terms_of(text, field)),
            *(f"{EXACT}:{term}" for term in exact_terms(text, language)),
        ]
    )


def question_terms(question: str, fields: Sequence[str]) -> list[str]:
    """Return the terms to look for, each once: as each of the fields in use has them, and unchanged."""
    return list(
        dict.fromkeys(
            [
                *(f"{field}:{term}" for field in fields for term in terms_of(question, field)),
                *(f"{EXACT}:{term}" for term in exact_words(question)),
            ]
        )
    )


@dataclass(frozen=True, slots=True)
class Sought:
    """A term of a question: what it weighs, and in how many passages it is."""

    term: str
    weight: float
    found_in: int


def sought_terms(terms: Sequence[str], found_in: Mapping[str, int], passages: int) -> list[Sought]:
    """Return those of a question's terms that are in any of the passages; each weighs its idf, one unchanged half."""
    return [
        Sought(term, idf(count, passages) * (EXACT_WEIGHT if _is_exact(term) else 1.0), count)
        for term in terms
        if (count := found_in.get(term, 0)) > 0
    ]


class TermIndex(Protocol):
    """How a server finds passages by terms."""

    @property
    def field(self) -> Field:
        """The field of a passage that holds its terms."""

    def value(self, terms: Mapping[str, int]) -> object:
        """Return what that field holds of a passage, given how often it has each of its terms."""

    def search(
        self, connection: Connection, collection: str, sought: Sequence[Sought], k: int, condition: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the passages with the largest BM25 among those that fulfil a condition, in no certain order."""


class SparseTerms:
    """A sparse vector for each passage."""

    field = Field(
        "terms",
        "SPARSE_FLOAT_VECTOR",
        index={"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"},
    )

    def value(self, terms: Mapping[str, int]) -> dict[int, float]:
        # Milvus wants at least one, and takes zero for nothing.
        shares = _shares({_number(term): count for term, count in terms.items()})
        return {_dimension(number): share for number, share in shares.items()} or {0: 1e-6}

    def search(
        self, connection: Connection, collection: str, sought: Sequence[Sought], k: int, condition: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        asked = {_dimension(_number(one.term)): one.weight for one in sought}
        numbers, scores, _ = connection.search(collection, self.field.name, asked, k, condition, {})
        return numbers[scores > 0], scores[scores > 0]


class ListedTerms:
    """The terms of each passage as numbers, as often as it has them: odd ones are unchanged words."""

    field = Field("terms", "ARRAY", options={"element_type": "INT64", "max_capacity": _MOST_TERMS})

    def value(self, terms: Mapping[str, int]) -> list[int]:
        return [number for term, count in terms.items() for number in [_number(term)] * count][:_MOST_TERMS]

    def search(
        self, connection: Connection, collection: str, sought: Sequence[Sought], k: int, condition: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        telling = _rarest(sought, max(k, _CANDIDATES))
        holding = f"array_contains_any(terms, {[_number(one.term) for one in telling]}) and {condition}"
        rows = connection.query(collection, holding, ["number", "terms"])
        scores = _scores([row["terms"] for row in rows], {_number(one.term): one.weight for one in sought})
        best = np.argsort(-scores, kind="stable")[:k]
        return np.array([row["number"] for row in rows], np.int64)[best], scores[best].astype(np.float32)


def term_index(connection: Connection) -> TermIndex:
    """Return what a server can do."""
    return SparseTerms() if connection.has_sparse_vectors else ListedTerms()


def _rarest(sought: Sequence[Sought], most: int) -> list[Sought]:
    """Return the terms that are in fewest passages, in at most so many together, but always one."""
    chosen: list[Sought] = []
    together = 0
    for one in sorted(sought, key=lambda one: (one.found_in, one.term)):
        together += one.found_in
        if chosen and together > most:
            break
        chosen.append(one)
    return chosen


def _shares(counts: Mapping[int, int]) -> dict[int, float]:
    """Return what BM25 makes of each term of a passage, by its number, given how often it is there."""
    exact = sum(count for number, count in counts.items() if number % 2)
    lengths = (sum(counts.values()) - exact, exact)
    return {number: _share(float(count), lengths[number % 2], number % 2) for number, count in counts.items()}


def _scores(passages: Sequence[Sequence[int]], weighed: Mapping[int, float]) -> NDArray[np.float64]:
    """Return the BM25 of passages of which each has a list of terms; both go by the terms' numbers."""
    terms = np.fromiter(chain.from_iterable(passages), np.int64)
    sizes = np.array([len(passage) for passage in passages], np.int64)
    passage_of = np.repeat(np.arange(len(sizes)), sizes)
    exact = np.bincount(passage_of[terms % 2 == 1], minlength=len(sizes))
    lengths = (sizes - exact, exact)
    scores = np.zeros(len(sizes))
    for number, weight in weighed.items():
        counts = np.bincount(passage_of[terms == number], minlength=len(sizes))
        scores += weight * _share(counts, lengths[number % 2], number % 2)
    return scores


def _share(count: _Counts, length: _Counts, kind: int) -> _Counts:
    """Return what BM25 makes of a term that is in a passage so often, among so many of its kind; of several, of each.

    f·(k1 + 1) / (f + k1·(1 - b + b·l/mean)).
    """
    return count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length / _MEAN_LENGTHS[kind]))


def _is_exact(term: str) -> bool:
    return term.startswith(f"{EXACT}:")


def _number(term: str) -> int:
    """Return the number of a term: odd for an unchanged word, else even."""
    return number_of(term) & ~1 | _is_exact(term)


def _dimension(number: int) -> int:
    """Return 31 bits of a term's number: two of a million share them with two hundred others."""
    return number >> 31


def number_of(text: str) -> int:
    """Return a number of 62 bits for a text, by which it is looked up."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2
