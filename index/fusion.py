"""Two rankings of passages, by meaning and by words, made into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Measured on PIAF; between .6 and .8 the difference is within noise (tests/benchmarks/retrieval.py).
VECTOR_WEIGHT = 0.7


def fuse(
    vector_scores: NDArray[np.float32], word_scores: NDArray[np.float32], *, vector_weight: float = VECTOR_WEIGHT
) -> NDArray[np.float32]:
    """Return w·z(vectors) + (1 - w)·z(words) for candidates that have both scores, shape (n,).

    z is the distance from the candidates' mean in standard deviations; where all scores are equal
    it is 0, so a side that tells nothing changes nothing.
    """
    fused = vector_weight * _standardised(vector_scores) + (1 - vector_weight) * _standardised(word_scores)
    return fused.astype(np.float32)


def _standardised(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    # Summed in one order, so that the last bits do not depend on the order in which they came.
    ordered = np.sort(wide)
    deviation = ordered.std() if len(wide) else 0.0
    return (wide - ordered.mean()) / deviation if deviation > 0 else np.zeros(len(wide))
