"""What tells whether a sentence answers: features, and the few fitted numbers that weigh them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index import InputError
from index.language import are_different, detect_language
from index.passages import with_title
from index.words import analyse
from qa.answer import SearchHit, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Questions that ask for a number or a date, and what such an answer holds, in the languages that we fit on.
_ASKS_FOR_NUMBER = re.compile(
    r"\b(?:combien|quand|how (?:many|much|long|old|far|often)|when|cu[aá]nt[oa]s?|cu[aá]ndo|wie ?viele?|wann"
    r"|(?:quelle?s?|what|which|qué|welche[rns]?) (?:année|date|jour|heure|âge|nombre|taux|pourcentage|proportion"
    r"|quantité|somme|montant|score|siècle|year|day|time|age|number|rate|percentage|amount|century|año|día|jahr|tag))\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingt|trente"
    r"|quarante|cinquante|soixante|cent|mille|millions?|milliards?|two|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve|thirteen|fourteen|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|billion)\b",
    re.IGNORECASE,
)

# What may stand after a question mark.
_CLOSING = " \u00a0\u202f\"'»”’)"
# In characters. The five sentences with a question mark that answer something in PIAF and SQuAD are longer.
_LONGEST_QUESTION = 120

RANKING = ("answers", "passage", "passage_words", "words", "meaning", "match", "context_match", "number")
CONFIDENCE = (
    "answers",
    "native_words",
    "meaning",
    "match",
    "context_match",
    "number",
    "passage_meaning",
    "passage_match",
    "foreign",
    "foreign_answers",
    "foreign_meaning",
)


@dataclass(frozen=True, slots=True)
class ReaderWeights:
    """The numbers fitted on top of the joint model.

    `sentence` weighs the features that rank sentences; `confidence` those of the logistic
    regression, with its bias under "bias".
    """

    sentence: Mapping[str, float]
    confidence: Mapping[str, float]
    threshold: float

    @classmethod
    def load(cls, path: Path) -> ReaderWeights:
        """Read a reader's `reader.json`; raises InputError for anything else."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(stored["sentence"], stored["confidence"], stored["threshold"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} does not hold a reader's weights: expected those of `sourcier train-reader`"
            ) from error


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence `[start, end)` of a hit's document and what models make of it, read from `lead` on.

    `answers` is the joint model's logit and `span` its exact answer; the rest: see `qa.likeness`.
    """

    hit: SearchHit
    start: int
    end: int
    lead: int
    span: Span | None
    answers: float
    meaning: float
    match: float
    context_match: float
    passage_match: float


@dataclass(frozen=True, slots=True, eq=False)
class SentenceFeatures:
    """Sentences that were read, and what tells whether they answer, each feature of shape (len(read),).

    To rank them, beside what is in `ReadSentence`: passage, the fused score of the passage;
    passage_words and words, the share of the question's idf that the passage, or the sentence,
    holds; number, 1 where a number is asked for and there is one.

    Confidence adds: passage_meaning, the cosine of question and passage; and foreign, 1 where question
    and document are in different languages: words tell nothing there, and `answers` and `meaning`
    have weights of their own.
    """

    read: tuple[ReadSentence, ...]
    columns: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, question: str, read: Sequence[ReadSentence]) -> SentenceFeatures:
        """Add what needs no model."""
        language = detect_language(question)
        asks_for_number = _ASKS_FOR_NUMBER.search(question) is not None
        hits = {one.hit.passage.id: one.hit for one in read}
        held = {i: share_held(hit, with_title(hit.passage.text, hit.document.title)) for i, hit in hits.items()}
        rows = []
        for one in read:
            document = one.hit.document
            foreign = are_different(language, document.language)
            words = share_held(one.hit, document.text[one.lead : one.end])
            rows.append(
                {
                    "answers": one.answers,
                    "meaning": one.meaning,
                    "match": one.match,
                    "context_match": one.context_match,
                    "passage": one.hit.score,
                    "passage_words": held[one.hit.passage.id],
                    "words": words,
                    "number": float(asks_for_number and NUMBER.search(document.text, one.start, one.end) is not None),
                    "passage_meaning": one.hit.vector_score,
                    "passage_match": one.passage_match,
                    "native_words": words * (not foreign),
                    "foreign": float(foreign),
                    "foreign_answers": one.answers * foreign,
                    "foreign_meaning": one.meaning * foreign,
                }
            )
        return cls(tuple(read), {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())})

    @property
    def ranking(self) -> Mapping[str, NDArray[np.float64]]:
        return {name: self.columns[name] for name in RANKING}

    @property
    def confidence(self) -> Mapping[str, NDArray[np.float64]]:
        return {name: self.columns[name] for name in CONFIDENCE}

    def ranked(self, scores: NDArray[np.float64]) -> list[int]:
        """Return the positions of the places, best score first; ties by document id, then offset."""

        def key(i: int) -> tuple[float, str, int]:
            one = self.read[i]
            return -scores[i], one.hit.document.id, one.start

        return sorted(range(len(self.read)), key=key)


def weighted(features: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the weighted sum of the features, plus the weight called "bias" if there is one."""
    total = np.full(len(next(iter(features.values()))), weights.get("bias", 0.0))
    for name, weight in weights.items():
        if name != "bias":
            total += weight * features[name]
    return total


def share_held(hit: SearchHit, text: str) -> float:
    """Return the share of the question's idf whose terms the text holds; 0 for a question without terms."""
    in_all = sum(hit.question_terms.values())
    held = set(analyse(text, hit.document.language))
    return sum(weight for term, weight in hit.question_terms.items() if term in held) / in_all if in_all else 0.0


def is_question(sentence: str) -> bool:
    """Tell whether a sentence asks and does no more, as in lists of questions and answers.

    Nothing is more like a question than itself, and it answers nothing; a long one may, on the way.
    """
    asked = sentence.rstrip(_CLOSING)
    return asked.endswith(("?", "？", "؟")) and len(asked) <= _LONGEST_QUESTION
