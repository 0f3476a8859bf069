"""The figures an evaluation reports, each a pure function of what was found.

`ranks` are the places, counted from 1, of the relevant ones in a list that is best first.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10
# What carries no part of an answer: articles, and in French their elided and contracted forms with the
# partitive ("de la", "d'"), so that « l’engrais », « de l’engrais » and « engrais » are one answer.
_ARTICLES = {
    "de": frozenset("der die das den dem des ein eine einen einem einer eines".split()),
    "en": frozenset("a an the".split()),
    "es": frozenset("el la los las un una unos unas".split()),
    "fr": frozenset("le la les l un une du des de d".split()),
}
_ELISION = re.compile(r"(?<=\w)['’](?=\w)")
# Written without spaces: each sign is a word.
_LONE_SIGN = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])")


def success(ranks: Iterable[int], k: int) -> float:
    """Return 1 if a relevant one is among the first `k`, else 0; also 0 where nothing is relevant.

    The mean over questions is called recall@k here, as is usual where one passage is all that a
    question needs (DPR, doi:10.18653/v1/2020.emnlp-main.550); trec_eval calls it success_k.
    """
    return float(any(rank <= k for rank in ranks))


def reciprocal_rank(ranks: Iterable[int], k: int) -> float:
    """Return 1 / the best rank, and 0 where that is beyond `k` or nothing is relevant."""
    best = min(ranks, default=math.inf)
    return 1 / best if best <= k else 0.0


def ndcg(ranks: Iterable[int], relevant: int, k: int) -> float:
    """Return DCG@k / the DCG@k of the best possible order; 0 where nothing is relevant.

    DCG@k = Σ 1 / log2(rank + 1) over the relevant ones among the first `k`; `relevant` is how
    many there are in all, found or not (Järvelin & Kekäläinen, doi:10.1145/582415.582418).
    """
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= k)
    possible = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return gained / possible if possible else 0.0


def answer_words(text: str, language: str | None) -> list[str]:
    """Return the words by which two short answers are compared.

    Lower case, without punctuation, symbols, and the articles of English, French, Spanish and
    German; an elision in French is parted ("qu'il" is two words). For English this is what the SQuAD
    script does (doi:10.18653/v1/D16-1264).
    """
    lowered = unicodedata.normalize("NFC", text).lower()
    if language == "fr":
        lowered = _ELISION.sub(" ", lowered)
    kept = "".join(sign for sign in lowered if unicodedata.category(sign)[0] not in "PS")
    words = _LONE_SIGN.sub(r" \1 ", kept).split()
    return [word for word in words if word not in _ARTICLES.get(language or "", ())]


def exact_match(found: str, gold: Iterable[str], language: str | None) -> float:
    """Return 1 if the words of `found` are those of one of the gold answers in their order, else 0."""
    words = answer_words(found, language)
    return float(any(words == answer_words(one, language) for one in gold))


def token_f1(found: str, gold: Iterable[str], language: str | None) -> float:
    """Return the best F1 against a gold answer: 2·shared / (words found + words in gold).

    `shared` counts a word as often as both have it. Two answers of no words at all are equal, so 1;
    0 without gold.
    """
    return max((_f1(answer_words(found, language), answer_words(one, language)) for one in gold), default=0.0)


def _f1(found: Sequence[str], gold: Sequence[str]) -> float:
    if not found and not gold:
        return 1.0
    return 2 * sum((Counter(found) & Counter(gold)).values()) / (len(found) + len(gold))


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the probability that a positive scores above a negative, ties counting half; NaN without both kinds."""
    score, label = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    positives, negatives = score[label], np.sort(score[~label])
    if not len(positives) or not len(negatives):
        return math.nan
    below = np.searchsorted(negatives, positives, side="left")
    upto = np.searchsorted(negatives, positives, side="right")
    return float((below + upto).mean() / 2 / len(negatives))


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """What a threshold would give: arrays of one length, the strictest threshold first.

    coverage: the share of questions answered, those whose confidence is at least `threshold`. risk:
    the share of the answered ones that are wrong. Equal confidences are answered together.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Σ risk · the coverage gained at that step, AURC; 0 is best, NaN without questions.

        As El-Yaniv & Wiener (JMLR 11, 2010) draw the curve; where all confidences differ it is the
        mean of the risk over all the numbers of questions one could answer.
        """
        return float((self.risk * np.diff(self.coverage, prepend=0.0)).sum()) if len(self.risk) else math.nan


def risk_coverage(confidences: ArrayLike, right: ArrayLike) -> RiskCoverage:
    """Return the curve over all thresholds; where no question was asked it has no points."""
    confidence, is_right = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    last = np.flatnonzero(np.diff(ordered, append=-np.inf))
    answered = last + 1
    wrong = np.cumsum(1 - is_right[order])[last]
    return RiskCoverage(ordered[last], answered / max(1, len(ordered)), wrong / answered)


@dataclass(frozen=True, slots=True)
class Bin:
    """The questions whose confidence is in `[low, high)`, the last bin `[low, 1]`; means are NaN where there are none.

    confidence: their mean confidence. right: the share of them answered right.
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float


def reliability(confidences: ArrayLike, right: ArrayLike) -> list[Bin]:
    """Return ten bins of equal width of the confidences in [0, 1]."""
    confidence, is_right = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    count, sure, good = _binned(confidence, is_right)
    mean_sure = np.divide(sure, count, out=np.full(BINS, math.nan), where=count > 0)
    mean_good = np.divide(good, count, out=np.full(BINS, math.nan), where=count > 0)
    return [Bin(i / BINS, (i + 1) / BINS, int(count[i]), float(mean_sure[i]), float(mean_good[i])) for i in range(BINS)]


def calibration_error(confidences: ArrayLike, right: ArrayLike) -> float:
    """Return Σ (questions in the bin / all) · |mean confidence − share right| over the bins of `reliability`; ECE.

    NaN without questions; an empty bin adds nothing (Naeini et al., AAAI 2015).
    """
    confidence, is_right = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    _, sure, good = _binned(confidence, is_right)
    return float(np.abs(sure - good).sum() / len(confidence)) if len(confidence) else math.nan


def _binned(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return for every bin how many questions are in it, and the sums of their confidences and of the right ones."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    weighed = [np.bincount(bins, weights=weights, minlength=BINS) for weights in (confidence, right)]
    return np.bincount(bins, minlength=BINS).astype(np.float64), *(one.astype(np.float64) for one in weighed)
