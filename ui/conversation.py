"""What one visitor asked and was answered, safe to change from several events at once."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from index.filters import Filters
from qa.answer import Answer, SearchHit
from ui.feedback import Feedback
from ui.render import words
from ui.texts import DEFAULT_LANGUAGE, TEXTS, Texts


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, and what became of it; `problem` is empty when the failure has no message to show.

    `is_refused` when too many others wait; `found` are the passages being read while there is no answer
    yet; `alone` asks it as if nothing had been asked before; `filters` are those it is asked with. `is_stale`
    tells that it was answered with what the documents no longer hold.
    """

    number: int
    question: str
    answer: Answer | None = None
    problem: str | None = None
    alone: bool = False
    found: tuple[SearchHit, ...] = ()
    is_refused: bool = False
    filters: Filters | None = None
    is_stale: bool = False
    feedback: Feedback | None = None

    @property
    def is_waiting(self) -> bool:
        return self.answer is None and self.problem is None and not self.is_refused and not self.is_stale


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panel shows: a source of a turn among the others, or a part of its whole document."""

    turn: Turn
    number: int
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What the page has to keep: the numbers of all turns, in order, and the turns that are not as they were."""

    conversation: str
    sequence: int
    numbers: tuple[int, ...]
    turns: tuple[Turn, ...]


