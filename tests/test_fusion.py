from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from index.fusion import _standardised, fuse

scores = nps.arrays(np.float32, st.integers(1, 30), elements=st.integers(-10, 10).map(float))


def test_worked_example():
    # z(1, 2, 3) = (-1.2247, 0, 1.2247) and z(0, 0, 3) = (-.7071, -.7071, 1.4142)
    fused = fuse(np.float32([1, 2, 3]), np.float32([0, 0, 3]), vector_weight=0.7)
    np.testing.assert_allclose(fused, [-1.0694, -0.2121, 1.2816], atol=1e-4)


def test_worked_example_with_texts_in_another_language():
    # z(4, 1, 3, 2) = (1.3416, -1.3416, .4472, -.4472): the two others are further by 1.7889 on average, and half of
    # that is made up for. z(0, 3) = (-1, 1).
    cosines, words = np.float32([4, 1, 3, 2]), np.float32([0, 0, 3, 0])
    foreign = np.array([False, True, False, True])
    np.testing.assert_allclose(fuse(cosines, words, foreign=foreign), [0.6391, -0.4472, 0.6130, 0.4472], atol=1e-4)
    # Nearer, they stay where they are.
    np.testing.assert_allclose(fuse(cosines, words, foreign=~foreign)[2], 0.4472, atol=1e-4)


@given(scores)
def test_texts_all_of_one_language_are_as_without(vectors):
    words = vectors[::-1].copy()
    for foreign in (np.zeros(len(vectors), bool), np.ones(len(vectors), bool)):
        assert np.array_equal(fuse(vectors, words, foreign=foreign), fuse(vectors, words))


def test_where_no_word_is_found_texts_in_both_languages_count_by_their_vectors():
    cosines, foreign = np.float32([4, 3, 2, 1]), np.array([False, True, False, True])
    found = fuse(cosines, np.zeros(4, np.float32), foreign=foreign)
    np.testing.assert_allclose(found, [1.3416, 0.8944, -0.4472, -0.8944], atol=1e-4)


@given(scores)
def test_a_side_without_differences_changes_nothing(vectors):
    flat = np.zeros_like(vectors)
    assert np.array_equal(
        np.argsort(fuse(vectors, flat), kind="stable"), np.argsort(fuse(vectors, flat + 3), kind="stable")
    )


@given(scores, st.floats(0.5, 4, width=32), st.floats(-5, 5, width=32))
def test_scale_and_offset_of_a_side_do_not_matter(vectors, scale, offset):
    words = vectors[::-1].copy()
    np.testing.assert_allclose(fuse(vectors, words), fuse(vectors, words * scale + offset), atol=1e-4)


def test_nothing_and_one_candidate():
    assert fuse(np.float32([]), np.float32([])).shape == (0,)
    assert fuse(np.float32([3]), np.float32([1])).tolist() == [0]


def test_the_order_of_the_candidates_does_not_change_a_bit():
    # float32 hides most differences of the last bits, but a tie that one of them breaks would move.
    rng = np.random.default_rng(3)
    for _ in range(50):
        scores = rng.standard_normal(60).astype(np.float32)
        order = rng.permutation(60)
        assert np.array_equal(_standardised(scores)[order], _standardised(scores[order]))
