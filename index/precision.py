"""In which precision matrices are multiplied; what is added up over the layers stays in float32."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

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


def multiplying_fast(device: str) -> AbstractContextManager[object]:
    """Have models in float32 on the processor multiply in that precision; those on another device keep their own."""
    precision = matrix_precision()
    return torch.autocast("cpu", precision) if device == "cpu" and precision != torch.float32 else nullcontext()
