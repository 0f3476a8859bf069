"""How far a figure could be from the truth by the luck of the questions: intervals and tests, all seeded.

Questions about one document are found or missed together, so what is drawn, or exchanged, is
always all the questions of a group at once; drawing single questions would make the intervals too
narrow. A group is a document, for SQuAD a paragraph, and not an article: files of a few articles
would leave too few groups to draw from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SEED = 20221004
LEVEL = 0.95

Rows = NDArray[np.int64]


def cluster_samples(groups: Sequence[str], samples: int, *, seed: int = SEED) -> Iterator[Rows]:
    """Yield the rows of `samples` bootstrap samples: as many groups as there are, drawn with repeats, each whole.

    None where there are no groups.
    """
    members = _members(groups)
    if not members:
        return
    order = np.concatenate(members)
    sizes = np.array([len(rows) for rows in members])
    starts = np.cumsum(sizes) - sizes
    random = np.random.default_rng(seed)
    for _ in range(samples):
        drawn = random.integers(len(members), size=len(members))
        size = sizes[drawn]
        # A running number within each drawn group, from where that group's rows begin.
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        yield order[np.repeat(starts[drawn], size) + within]


def percentile_interval(estimates: Iterable[float]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of bootstrap estimates; those that are NaN tell nothing and are left out.

    NaN where none is left. Efron's percentile interval (doi:10.1214/ss/1177013815).
    """
    known = np.array([value for value in estimates if not math.isnan(value)])
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def exchanges(groups: Sequence[str], samples: int, *, seed: int = SEED) -> Iterator[NDArray[np.bool_]]:
    """Yield for every sample which rows two systems exchange: each group with probability ½, whole."""
    members = _members(groups)
    group_of = np.empty(len(groups), np.int64)
    for number, rows in enumerate(members):
        group_of[rows] = number
    random = np.random.default_rng(seed)
    for _ in range(samples):
        yield (random.random(len(members)) < 0.5)[group_of]


def exchange_p_value(observed: float, exchanged: Iterable[float]) -> float:
    """Return how probable a difference as large is if it did not matter which system gave which result.

    p = (1 + how many of the differences after an exchange are as large) / (1 + how many there are),
    two-sided: Noreen's approximate randomisation test, for a mean the sign-flip permutation test.
    An exchange whose difference is NaN counts as large.
    """
    differences = list(exchanged)
    # Sums in another order differ in the last bits; such a difference is as large.
    large = sum(not abs(one) < abs(observed) - 1e-12 for one in differences)
    return (1 + large) / (1 + len(differences))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for having made all these tests, in the order given.

    The i-th smallest of m becomes the largest of (m − j + 1)·p_j over j ≤ i, at most 1 (Holm 1979).
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    reached = 0.0
    for place, i in enumerate(order):
        reached = max(reached, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = reached
    return adjusted


def _members(groups: Sequence[str]) -> list[Rows]:
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [np.array(several, dtype=np.int64) for several in rows.values()]
