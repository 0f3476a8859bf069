"""Passages → the sentences that answer, and how sure it is that the first one does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

import numpy as np

from index import Embedder
from index.language import detect_language
from index.sentences import split_sentences
from index.tokens import TokenVectors
from index.words import analyse
from qa.answer import SearchHit, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
# Questions that ask for a number or a date, and what such an answer holds, in the languages that we fit on.
_ASKS_FOR_NUMBER = re.compile(
    r"\b(?:combien|quand|how (?:many|much|long|old|far|often)|when|cu[aá]nt[oa]s?|cu[aá]ndo|wie ?viele?|wann"
    r"|(?:quelle?s?|what|which|qué|welche[rns]?) (?:année|date|jour|heure|âge|nombre|taux|pourcentage|proportion"
    r"|quantité|somme|montant|score|siècle|year|day|time|age|number|rate|percentage|amount|century|año|día|jahr|tag))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingt|trente"
    r"|quarante|cinquante|soixante|cent|mille|millions?|milliards?|two|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve|thirteen|fourteen|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|billion)\b",
    re.IGNORECASE,
)


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
    """Compares question and passages token by token; nothing in it is trained but a few weights."""

    def __init__(self, embedder: Embedder, weights: ReaderWeights) -> None:
        self._embedder = embedder
        self._weights = weights

    def read(self, question: str, hits: Sequence[SearchHit]) -> Reading:
        """Read every sentence of the hits' passages; ties break by document id, then offset."""
        features = SentenceFeatures.of(question, hits, self._embedder)
        if not features.places:
            return Reading((), 0.0)
        scores = weighted(features.ranking, self._weights.sentence)
        order = features.ranked(scores)
        findings = tuple(Finding(*features.places[i], score=float(scores[i])) for i in order)
        logit = weighted(features.confidence, self._weights.confidence)[order[0]]
        return Reading(findings, float(1 / (1 + np.exp(-logit))))


@dataclass(frozen=True, slots=True, eq=False)
class SentenceFeatures:
    """The sentences of some hits, and what tells whether they answer, each feature of shape (len(places),).

    To rank them:
    passage: the fused score of the passage. passage_words: the share of the question's idf that it
    holds. meaning: cosine of the question and the mean of the sentence's tokens. match: for each
    token of the question the best cosine in the sentence, averaged by the idf of its word
    (ColBERT's late interaction, doi:10.1145/3397271.3401075). context_match: the same over this
    sentence and the one before. number: 1 where a number is asked for and there is one.

    Confidence adds: passage_meaning, the cosine of question and passage; passage_match; and
    foreign, 1 where question and document are in different languages, there without passage_words,
    and with weights of its own for meaning and match.
    """

    places: tuple[tuple[SearchHit, int, int], ...]
    ranking: Mapping[str, NDArray[np.float64]]
    confidence: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, question: str, hits: Sequence[SearchHit], embedder: Embedder) -> SentenceFeatures:
        """Read the hits' passages."""
        asked = embedder.read_question(question)
        language = detect_language(question)
        asks_for_number = _ASKS_FOR_NUMBER.search(question) is not None
        places: list[tuple[SearchHit, int, int]] = []
        rows: list[dict[str, float]] = []
        for hit, tokens in zip(hits, embedder.read_passages([hit.passage.text for hit in hits]), strict=True):
            foreign = None not in (language, hit.document.language) and language != hit.document.language
            weights = _token_weights(question, asked, hit, language if foreign else None)
            cosines = _unit(asked.states) @ _unit(tokens.states).T
            passage_words = _coverage(hit)
            passage_match = float(_best(cosines) @ weights)
            before = np.full(len(weights), -1.0)
            for start, end in _sentences(hit):
                inside = tokens.within(start - hit.passage.start, end - hit.passage.start)
                best = _best(cosines[:, inside])
                meaning = float(_unit(tokens.states[inside].mean(axis=0)) @ asked.vector) if inside.any() else 0.0
                match = float(best @ weights)
                rows.append(
                    {
                        "passage": hit.score,
                        "passage_words": passage_words,
                        "meaning": meaning,
                        "match": match,
                        "context_match": float(np.maximum(best, before) @ weights),
                        "number": float(asks_for_number and _NUMBER.search(hit.document.text, start, end) is not None),
                        "native_words": passage_words * (not foreign),
                        "passage_meaning": hit.vector_score,
                        "passage_match": passage_match,
                        "foreign": float(foreign),
                        "foreign_meaning": meaning * foreign,
                        "foreign_match": match * foreign,
                    }
                )
                places.append((hit, start, end))
                before = best
        columns = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}
        return cls(
            tuple(places),
            {name: columns[name] for name in RANKING if rows},
            {name: columns[name] for name in CONFIDENCE if rows},
        )

    def ranked(self, scores: NDArray[np.float64]) -> list[int]:
        """Return the positions of the places, best score first; ties by document id, then offset."""

        def key(i: int) -> tuple[float, str, int]:
            hit, start, _ = self.places[i]
            return -scores[i], hit.document.id, start

        return sorted(range(len(self.places)), key=key)


RANKING = ("passage", "passage_words", "meaning", "match", "context_match", "number")
CONFIDENCE = (
    "native_words",
    "meaning",
    "match",
    "context_match",
    "number",
    "passage_meaning",
    "passage_match",
    "foreign",
    "foreign_meaning",
    "foreign_match",
)


def weighted(features: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the weighted sum of the features, plus the weight called "bias" if there is one."""
    total = np.full(len(next(iter(features.values()))), weights.get("bias", 0.0))
    for name, weight in weights.items():
        if name != "bias":
            total += weight * features[name]
    return total


def _sentences(hit: SearchHit) -> list[tuple[int, int]]:
    return split_sentences(hit.document.text, hit.passage.start, hit.passage.end, language=hit.document.language)


def _coverage(hit: SearchHit) -> float:
    """Return the share of the question's idf whose terms the passage holds; 0 for a question without terms."""
    in_all = sum(hit.question_terms.values())
    held = set(analyse(hit.passage.text, hit.document.language))
    return sum(weight for term, weight in hit.question_terms.items() if term in held) / in_all if in_all else 0.0


def _token_weights(
    question: str, asked: TokenVectors, hit: SearchHit, foreign_language: str | None
) -> NDArray[np.float64]:
    """Return how much each token of the question counts, adding up to 1.

    A token has its word's idf, shared with the word's other tokens; a stop word has none. The idf
    of a word in another language than the documents' says nothing, so there all words count alike.
    """
    weights = np.zeros(len(asked.starts))
    for word in _WORD.finditer(question):
        terms = analyse(word.group(), foreign_language or hit.document.language)
        value = sum(1.0 if foreign_language else hit.question_terms.get(term, 0.0) for term in terms)
        inside = asked.within(word.start(), word.end())
        weights[inside] += value / max(1, int(inside.sum()))
    if not weights.any():
        weights[:] = 1.0
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found


def _best(cosines: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each question token's best cosine, shape (question tokens,); -1 where there is nothing to match."""
    found: NDArray[np.float64] = cosines.max(axis=1, initial=-1.0).astype(np.float64)
    return found
