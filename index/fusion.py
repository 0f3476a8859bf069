"""Two rankings of passages, by meaning and by words, made into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Measured on PIAF; between .6 and .8 the difference is within noise (tests/benchmarks/retrieval.py).
VECTOR_WEIGHT = 0.7
# A text is nearer to a question in its own language, whatever it says: of that difference, which a few candidates
# tell badly, this part is made up for. Measured on XQuAD, PIAF and SQuAD together (tests/benchmarks/retrieval.py).
_MADE_UP = 0.5
# How far cosines of candidates usually lie apart. Those of a few say little of it, and with the deviation of two or
# three alone, a difference of .01 would outweigh any word; so a few more of the usual kind are added to them.
# Measured on the articles of PIAF, each in an index of its own (tests/benchmarks/retrieval.py).
_USUAL_DEVIATION = 0.03
_ADDED = 3


def fuse(
    vector_scores: NDArray[np.float32],
    word_scores: NDArray[np.float32],
    *,
    foreign: NDArray[np.bool_] | None = None,
    vector_weight: float = VECTOR_WEIGHT,
) -> NDArray[np.float32]:
    """Return w·z(vectors) + (1 - w)·z(words) for candidates that have both scores, shape (n,).

    z is the distance from the candidates' mean in standard deviations, for vectors as if a few more
    candidates had the usual one; where all scores are equal it is 0, so a side that tells nothing
    changes nothing. `foreign` candidates, in another language than the question, share no words with
    it: beside others, which z(words) is taken of, their vectors count alone.
    """
    vectors = _standardised(vector_scores, usual=_USUAL_DEVIATION)
    if foreign is None or foreign.all() or not foreign.any():
        fused = vector_weight * vectors + (1 - vector_weight) * _standardised(word_scores)
        return fused.astype(np.float32)
    own = ~foreign
    words = _standardised(word_scores[own])
    fused = vectors + _MADE_UP * max(0.0, _mean(vectors[own]) - _mean(vectors[foreign]))
    # Where no word tells anything, vectors count alone on both sides.
    fused[own] = vector_weight * vectors[own] + (1 - vector_weight) * words if words.any() else vectors[own]
    return fused.astype(np.float32)


def _standardised(scores: NDArray[np.float32], *, usual: float | None = None) -> NDArray[np.float64]:
    """Return distances from the mean in standard deviations, drawn towards the usual one where it is given."""
    wide = scores.astype(np.float64)
    # Summed in one order, so that the last bits do not depend on the order in which they came.
    ordered = np.sort(wide)
    if not len(wide) or ordered[0] == ordered[-1]:
        return np.zeros(len(wide))
    variance = ordered.var()
    if usual is not None:
        variance = (len(wide) * variance + _ADDED * usual**2) / (len(wide) + _ADDED)
    standardised: NDArray[np.float64] = (wide - ordered.mean()) / np.sqrt(variance)
    return standardised


def _mean(scores: NDArray[np.float64]) -> float:
    """Return the mean, summed in one order too."""
    return float(np.sort(scores).mean())
