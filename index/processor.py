"""What models compute on: in which precision, on which device, and each text on a core of its own."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TypeVar

import torch

from index.environment import DEVICE, PRECISION, PRECISIONS
from index.errors import InputError

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


def device() -> torch.device:
    """Return where models are computed: a GPU if there is one, else the processor; `$SOURCIER_DEVICE` names another.

    Raises InputError for one that this machine or this PyTorch lacks.
    """
    wanted = os.environ.get(DEVICE) or "auto"
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(f"${DEVICE} is {wanted!r}: expected auto, cpu, or a device of PyTorch such as cuda") from error
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"${DEVICE} is {wanted!r}, which is not there ({reason}): expected auto or cpu") from error
    return found


def matrix_precision(on: torch.device | None = None) -> torch.dtype:
    """Return bfloat16 where the hardware has instructions for it, which is two to eight times as fast, else float32.

    Only matrices are multiplied in it; what is added up over the layers stays in float32.
    `$SOURCIER_PRECISION`, fp32 or bf16, decides otherwise. Raises InputError for anything else in it.
    """
    wanted = _wanted_precision()
    is_fast = wanted == "bf16" or (wanted == "auto" and _multiplies_bfloat16(on or torch.device("cpu")))
    return torch.bfloat16 if is_fast else torch.float32


def training_precision(on: torch.device) -> torch.dtype:
    """Return what to multiply in while a model is trained: float16 where that is faster, else as in `matrix_precision`.

    In float16 small gradients become zero, unless the loss is scaled up first.
    """
    return torch.float16 if _wanted_precision() == "auto" and _float16_is_faster(on) else matrix_precision(on)


def multiplying_fast(on: torch.device) -> AbstractContextManager[object]:
    """Have a model of others multiply in that precision on the processor; on another device it keeps its own."""
    precision = matrix_precision()
    return torch.autocast("cpu", precision) if on.type == "cpu" and precision != torch.float32 else nullcontext()


def packs_matrices() -> bool:
    """Whether matrices in bfloat16 can be laid out for the processor once, instead of at every multiplication."""
    return (
        _multiplies_bfloat16(torch.device("cpu"))
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _wanted_precision() -> str:
    wanted = os.environ.get(PRECISION) or "auto"
    if wanted not in PRECISIONS:
        raise InputError(f"${PRECISION} is {wanted!r}: expected {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return wanted


def _multiplies_bfloat16(on: torch.device) -> bool:
    if on.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return on.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _float16_is_faster(on: torch.device) -> bool:
    if on.type == "cuda":
        # From Volta on there are tensor cores; the first ones take nothing but float16.
        return not _multiplies_bfloat16(on) and torch.cuda.get_device_capability(on) >= (7, 0)
    # Where both are vector instructions, those for bfloat16 only add up pairs; with AMX it has matrices of its own.
    has = torch.cpu.get_capabilities()
    return on.type == "cpu" and bool(has.get("avx512_fp16")) and not has.get("amx_bf16")


class Cores:
    """The processor's cores, each with a thread that computes on it alone.

    A text is too little work to share out among cores, whose threads would wait for each other: two
    texts at once, each on one core, are through half as soon again as one after the other on both. And
    however many ask at once, no more threads compute than there are cores.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._here = threading.local()
        everyone = threading.Barrier(count + 1)

        def begin() -> None:
            self._here.is_core = True
            # Asked for first, or the thread would be given the number of the others when it first computes.
            torch.get_num_threads()
            torch.set_num_threads(1)
            everyone.wait()

        self._threads = ThreadPoolExecutor(count, thread_name_prefix="core", initializer=begin)
        for _ in range(count):
            self._threads.submit(int)
        everyone.wait()
        # torch gives threads to come the number that was set last, and this one keeps what it had.
        torch.set_num_threads(count)

    def run(self, work: Callable[[], _Found]) -> _Found:
        """Do some work on a core, after what came before; what a core asks for, it does itself."""
        if getattr(self._here, "is_core", False):
            return work()
        return self._threads.submit(work).result()

    def map(self, work: Callable[[_Item], _Found], items: Iterable[_Item]) -> Iterator[_Found]:
        """Yield the work done on each item, in their order, on all cores at once.

        It is handed over bit by bit, so that other work that comes meanwhile is soon its turn.
        """
        if getattr(self._here, "is_core", False):
            yield from map(work, items)
            return
        ahead: deque[Future[_Found]] = deque()
        for item in items:
            if len(ahead) > self.count:
                yield ahead.popleft().result()
            ahead.append(self._threads.submit(work, item))
        while ahead:
            yield ahead.popleft().result()


@cache
def cores() -> Cores:
    """Return the cores of this process."""
    return Cores(torch.get_num_threads())
