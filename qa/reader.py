"""Passages → the sentences that answer, and how sure it is that the first one does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

import numpy as np

from index import Embedder
from index.language import detect_language
from index.sentences import split_sentences
from index.words import analyse
from qa.answer import SearchHit, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of a hit's document, `[start, end)`, and how well it answers (higher is better)."""

    hit: SearchHit
    start: int
    end: int
    score: float
    span: Span | None = None

    @property
    def text(self) -> str:
        return self.hit.document.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: every sentence it read, best first, and the probability that the first answers."""

    findings: tuple[Finding, ...]
    confidence: float


class Reader(Protocol):
    """The seam for what picks the sentences."""

    def read(self, question: str, hits: Sequence[SearchHit]) -> Reading:
        """Read the passages of the hits."""


@dataclass(frozen=True, slots=True)
class ReaderWeights:
    """The fitted numbers of `SentenceReader`, made by `tests/benchmarks/fit_reader.py`.

    `sentence` weighs the features that rank sentences; `confidence` those of the logistic
    regression, with its bias under "bias".
    """

    sentence: Mapping[str, float]
    confidence: Mapping[str, float]
    threshold: float

    @classmethod
    @cache
    def shipped(cls) -> ReaderWeights:
        """Return the weights that come with the package."""
        stored = json.loads(files("qa").joinpath("reader.json").read_text(encoding="utf-8"))
        return cls(stored["sentence"], stored["confidence"], stored["threshold"])


class SentenceReader:
    """Ranks sentences by meaning, by shared words and by their passage; nothing in it is trained but a few weights."""

    def __init__(self, embedder: Embedder, weights: ReaderWeights) -> None:
        self._embedder = embedder
        self._weights = weights

    def read(self, question: str, hits: Sequence[SearchHit]) -> Reading:
        """Read every sentence of the hits' passages; ties break by document id, then offset."""
        places = [(hit, start, end) for hit in hits for start, end in sentences_of(hit)]
        if not places:
            return Reading((), 0.0)
        features = sentence_features(question, places, self._embedder)
        scores = weighted(features, self._weights.sentence)
        order = sorted(range(len(places)), key=lambda i: (-scores[i], places[i][0].document.id, places[i][1]))
        findings = tuple(Finding(*places[i], score=float(scores[i])) for i in order)
        confidence = weighted(confidence_features(question, findings[0], features, order[0]), self._weights.confidence)
        return Reading(findings, float(1 / (1 + np.exp(-confidence[0]))))


def sentence_features(
    question: str, places: Sequence[tuple[SearchHit, int, int]], embedder: Embedder
) -> dict[str, NDArray[np.float64]]:
    """Return what ranks sentences, each feature of shape (len(places),).

    passage: the fused score of the passage. meaning: cosine of sentence and question. words and
    passage_words: the share of the question's idf that the sentence, and its passage, holds.
    """
    texts = [hit.document.text[start:end] for hit, start, end in places]
    question_vector = embedder.embed_question(question)
    of_passage = {hit.passage.id: _coverage(hit, hit.passage.text) for hit, _, _ in places}
    return {
        "passage": np.array([hit.score for hit, _, _ in places]),
        "meaning": (embedder.embed_sentences(texts) @ question_vector).astype(np.float64),
        "words": np.array([_coverage(hit, text) for (hit, _, _), text in zip(places, texts, strict=True)]),
        "passage_words": np.array([of_passage[hit.passage.id] for hit, _, _ in places]),
    }


def confidence_features(
    question: str, first: Finding, features: Mapping[str, NDArray[np.float64]], row: int
) -> dict[str, NDArray[np.float64]]:
    """Return what tells whether the first sentence answers, each feature of shape (1,).

    Words say nothing where question and document are in different languages: there `foreign` is 1
    and the features of words are 0.
    """
    asked = detect_language(question)
    foreign = float(None not in (asked, first.hit.document.language) and asked != first.hit.document.language)
    found = {
        "meaning": features["meaning"][row],
        "passage_meaning": first.hit.vector_score,
        "words": features["words"][row] * (1 - foreign),
        "passage_words": features["passage_words"][row] * (1 - foreign),
        "foreign": foreign,
        "foreign_meaning": features["meaning"][row] * foreign,
    }
    return {name: np.array([value], dtype=np.float64) for name, value in found.items()}


def weighted(features: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the weighted sum of the features, plus the weight called "bias" if there is one."""
    rows = len(next(iter(features.values())))
    total = np.full(rows, weights.get("bias", 0.0))
    for name, weight in weights.items():
        if name != "bias":
            total += weight * features[name]
    return total


def sentences_of(hit: SearchHit) -> list[tuple[int, int]]:
    """Return the sentences of a hit's passage, as offsets into its document."""
    return split_sentences(hit.document.text, hit.passage.start, hit.passage.end, language=hit.document.language)


def _coverage(hit: SearchHit, text: str) -> float:
    """Return the share of the question's idf whose terms the text holds; 0 for a question without terms."""
    in_all = sum(hit.question_terms.values())
    held = set(analyse(text, hit.document.language))
    return sum(weight for term, weight in hit.question_terms.items() if term in held) / in_all if in_all else 0.0
