from __future__ import annotations

import numpy as np
import pytest

from index.vectors import VectorIndex


@pytest.fixture
def vectors():
    made = np.random.default_rng(7).standard_normal((300, 16))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


def test_search_agrees_with_brute_force(tmp_path, vectors):
    index = VectorIndex.build(tmp_path / "v", vectors)
    for query in vectors[:20].astype(np.float32):
        rows, scores = index.search(query, 10)
        exact = vectors.astype(np.float32) @ query
        assert rows.tolist() == np.lexsort((np.arange(300), -exact))[:10].tolist()
        np.testing.assert_allclose(scores, exact[rows], atol=1e-6)
        np.testing.assert_allclose(index.cosines(query, rows), exact[rows], atol=1e-6)


def test_equal_vectors_are_in_row_order(tmp_path, vectors):
    index = VectorIndex.build(tmp_path / "v", np.repeat(vectors[:1], 30, axis=0))
    assert index.search(vectors[0].astype(np.float32), 30)[0].tolist() == list(range(30))


def test_a_file_opens_again(tmp_path, vectors):
    VectorIndex.build(tmp_path / "v", vectors)
    opened = VectorIndex.open(tmp_path / "v")
    assert len(opened) == 300
    assert opened.search(vectors[5].astype(np.float32), 1)[0].tolist() == [5]


def test_asking_for_more_than_there_is_gives_all(tmp_path, vectors):
    assert len(VectorIndex.build(tmp_path / "v", vectors[:3]).search(vectors[0].astype(np.float32), 10)[0]) == 3
