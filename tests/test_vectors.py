from __future__ import annotations

import faiss
import numpy as np
import pytest

from index import vectors as module
from index.vectors import VectorIndex, VectorSet, cosines_of

DIMENSION = 16


@pytest.fixture
def vectors():
    made = np.random.default_rng(7).standard_normal((300, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


def written(folder, vectors, *, fresh=0, gone=(), step=3):
    """Write vectors under the numbers 0, 3, 6, …, the last `fresh` of them as what came since."""
    numbers = np.arange(len(vectors)) * step
    base = len(vectors) - fresh
    for name, some in (("base.faiss", numbers[:base]), ("fresh.faiss", numbers[base:])):
        VectorSet.write(folder / name, some, lambda asked: vectors[asked // step], dimension=DIMENSION)
    return VectorIndex(
        VectorSet.open(folder / "base.faiss"), VectorSet.open(folder / "fresh.faiss"), np.array(gone, dtype=np.int64)
    )


def nearest(vectors, query, k, among=None, step=3):
    numbers = np.arange(len(vectors)) * step
    exact = vectors.astype(np.float32) @ query
    if among is not None:
        kept = np.isin(numbers, among)
        numbers, exact = numbers[kept], exact[kept]
    order = np.lexsort((numbers, -exact))[:k]
    return numbers[order].tolist(), exact[order]


@pytest.fixture(params=["exact", "candidates", "lists"])
def size(request, monkeypatch):
    """Each way in which vectors lie, by how many there are."""
    if request.param != "exact":
        monkeypatch.setattr(module, "LARGEST_EXACT", 10)
    if request.param == "lists":
        monkeypatch.setattr(module, "LARGEST_WITHOUT_LISTS", 10)
        monkeypatch.setattr(module, "_PROBED_SHARE", 1.0)
    return request.param


@pytest.mark.parametrize("fresh", [0, 40, 300])
def test_search_agrees_with_brute_force(tmp_path, vectors, size, fresh):
    # One bit a dimension picks the candidates; here all 300 are candidates, so nothing is lost.
    gone = np.arange(0, 600, 9) if fresh != 300 else np.empty(0)
    alive = np.setdiff1d(np.arange(300) * 3, gone)
    index = written(tmp_path, vectors, fresh=fresh, gone=gone)
    assert len(index) == len(alive) and index.numbers().tolist() == alive.tolist()
    for query in vectors[:20].astype(np.float32):
        numbers, scores = index.search(query, 15)
        expected, exact = nearest(vectors, query, 15, alive)
        assert numbers.tolist() == expected
        np.testing.assert_allclose(scores, exact, atol=1e-6)
        np.testing.assert_allclose(
            cosines_of(index.vectors(np.sort(numbers)), query), exact[np.argsort(numbers)], atol=1e-6
        )


@pytest.mark.parametrize("count", [0, 1, 3, 150])
def test_only_the_allowed_are_found_and_all_of_them(tmp_path, vectors, size, count):
    index = written(tmp_path, vectors, fresh=50)
    allowed = np.sort(np.random.default_rng(1).choice(300, count, replace=False)) * 3
    for query in vectors[:10].astype(np.float32):
        numbers, _ = index.search(query, 10, allowed)
        assert numbers.tolist() == nearest(vectors, query, 10, allowed)[0]


def test_more_than_the_lists_looked_into_hold_is_found_all_the_same(tmp_path, vectors, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_EXACT", 10)
    monkeypatch.setattr(module, "LARGEST_WITHOUT_LISTS", 10)
    monkeypatch.setattr(module, "_PROBED_SHARE", 0.01)
    query = vectors[0].astype(np.float32)
    assert written(tmp_path, vectors).search(query, 200)[0].tolist() == nearest(vectors, query, 200)[0]


def test_many_gone_neighbours_are_passed_over(tmp_path, vectors):
    index = written(tmp_path, np.repeat(vectors[:1], 300, axis=0), gone=np.arange(290) * 3)
    found = index.search(vectors[0].astype(np.float32), 5)[0].tolist()
    assert len(found) == 5 and min(found) >= 870


def test_equal_vectors_are_in_the_order_of_their_numbers(tmp_path, vectors):
    index = written(tmp_path, np.repeat(vectors[:1], 30, axis=0), fresh=7)
    assert index.search(vectors[0].astype(np.float32), 30)[0].tolist() == list(range(0, 90, 3))


def test_asking_for_more_than_there_is_gives_all(tmp_path, vectors):
    assert len(written(tmp_path, vectors[:3]).search(vectors[0].astype(np.float32), 10)[0]) == 3


def test_an_empty_index_finds_nothing(tmp_path, vectors):
    index = written(tmp_path, vectors[:0])
    assert len(index.search(vectors[0].astype(np.float32), 10)[0]) == 0


def test_a_search_leaves_the_threads_of_the_models_alone(tmp_path, vectors):
    # Where torch was loaded before FAISS they share this number, and a model on one thread takes twice as long.
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        written(tmp_path, vectors).search(vectors[0].astype(np.float32), 5)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
