"""Records → the figures of an evaluation, each with how far the luck of the questions may have moved it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.evaluation import Record
from qa.metrics import auroc, calibration_error, ndcg, reciprocal_rank, risk_coverage, success
from qa.resampling import cluster_samples, percentile_interval

SAMPLES = 1000

# Arrays of one length, a place for each record; NaN where something does not apply or was not measured.
Columns = Mapping[str, NDArray[np.float64]]
Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: its name in files, its words for people, and how it is made.

    It is `of` the columns it needs, at the records `among` which it is asked and for which all
    of them are known.
    """

    name: str
    label: str
    higher_is_better: bool
    needs: tuple[str, ...]
    among: Callable[[Columns], Chosen]
    of: Callable[..., float]

    def value(self, table: Columns) -> float:
        """Return the figure; NaN where it is asked of no record."""
        chosen = self.chosen(table)
        return float(self.of(*(table[column][chosen] for column in self.needs))) if chosen.any() else math.nan

    def chosen(self, table: Columns) -> Chosen:
        """Return which records count."""
        rows = self.among(table)
        for column in self.needs:
            rows &= ~np.isnan(table[column])
        return rows


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure's value, its 95 % bootstrap interval, and over how many records it was taken."""

    value: float
    low: float
    high: float
    count: int

    def to_json(self) -> dict[str, Any]:
        return {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "questions": self.count,
        }


def rounded(value: float) -> float | None:
    """Return a number as results are written: six digits after the point, None for NaN."""
    return None if math.isnan(value) else round(value, 6)


def columns(records: Sequence[Record]) -> Columns:
    """Return what the measures are made of.

    "order" is the confidence where only its order matters; a comparison puts both systems' on one scale.
    """
    found = {
        "answerable": _column(record.answerable for record in records),
        "masked": _column(record.masked for record in records),
        "answered": _column(record.answered for record in records),
        "confidence": _column(record.confidence for record in records),
        "order": _column(record.confidence for record in records),
        "cited": _column(record.cited for record in records),
        "nearby": _column(record.nearby for record in records),
        "exact": _column(record.exact for record in records),
        "f1": _column(record.f1 for record in records),
        "mrr": _column(None if r.ranks is None else reciprocal_rank(r.ranks, 20) for r in records),
        "ndcg": _column(
            None if r.ranks is None or r.relevant is None else ndcg(r.ranks, r.relevant, 10) for r in records
        ),
    }
    for k in (1, 3, 5, 20):
        found[f"recall@{k}"] = _column(None if r.ranks is None else success(r.ranks, k) for r in records)
    for k in (1, 3):
        found[f"right@{k}"] = _column(None if r.right is None else any(r.right[:k]) for r in records)
    return found


def _column(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def figures(records: Sequence[Record], *, samples: int = SAMPLES) -> dict[str, Figure]:
    """Return every measure that some record counts in, by name, in the order of `MEASURES`."""
    table = columns(records)
    measured = [measure for measure in MEASURES if not math.isnan(measure.value(table))]
    estimates: list[list[float]] = []
    for rows in cluster_samples([record.group for record in records], samples):
        sample = {name: values[rows] for name, values in table.items()}
        estimates.append([measure.value(sample) for measure in measured])
    found = {}
    for i, measure in enumerate(measured):
        low, high = percentile_interval([values[i] for values in estimates])
        found[measure.name] = Figure(measure.value(table), low, high, int(measure.chosen(table).sum()))
    return found


def _among(**wanted: bool) -> Callable[[Columns], Chosen]:
    """Return what chooses the records whose columns have the values wanted."""

    def chosen(table: Columns) -> Chosen:
        rows = np.full(len(table["answerable"]), True)
        for column, value in wanted.items():
            rows &= table[column] == value
        return rows

    return chosen


_ANSWERABLE = _among(answerable=True)
_UNANSWERABLE = _among(answerable=False, masked=False)
_MASKED = _among(masked=True)
_AS_ASKED = _among(masked=False)
_ANSWERED = _among(masked=False, answered=True)


def _answerable_or_masked(table: Columns) -> Chosen:
    return _ANSWERABLE(table) | _MASKED(table)


def _rest(values: NDArray[np.float64]) -> float:
    return float(1 - values.mean())


def _area(order: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    return risk_coverage(order, right).area


def _share(name: str, label: str, column: str) -> Measure:
    """Return a mean over the answerable questions."""
    return Measure(name, label, True, (column,), _ANSWERABLE, np.mean)


_APART = ("order", "answerable")
_SURE = ("order", "right@1")
MEASURES = (
    _share("recall@1", "the first passage holds the answer (recall@1)", "recall@1"),
    _share("recall@3", "one of the first 3 passages (recall@3)", "recall@3"),
    _share("recall@5", "one of the first 5 passages (recall@5)", "recall@5"),
    _share("recall@20", "one of the first 20 passages (recall@20)", "recall@20"),
    _share("mrr@20", "MRR@20", "mrr"),
    _share("ndcg@10", "nDCG@10", "ndcg"),
    _share("hit@1", "the first sentence holds the answer (hit@1)", "right@1"),
    _share("hit@3", "one of the first 3 sentences (hit@3)", "right@3"),
    _share("cited", "a sentence shown holds it, silence counted", "cited"),
    _share("exact_match", "the span is the answer (exact match)", "exact"),
    _share("f1", "the span shares the answer's words (F1)", "f1"),
    Measure("auroc", "told from the unanswerable (AUROC)", True, _APART, _AS_ASKED, auroc),
    Measure("auroc_masked", "told from other subjects (AUROC)", True, _APART, _answerable_or_masked, auroc),
    Measure("aurc", "area under risk–coverage (AURC)", False, _SURE, _AS_ASKED, _area),
    Measure("ece", "expected calibration error (ECE)", False, ("confidence", "right@1"), _AS_ASKED, calibration_error),
    Measure("wrong_answers", "first quote wrong, of all answered", False, ("right@1",), _ANSWERED, _rest),
    Measure("false_answers", "answered, of the unanswerable", False, ("answered",), _UNANSWERABLE, np.mean),
    Measure("false_answers_masked", "answered, of other subjects", False, ("answered",), _MASKED, np.mean),
    Measure("needless_silences", "silent, of the answerable", False, ("answered",), _ANSWERABLE, _rest),
    _share("nearby", "a nearest sentence holds the answer, of these", "nearby"),
)
