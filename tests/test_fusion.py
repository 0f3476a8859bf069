from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from index.fusion import _standardised, fuse

scores = nps.arrays(np.float32, st.integers(1, 30), elements=st.integers(-10, 10).map(float))


def test_worked_example():
    # The variance of .80, .82, .84 is .000267; with three more of .03 ** 2, .000583: z = (-.8281, 0, .8281).
    # z(0, 0, 3) = (-.7071, -.7071, 1.4142).
    fused = fuse(np.float32([0.80, 0.82, 0.84]), np.float32([0, 0, 3]), vector_weight=0.7)
    np.testing.assert_allclose(fused, [-0.7918, -0.2121, 1.0039], atol=1e-4)


def test_a_word_that_only_one_of_a_few_holds_outweighs_cosines_next_to_each_other():
    fused = fuse(np.float32([0.840, 0.835, 0.830]), np.float32([0, 0, 3]))
    assert np.argmax(fused) == 2
    apart = fuse(np.float32([0.90, 0.83, 0.76]), np.float32([0, 0, 3]))
    assert np.argmax(apart) == 0


def test_among_many_candidates_the_usual_deviation_of_cosines_changes_little():
    cosines = np.linspace(0.7, 0.9, 200, dtype=np.float32)
    np.testing.assert_allclose(fuse(cosines, np.zeros(200, np.float32)) / 0.7, _standardised(cosines), atol=0.02)


def test_worked_example_with_texts_in_another_language():
    # The variance of .84, .81, .83, .82 is .000125; with three more of .03 ** 2, .000457: z = (.7016, -.7016, .2339,
    # -.2339). The two others are further by .9354 on average, and half of that is made up for. z(0, 3) = (-1, 1).
    cosines, words = np.float32([0.84, 0.81, 0.83, 0.82]), np.float32([0, 0, 3, 0])
    foreign = np.array([False, True, False, True])
    np.testing.assert_allclose(fuse(cosines, words, foreign=foreign), [0.1911, -0.2339, 0.4637, 0.2339], atol=1e-4)
    # Nearer, they stay where they are.
    np.testing.assert_allclose(fuse(cosines, words, foreign=~foreign)[2], 0.2339, atol=1e-4)


@given(scores)
def test_texts_all_of_one_language_are_as_without(vectors):
    words = vectors[::-1].copy()
    for foreign in (np.zeros(len(vectors), bool), np.ones(len(vectors), bool)):
        assert np.array_equal(fuse(vectors, words, foreign=foreign), fuse(vectors, words))


def test_where_no_word_is_found_texts_in_both_languages_count_by_their_vectors():
    cosines, foreign = np.float32([0.84, 0.83, 0.82, 0.81]), np.array([False, True, False, True])
    found = fuse(cosines, np.zeros(4, np.float32), foreign=foreign)
    np.testing.assert_allclose(found, [0.7016, 0.4677, -0.2339, -0.4677], atol=1e-4)


@given(scores)
def test_a_side_without_differences_changes_nothing(vectors):
    flat = np.zeros_like(vectors)
    assert np.array_equal(
        np.argsort(fuse(vectors, flat), kind="stable"), np.argsort(fuse(vectors, flat + 3), kind="stable")
    )


@given(scores, st.floats(0.5, 4, width=32), st.floats(-5, 5, width=32))
def test_scale_and_offset_of_words_do_not_matter_nor_the_offset_of_vectors(vectors, scale, offset):
    words = vectors[::-1].copy()
    np.testing.assert_allclose(fuse(vectors, words), fuse(vectors + offset, words * scale + offset), atol=1e-4)


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
