from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qa.resampling import cluster_samples, exchange_p_value, exchanges, holm, percentile_interval

GROUPS = ["a", "b", "a", "c", "c", "c"]


def test_a_sample_draws_whole_groups_and_as_many_as_there_are():
    members = {"a": {0, 2}, "b": {1}, "c": {3, 4, 5}}
    seen = set()
    for rows in cluster_samples(GROUPS, 200):
        counts = np.bincount(rows, minlength=6)
        drawn = {name: {int(counts[row]) for row in of} for name, of in members.items()}
        assert all(len(times) == 1 for times in drawn.values()), "a group came in part"
        assert sum(times.pop() for times in drawn.values()) == 3
        seen.add(tuple(sorted(rows.tolist())))
    # Ten ways to draw three of three with repeats.
    assert len(seen) == 10
    assert list(cluster_samples([], 5)) == []


def test_the_same_seed_draws_the_same():
    def drawn(**seed):
        return [rows.tolist() for rows in cluster_samples(GROUPS, 5, **seed)]

    assert drawn() == drawn() != drawn(seed=1)


def test_the_interval_of_a_mean_is_scipy_s():
    values = np.random.default_rng(3).random(60)
    groups = [str(i) for i in range(60)]
    ours = percentile_interval(values[rows].mean() for rows in cluster_samples(groups, 4000))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.01)


def test_questions_of_one_document_widen_the_interval():
    """Ten copies of each question tell no more than one of each."""
    values = np.repeat(np.arange(20) % 2, 10).astype(float)
    together = percentile_interval(
        values[rows].mean() for rows in cluster_samples([str(i // 10) for i in range(200)], 500)
    )
    apart = percentile_interval(values[rows].mean() for rows in cluster_samples([str(i) for i in range(200)], 500))
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_the_interval_leaves_out_what_is_unknown():
    assert percentile_interval([math.nan, 2.0, 2.0]) == (2, 2)
    assert all(map(math.isnan, percentile_interval([math.nan])))


def test_an_exchange_takes_whole_groups():
    for swapped in exchanges(GROUPS, 50):
        assert swapped[0] == swapped[2] and swapped[3] == swapped[4] == swapped[5]
    assert len({tuple(swapped.tolist()) for swapped in exchanges(GROUPS, 200)}) == 8


def test_the_p_value_worked_example():
    # Two of four exchanges are at least as far from 0.
    assert exchange_p_value(0.5, [0.5, -0.6, 0.1, 0.0]) == 3 / 5
    assert exchange_p_value(0.0, [0.0, 0.0]) == 1
    assert exchange_p_value(0.5, [math.nan]) == 1


def test_the_p_value_of_a_mean_is_scipy_s_exact_permutation_test():
    random = np.random.default_rng(5)
    a = random.random(9)
    b = a + random.normal(0.15, 0.2, 9)
    groups = [str(i) for i in range(9)]
    differences = [
        np.where(swapped, a, b).mean() - np.where(swapped, b, a).mean() for swapped in exchanges(groups, 4000)
    ]
    ours = exchange_p_value(b.mean() - a.mean(), differences)
    theirs = stats.permutation_test(
        (a, b), lambda x, y, axis: (y - x).mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert ours == pytest.approx(theirs, abs=0.02)


def test_holm_worked_example():
    # The four are multiplied by 3, 1, 2 and 4; the third must not fall below the second.
    assert holm([0.02, 0.04, 0.03, 0.01]) == pytest.approx([0.06, 0.06, 0.06, 0.04])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_stepping_down_rejects(p_values):
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.2):
        # Holm's procedure itself: from the smallest on, until one is above level / those left.
        rejected = set()
        for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[i] * (len(p_values) - place) > level:
                break
            rejected.add(i)
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
