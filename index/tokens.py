"""What a model makes of each piece of a text, and where the piece stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """The tokens of one text, prompt and control tokens left out.

    `states` are the model's last hidden states, float32 of shape (n, dimension), and token i stands at
    `[starts[i], ends[i])` of the text. `vector` is that of the whole text, pooled as the model does
    it, of unit length, shape (dimension,).
    """

    states: NDArray[np.float32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    vector: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        states: NDArray[np.float32],
        offsets: NDArray[np.int64],
        vector: NDArray[np.float32],
        *,
        prompt_length: int = 0,
    ) -> Self:
        """Make it of all states of prompt and text, their offsets, int64 of shape (n, 2), and the pooled vector."""
        # Control tokens have no width, and those of the prompt end before the text begins.
        kept = (offsets[:, 1] > offsets[:, 0]) & (offsets[:, 1] > prompt_length)
        # The first token of the text may begin with the prompt's last space.
        starts, ends = np.maximum(offsets[kept] - prompt_length, 0).T
        return cls(states[kept], starts, ends, (vector / np.linalg.norm(vector)).astype(np.float32))

    def within(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return which tokens touch `[start, end)` of the text, shape (n,)."""
        return (self.starts < end) & (self.ends > start)
