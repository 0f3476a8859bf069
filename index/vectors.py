"""Nearest neighbours over fp16 vectors (FAISS): a large part that stays, a small one that is new, the gone ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to here the fp16 vectors are compared. Above, one bit a dimension picks candidates, and their fp16 vectors
# give the order (RaBitQ, doi:10.1145/3654970).
LARGEST_EXACT = 20_000
_CANDIDATES = 1000
# Above this, the vectors lie in √n lists by their nearest centroid, and candidates come out of the quarter of the
# lists nearest to the question. Clustered vectors would do with fewer lists, those of real questions and passages
# would not (tests/benchmarks/neighbours.py).
LARGEST_WITHOUT_LISTS = 200_000
_PROBED_SHARE = 0.25
_CANDIDATES_OF_LISTS = 500
_SPARE = 8
_TRAINED_ON_PER_LIST = 64
_AT_ONCE = 20_000


class VectorSet:
    """An immutable file of vectors under ascending passage numbers."""

    def __init__(self, index: faiss.Index, numbers: NDArray[np.int64]) -> None:
        self._index = index
        self.numbers = numbers
        # A selector works on the fp16 vectors only: over the one-bit codes FAISS ignores it silently.
        self._exact, self._has_lists = index, False
        if isinstance(index, faiss.IndexRefine):
            refined: Any = index
            self._exact = faiss.downcast_index(refined.refine_index)
            self._has_lists = isinstance(faiss.downcast_index(refined.base_index), faiss.IndexIVF)

    @classmethod
    def write(
        cls,
        path: Path,
        numbers: NDArray[np.int64],
        fetch: Callable[[NDArray[np.int64]], NDArray[np.float16]],
        *,
        dimension: int,
    ) -> None:
        """Write the vectors of ascending passage numbers to `path`, and the numbers beside it.

        `fetch` returns vectors by number, float16 of shape (n, dimension); it is asked for some at a time.
        """
        # Half the memory of float32 at a recall of .999; eight bits would cap it at .967, because
        # the cosines of this family of models lie so close together.
        if len(numbers) <= LARGEST_EXACT:
            index: Any = faiss.IndexScalarQuantizer(
                dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
            )
        else:
            lists = math.isqrt(len(numbers))
            by_lists = f"IVF{lists}," if len(numbers) > LARGEST_WITHOUT_LISTS else ""
            index = faiss.index_factory(dimension, f"{by_lists}RaBitQfs,Refine(SQfp16)", faiss.METRIC_INNER_PRODUCT)
            trained_on = fetch(numbers[:: max(1, len(numbers) // (_TRAINED_ON_PER_LIST * lists))])
            index.train(trained_on.astype(np.float32))
        for begin in range(0, len(numbers), _AT_ONCE):
            index.add(fetch(numbers[begin : begin + _AT_ONCE]).astype(np.float32))
        faiss.write_index(index, str(path))
        np.save(_numbers_file(path), numbers)

    @classmethod
    def open(cls, path: Path) -> VectorSet:
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC), np.load(_numbers_file(path), mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(
        self, query_vector: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the `k` nearest and their cosines; `allowed`, shape (len,), tells among which."""
        k = min(k, len(self) if allowed is None else int(allowed.sum()))
        if not k:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parameters: Any = None
        index = self._index
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
            parameters = faiss.SearchParameters()
            parameters.sel = selector
            index = self._exact
        elif self._exact is not self._index:
            parameters = faiss.IndexRefineSearchParameters()
            candidates = _CANDIDATES
            if self._has_lists:
                probing: Any = faiss.SearchParametersIVF()
                probing.nprobe = math.ceil(_PROBED_SHARE * math.isqrt(len(self)))
                parameters.base_index_params = probing
                candidates = _CANDIDATES_OF_LISTS
            parameters.k_factor = min(max(2, candidates / k), len(self) / k)
        with _one_thread():
            scores, rows = index.search(query_vector[None, :], k, params=parameters)
            if rows[0, -1] < 0:
                # The lists that were looked into hold fewer than are asked for.
                scores, rows = self._exact.search(query_vector[None, :], k)
        return self.numbers[rows[0]], scores[0]

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return stored vectors, float32 of shape (len(rows), dimension)."""
        found: NDArray[np.float32] = self._exact.reconstruct_batch(rows)
        return found


class VectorIndex:
    """Passages by the cosine of their vectors, under their numbers in the truth.

    `base` is written once and kept; `fresh` holds the passages that were embedded since; `gone` are the
    numbers of those of `base` that are no more, ascending.
    """

    def __init__(self, base: VectorSet, fresh: VectorSet, gone: NDArray[np.int64]) -> None:
        self._parts = (base, fresh)
        self._gone = gone
        self._dimension = base.dimension

    def __len__(self) -> int:
        return sum(map(len, self._parts)) - len(self._gone)

    @property
    def base_numbers(self) -> NDArray[np.int64]:
        return self._parts[0].numbers

    def numbers(self) -> NDArray[np.int64]:
        """Return the numbers of all passages that are in it, ascending."""
        return np.setdiff1d(np.concatenate([part.numbers for part in self._parts]), self._gone)

    def search(
        self, query_vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the `k` nearest passages and their cosines, best first, ties by number.

        `allowed` are the numbers, ascending, of the passages that may be found: with them the search is
        exact at every size.
        """
        found = [self._search_part(part, query_vector, k, allowed) for part in self._parts]
        numbers, scores = (np.concatenate(both) for both in zip(*found, strict=True))
        order = np.lexsort((numbers, -scores))[:k]
        return numbers[order], scores[order]

    def vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of passages that are in the index, float32 of shape (len(numbers), dimension)."""
        found = np.empty((len(numbers), self._dimension), np.float32)
        for part in self._parts:
            rows, inside = _rows_of(numbers, part)
            if inside.any():
                found[inside] = part.vectors(rows[inside])
        return found

    def _search_part(
        self, part: VectorSet, query_vector: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if allowed is not None:
            rows, inside = _rows_of(allowed, part)
            may = np.zeros(len(part), bool)
            may[rows[inside]] = True
            return part.search(query_vector, k, may)
        # Some more from the start, or a question with one gone neighbour among many would be searched for twice.
        wanted = k + _SPARE + 2 * k * len(self._gone) // max(1, len(part)) if len(self._gone) else k
        while True:
            numbers, scores = part.search(query_vector, wanted)
            alive = np.isin(numbers, self._gone, invert=True)
            if alive.sum() >= k or wanted >= len(part):
                return numbers[alive][:k], scores[alive][:k]
            wanted = max(2 * wanted, wanted + len(numbers) - int(alive.sum()))


def cosines_of(vectors: NDArray[np.float32], query_vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosines of vectors of unit length, shape (n, dimension), to that of the question, shape (n,)."""
    # Not a matrix product: its last bits depend on which rows stand beside a row.
    cosines: NDArray[np.float32] = (vectors * query_vector).sum(axis=1)
    return cosines


def _rows_of(numbers: NDArray[np.int64], part: VectorSet) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where passages stand in a part, and which of them are in it at all, both of shape (len(numbers),)."""
    if not len(part):
        return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)
    rows = np.minimum(np.searchsorted(part.numbers, numbers), len(part) - 1)
    return rows, part.numbers[rows] == numbers


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search on one thread: one question is too little to share out, its threads would wait for each other.

    Where torch was loaded first the number counts for its models in this thread too, so it is set back.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _numbers_file(path: Path) -> Path:
    return path.with_suffix(".npy")