class Conversation:
    """One visitor's turns, language, open source, and filters for the next question.

    Every event of a session works on this same object, and none returns it: a handler that gave
    back the copy it started from would undo what happened meanwhile. Numbers are never reused, so
    an answer that arrives after `clear` finds no turn to fill.
    """

    def __init__(self) -> None:
        self.id = _new_id()
        self.language = DEFAULT_LANGUAGE
        self._is_language_chosen = False
        self.shown: Shown | None = None
        self.filters: Filters | None = None
        self.looked_for = ""
        self.last_look = 0
        self._turns: dict[int, Turn] = {}
        self._waiting: deque[int] = deque()
        self._last_number = 0
        self.last_changes: Changes | None = None
        self._kept: dict[int, Turn] = {}
        # A session that begins after the server forgot the one before is newer to the page.
        self._sequence = time.time_ns() // 1_000_000
        # A question may follow on from the one before: it waits until that is answered.
        self.answering = asyncio.Lock()
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Conversation:
        """Begin empty: Gradio copies the initial state for each session."""
        return Conversation()

    def __iter__(self) -> Iterator[Turn]:
        with self._lock:
            return iter(list(self._turns.values()))

    @property
    def texts(self) -> Texts:
        """The interface's strings, in this visitor's language."""
        return TEXTS[self.language]

    def begin_in(self, language: str) -> None:
        """Speak this language from the start, unless the visitor was quicker and has switched to another."""
        if not self._is_language_chosen:
            self.language = language

    def switch_to(self, language: str) -> None:
        """Speak the language that the visitor chose."""
        self.language, self._is_language_chosen = language, True

    def add(self, question: str) -> None:
        """Append a question that waits for its answer."""
        with self._lock:
            self._add(question)

    def follow(self, turn_number: object, question: str) -> bool:
        """Append a question that follows on from a turn, if that is the last; the number comes from a browser."""
        with self._lock:
            turn = self._turn(turn_number)
            if turn is None or turn.answer is None or turn.number != max(self._turns):
                return False
            self._add(question)
            return True

    def next_waiting(self) -> Turn | None:
        """Hand out each unanswered turn once, oldest first."""
        with self._lock:
            return self._turns[self._waiting.popleft()] if self._waiting else None

    def before(self, turn: Turn) -> tuple[Answer, ...]:
        """Return the answers that a turn can follow on from, oldest first: those without a gap before it."""
        if turn.alone:
            return ()
        answers: list[Answer] = []
        with self._lock:
            for number in sorted((number for number in self._turns if number < turn.number), reverse=True):
                answer = self._turns[number].answer
                if answer is None:
                    break
                answers.append(answer)
        return tuple(reversed(answers))

    def ask_alone(self, turn_number: object) -> bool:
        """Let a turn that took something over wait for an answer without it; the number comes from a browser."""
        with self._lock:
            turn = self._turn(turn_number)
            if turn is None or turn.answer is None or turn.answer.carried is None:
                return False
            self._turns[turn.number] = Turn(turn.number, turn.question, alone=True, filters=turn.filters)
            self._waiting.append(turn.number)
            return True

    def ask_again(self, turn_number: object) -> bool:
        """Let a turn wait for another answer in its place; those after it stay as they are."""
        with self._lock:
            turn = self._turn(turn_number)
            if turn is None or turn.is_waiting:
                return False
            self._turns[turn.number] = Turn(turn.number, turn.question, alone=turn.alone, filters=turn.filters)
            self._waiting.append(turn.number)
            return True

    def edit(self, turn_number: object, question: str) -> bool:
        """Ask another question in the place of a turn; it and those after it are dropped."""
        with self._lock:
            turn = self._turn(turn_number)
            if turn is None:
                return False
            for number in [number for number in self._turns if number >= turn.number]:
                del self._turns[number]
            self._waiting = deque(number for number in self._waiting if number in self._turns)
            if self.shown and self.shown.turn.number not in self._turns:
                self.shown = None
            self._add(question)
            return True

    def answered(self, turn_number: object) -> Turn | None:
        """Return a turn that has an answer; the number comes from a browser."""
        with self._lock:
            turn = self._turn(turn_number)
            return turn if turn and turn.answer else None

    def rate(self, turn: Turn, feedback: Feedback | None) -> None:
        """Keep what a reader thinks of an answer, or forget it, unless another has taken its place meanwhile."""
        with self._lock:
            present = self._turns.get(turn.number)
            if present and present.answer is turn.answer:
                self._turns[turn.number] = replace(present, feedback=feedback)

    def restore(self, id_: str, turns: Sequence[Turn]) -> None:
        """Begin another conversation with turns that the page has already; they get numbers of their own."""
        with self._lock:
            self._forget()
            self.id = id_
            for turn in turns:
                self._last_number += 1
                self._turns[self._last_number] = replace(turn, number=self._last_number)
                if turn.is_waiting:
                    self._waiting.append(self._last_number)
            self._kept = dict(self._turns)
            answered = [turn for turn in self._turns.values() if turn.answer]
            self.shown = Shown(answered[-1], 1) if answered else None

    def changes(self) -> Changes | None:
        """Return what the page has to keep since this was last called; None where nothing is new."""
        with self._lock:
            turns = tuple(turn for turn in self._turns.values() if _kept(turn) != _kept(self._kept.get(turn.number)))
            numbers, before = tuple(self._turns), self.last_changes
            if before and not turns and (self.id, numbers) == (before.conversation, before.numbers):
                return None
            self._kept = dict(self._turns)
            self._sequence += 1
            self.last_changes = Changes(self.id, self._sequence, numbers, turns)
            return self.last_changes

    def announce(self) -> None:
        """Have the next `changes` be new even if no turn is."""
        with self._lock:
            self.last_changes = None

    def keep_all_again(self) -> None:
        """Have the next `changes` be all turns, for a page that missed some."""
        with self._lock:
            self._kept, self.last_changes = {}, None

    def fill(self, turn: Turn) -> bool:
        """Put a finished turn in its place; False when the conversation was cleared meanwhile."""
        with self._lock:
            if turn.number not in self._turns:
                return False
            self._turns[turn.number] = turn
            if turn.answer:
                self.shown = Shown(turn, 1)
            return True

    def show(self, turn_number: object, source_number: object, part: object = None) -> bool:
        """Open a source of an answered turn, or a part of its document; all come from a browser and may be anything."""
        with self._lock:
            turn = self._turn(turn_number)
            if turn is None or turn.answer is None or not isinstance(source_number, int):
                return False
            if all(source.number != source_number for source in words.sources_of(turn.answer)):
                return False
            self.shown = Shown(turn, source_number, part if isinstance(part, int) else None)
            return True

    def clear(self) -> None:
        """Forget every turn, and begin a conversation of another name; the language stays."""
        with self._lock:
            self._forget()

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    def _add(self, question: str) -> None:
        self._last_number += 1
        self._turns[self._last_number] = Turn(self._last_number, question, filters=self.filters)
        self._waiting.append(self._last_number)

    def _turn(self, number: object) -> Turn | None:
        return self._turns.get(number) if isinstance(number, int) else None

    def _forget(self) -> None:
        self.id = _new_id()
        self.answering = asyncio.Lock()  # what is forgotten keeps nothing waiting
        self._turns.clear()
        self._waiting.clear()
        self.shown = None


def _new_id() -> str:
    return secrets.token_hex(8)


def _kept(turn: Turn | None) -> tuple[object, ...]:
    """Return what of a turn the page keeps: not what is being read for it."""
    if turn is None:
        return ()
    return turn.question, turn.alone, turn.filters, turn.answer, turn.problem, turn.is_stale, turn.feedback
