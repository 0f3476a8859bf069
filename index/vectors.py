"""Exact nearest neighbours over fp16 vectors (FAISS)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class VectorIndex:
    """Passages by the cosine of their vectors; a row is a passage's place in the generation."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, path: Path, vectors: NDArray[np.float16]) -> VectorIndex:
        """Write an index of vectors, float16 of shape (n, dimension), the first being row 0, to a file."""
        # Half the memory of float32 at a recall of .999; eight bits would cap it at .967, because
        # the cosines of this family of models lie so close together.
        index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.add(vectors.astype(np.float32))
        faiss.write_index(index, str(path))
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> VectorIndex:
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query_vector: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of the `k` nearest passages and their cosines, best first, ties by row."""
        scores, rows = self._index.search(query_vector[None, :], min(k, len(self)))
        order = np.lexsort((rows[0], -scores[0]))
        return rows[0][order], scores[0][order]

    def cosines(self, query_vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the cosines of chosen rows, float32 of shape (len(rows),)."""
        if not len(rows):
            return np.empty(0, np.float32)
        found: NDArray[np.float32] = self._index.reconstruct_batch(rows) @ query_vector
        return found
