from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.squad import auroc, reciprocal_rank

scored = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("relevant", "expected"), [([True], 1), ([False, False, True, True], 1 / 3), ([False], 0), ([], 0)]
)
def test_reciprocal_rank(relevant, expected):
    assert reciprocal_rank(relevant) == expected


def test_auroc_worked_example():
    # Of the four pairs, (.9, .1), (.9, .5) and (.2, .1) are in order and (.2, .5) is not.
    assert auroc([0.9, 0.2, 0.1, 0.5], [True, True, False, False]) == 0.75
    assert auroc([1, 1], [True, False]) == 0.5
    assert math.isnan(auroc([1, 2], [True, True]))


@given(scored)
def test_auroc_is_the_share_of_ordered_pairs(pairs):
    positives = [score for score, label in pairs if label]
    negatives = [score for score, label in pairs if not label]
    if positives and negatives:
        wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
        expected = wins / len(positives) / len(negatives)
        assert auroc(*zip(*pairs, strict=True)) == pytest.approx(expected)
