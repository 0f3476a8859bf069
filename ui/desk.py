"""Where every question comes in, from the chat, from programs or from MCP: so many at once, and all counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from index import Filters, SourcierError
from qa import Answer, SearchHit
from ui.backend import ChatBackend

# A question on two cores takes both; more at once would only share them.
CONCURRENCY = 2
QUEUE = 64

_T = TypeVar("_T")


class BusyError(SourcierError):
    """So many questions wait already that another one is refused at once."""


@dataclass
class _Visit:
    outcome: str = "failed"


class Desk:
    """Answers questions, `concurrency` of them at a time; `queue` more may wait, in the order they came.

    `on_done` is told the outcome of each ("answered", "silent", "retrieved", "refused", "busy",
    "abandoned", "failed") and the seconds it took, waiting included. Waiting holds no thread.
    """

    def __init__(
        self,
        backend: ChatBackend,
        *,
        concurrency: int = CONCURRENCY,
        queue: int = QUEUE,
        on_done: Callable[[str, float], None] | None = None,
    ) -> None:
        self.backend = backend
        self._most = concurrency + queue
        self._inside = 0
        # Of its own: questions that are being answered must not keep clicks waiting.
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="answering")
        self._on_done = on_done

    async def ask(self, question: str, *, filters: Filters | None = None) -> Answer:
        """Answer one question; raises BusyError, or SourcierError for a mistake of who asked."""
        with self._counted() as visit, self._place():
            answer = await self._run(lambda: self.backend.ask(question, filters=filters))
            visit.outcome = _outcome(answer)
            return answer

    async def retrieve(self, question: str, *, top_k: int = 5, filters: Filters | None = None) -> Sequence[SearchHit]:
        """Return the passages that match best; raises as `ask` does."""
        with self._counted() as visit, self._place():
            hits = await self._run(lambda: self.backend.retrieve(question, top_k=top_k, filters=filters))
            visit.outcome = "retrieved"
            return hits

    async def stages(
        self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None
    ) -> AsyncGenerator[Sequence[SearchHit] | Answer, None]:
        """Yield what `ChatBackend.stages` does; raises as `ask` does."""
        with self._counted() as visit, self._place():
            stages = await self._run(lambda: self.backend.stages(question, history=history, filters=filters))
            while (stage := await self._run(lambda: next(stages, None))) is not None:
                if isinstance(stage, Answer):
                    visit.outcome = _outcome(stage)
                yield stage

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._inside >= self._most:
            raise BusyError(
                f"{self._inside} questions are being answered or wait: expected fewer; ask again in a moment"
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextmanager
    def _counted(self) -> Iterator[_Visit]:
        visit, began = _Visit(), time.perf_counter()
        try:
            yield visit
        except BusyError:
            visit.outcome = "busy"
            raise
        except SourcierError:
            visit.outcome = "refused"
            raise
        except (asyncio.CancelledError, GeneratorExit):
            visit.outcome = "abandoned"
            raise
        finally:
            if self._on_done is not None:
                self._on_done(visit.outcome, time.perf_counter() - began)


def _outcome(answer: Answer) -> str:
    return "answered" if answer.answered else "silent"
