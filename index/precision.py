"""In which precision matrices are multiplied; what is added up over the layers stays in float32."""

from __future__ import annotations

import os

import torch

from index.errors import InputError

VARIABLE = "SOURCIER_PRECISION"
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def matrix_precision() -> torch.dtype:
    """Return bfloat16 where the processor has instructions for it, which is two to three times as fast, else float32.

    `$SOURCIER_PRECISION`, fp32 or bf16, decides otherwise. Raises InputError for anything else in it.
    """
    wanted = os.environ.get(VARIABLE) or "auto"
    if wanted == "auto":
        return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
    if wanted not in _PRECISIONS:
        raise InputError(f"${VARIABLE} is {wanted!r}: expected auto, {' or '.join(_PRECISIONS)}")
    return _PRECISIONS[wanted]
