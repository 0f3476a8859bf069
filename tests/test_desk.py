"""The desk: so many questions at once, so many waiting, the rest told to come back."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import aclosing

import pytest

from index import InputError
from qa import Answer
from tests.loops import run
from ui.desk import BusyError, Desk


class Backend:
    """Answers when it is let; notes how many questions were inside at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.inside = 0
        self.most_inside = 0
        self._lock = threading.Lock()

    def ask(self, question, *, filters=None):
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        try:
            assert self.go.wait(20)
            if question == "boom":
                raise InputError("too short")
            if question == "crash":
                raise RuntimeError
            return Answer(question, question != "unknown", 0.5, ())
        finally:
            with self._lock:
                self.inside -= 1

    def stages(self, question, *, history=(), filters=None):
        yield ["a passage"]
        yield self.ask(question)

    def retrieve(self, question, *, top_k=5, filters=None):
        return []


async def settled():
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_so_many_are_answered_at_once_and_the_others_wait_their_turn():
    async def scene():
        backend = Backend()
        desk = Desk(backend, concurrency=2, queue=10)
        asked = [asyncio.create_task(desk.ask(str(number))) for number in range(12)]
        await settled()
        assert backend.inside == 2
        backend.go.set()
        assert [answer.question for answer in await asyncio.gather(*asked)] == [str(number) for number in range(12)]
        assert backend.most_inside == 2

    run(scene())


def test_beyond_the_queue_a_question_is_refused_at_once():
    async def scene():
        backend, done = Backend(), Counter()
        desk = Desk(backend, concurrency=1, queue=1, on_done=lambda outcome, _: done.update([outcome]))
        asked = [asyncio.create_task(desk.ask("a")) for _ in range(2)]
        await settled()
        with pytest.raises(BusyError, match="ask again in a moment"):
            await desk.ask("b")
        with pytest.raises(BusyError):
            await desk.retrieve("b")
        with pytest.raises(BusyError):
            await anext(desk.stages("b"))
        backend.go.set()
        await asyncio.gather(*asked)
        assert (await desk.ask("b")).answered
        assert done == {"answered": 3, "busy": 3}

    run(scene())


def test_who_leaves_the_queue_makes_room():
    async def scene():
        backend, done = Backend(), Counter()
        desk = Desk(backend, concurrency=1, queue=1, on_done=lambda outcome, _: done.update([outcome]))
        first, second = (asyncio.create_task(desk.ask("a")) for _ in range(2))
        await settled()
        second.cancel()
        await settled()
        third = asyncio.create_task(desk.ask("c"))
        await settled()
        backend.go.set()
        assert (await first).question == "a" and (await third).question == "c"
        assert done == {"answered": 2, "abandoned": 1}

    run(scene())


def test_whoever_stops_listening_in_the_middle_makes_room():
    async def scene():
        backend, done = Backend(), Counter()
        desk = Desk(backend, concurrency=1, queue=0, on_done=lambda outcome, _: done.update([outcome]))
        async with aclosing(desk.stages("a")) as stages:
            assert await anext(stages) == ["a passage"]
            with pytest.raises(BusyError):
                await desk.ask("b")
        backend.go.set()
        assert (await desk.ask("b")).answered
        assert done == {"abandoned": 1, "busy": 1, "answered": 1}

    run(scene())


def test_every_outcome_is_told():
    async def scene():
        backend, done = Backend(), Counter()
        backend.go.set()
        desk = Desk(backend, on_done=lambda outcome, seconds: done.update([outcome, "timed" if seconds > 0 else "no"]))
        await desk.ask("known")
        await desk.ask("unknown")
        await desk.retrieve("known")
        with pytest.raises(InputError):
            await desk.ask("boom")
        with pytest.raises(RuntimeError):
            await desk.ask("crash")
        stages = [stage async for stage in desk.stages("unknown")]
        assert stages[0] == ["a passage"] and not stages[1].answered
        assert done == {"answered": 1, "silent": 2, "retrieved": 1, "refused": 1, "failed": 1, "timed": 6}

    run(scene())
