"""Two evaluations of the same questions → which differences are real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import InputError
from qa.evaluation import Record
from qa.measures import MEASURES, Columns, Measure, columns, rounded
from qa.resampling import Rows, cluster_samples, exchange_p_value, exchanges, holm, percentile_interval

SAMPLES = 2000
# Below this adjusted p-value a difference is called real.
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of both: `low` and `high` bound B − A (95 %), `p_adjusted` is Holm's over all measures compared."""

    measure: Measure
    before: float
    after: float
    low: float
    high: float
    p: float
    p_adjusted: float
    questions: int

    @property
    def is_real(self) -> bool:
        return self.p_adjusted < SIGNIFICANT

    @property
    def verdict(self) -> str:
        """Return "better", "worse", or "no difference shown", of B against A."""
        if not self.is_real:
            return "no difference shown"
        return "better" if (self.after > self.before) == self.measure.higher_is_better else "worse"

    def to_json(self) -> dict[str, Any]:
        numbers = {
            "a": self.before,
            "b": self.after,
            "difference": self.after - self.before,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
        }
        return {
            "measure": self.measure.name,
            **{name: rounded(number) for name, number in numbers.items()},
            "questions": self.questions,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, measure by measure, over the questions that both were asked; the rest only counted.

    `changed` counts questions of one id whose words differ, which are left out.
    """

    differences: tuple[Difference, ...]
    shared: int
    only_a: int
    only_b: int
    changed: int

    def to_json(self) -> dict[str, Any]:
        return {
            "shared": self.shared,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "changed": self.changed,
            "differences": [difference.to_json() for difference in self.differences],
        }


def compare(before: Sequence[Record], after: Sequence[Record], *, samples: int = SAMPLES) -> Comparison:
    """Test, question by question, whether B (`after`) differs from A (`before`).

    A measure is compared over the records for which both have it. The p-value is that of an
    exchange of the two systems' results, group by group; Holm's correction covers all the
    measures compared. Raises InputError if no question is in both.
    """
    by_id = {record.id: record for record in before}
    common = [(by_id[record.id], record) for record in after if record.id in by_id]
    pairs = [(a, b) for a, b in common if a.question == b.question and a.answerable == b.answerable]
    if not pairs:
        raise InputError("the two evaluations share no question: expected two of the same files")
    groups = [b.group for _, b in pairs]
    a, b = _known_to_both(columns([a for a, _ in pairs]), columns([b for _, b in pairs]))
    measures = [one for one in MEASURES if not math.isnan(one.value(a)) and not math.isnan(one.value(b))]
    drawn = [_differences(measures, _at(a, rows), _at(b, rows)) for rows in cluster_samples(groups, samples)]
    exchanged = [
        _differences(measures, _mixed(a, b, swapped), _mixed(b, a, swapped)) for swapped in exchanges(groups, samples)
    ]
    observed = _differences(measures, a, b)
    p_values = [
        exchange_p_value(observed[i], [differences[i] for differences in exchanged]) for i in range(len(measures))
    ]
    return Comparison(
        tuple(
            Difference(
                measure,
                measure.value(a),
                measure.value(b),
                *percentile_interval([differences[i] for differences in drawn]),
                p,
                p_adjusted,
                int(measure.chosen(b).sum()),
            )
            for i, (measure, p, p_adjusted) in enumerate(zip(measures, p_values, holm(p_values), strict=True))
        ),
        shared=len(pairs),
        only_a=len(by_id) - len(common),
        only_b=len(after) - len(common),
        changed=len(common) - len(pairs),
    )


def _known_to_both(a: Columns, b: Columns) -> tuple[Columns, Columns]:
    """Return the columns with only what both have, and with confidences made comparable in "order"."""
    known = {name: ~np.isnan(a[name]) & ~np.isnan(b[name]) for name in a}
    one, other = ({name: np.where(known[name], table[name], math.nan) for name in table} for table in (a, b))
    for table in (one, other):
        table["order"] = _places(table["order"])
    return one, other


def _places(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each value's place in the order of all, equal values in the middle of theirs; NaN stays."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    places = np.cumsum(counts) - (counts - 1) / 2
    return np.where(np.isnan(values), math.nan, places[inverse])


def _at(table: Columns, rows: Rows) -> Columns:
    return {name: values[rows] for name, values in table.items()}


def _mixed(table: Columns, other: Columns, swapped: NDArray[np.bool_]) -> Columns:
    return {name: np.where(swapped, other[name], values) for name, values in table.items()}


def _differences(measures: Sequence[Measure], a: Columns, b: Columns) -> list[float]:
    return [measure.value(b) - measure.value(a) for measure in measures]
