"""What one visitor asked and was answered, safe to change from several events at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from index.filters import Filters
from qa.answer import Answer, SearchHit
from ui.render import words
from ui.texts import DEFAULT_LANGUAGE, TEXTS, Texts


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, and what became of it; `problem` is empty when the failure has no message to show.

    `is_refused` when too many others wait; `found` are the passages being read while there is no answer
    yet; `alone` asks it as if nothing had been asked before;
    `filters` are those it is asked with.
    """

    number: int
    question: str
    answer: Answer | None = None
    problem: str | None = None
    alone: bool = False
    found: tuple[SearchHit, ...] = ()
    is_refused: bool = False
    filters: Filters | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the panel shows: a source of a turn among the others, or a part of its whole document."""

    turn: Turn
    number: int
    part: int | None = None


class Conversation:
    """One visitor's turns, language, open source, and filters for the next question.

    Every event of a session works on this same object, and none returns it: a handler that gave
    back the copy it started from would undo what happened meanwhile. Numbers are never reused, so
    an answer that arrives after `clear` finds no turn to fill.
    """

    def __init__(self) -> None:
        self.language = DEFAULT_LANGUAGE
        self.shown: Shown | None = None
        self.filters: Filters | None = None
        self.looked_for = ""
        self.last_look = 0
        self._turns: dict[int, Turn] = {}
        self._waiting: deque[int] = deque()
        self._last_number = 0
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

    def add(self, question: str) -> None:
        """Append a question that waits for its answer."""
        with self._lock:
            self._last_number += 1
            self._turns[self._last_number] = Turn(self._last_number, question, filters=self.filters)
            self._waiting.append(self._last_number)

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
            turn = self._turns.get(turn_number) if isinstance(turn_number, int) else None
            if turn is None or turn.answer is None or turn.answer.carried is None:
                return False
            self._turns[turn.number] = Turn(turn.number, turn.question, alone=True, filters=turn.filters)
            self._waiting.append(turn.number)
            return True

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
            turn = self._turns.get(turn_number) if isinstance(turn_number, int) else None
            if turn is None or turn.answer is None or not isinstance(source_number, int):
                return False
            if all(source.number != source_number for source in words.sources_of(turn.answer)):
                return False
            self.shown = Shown(turn, source_number, part if isinstance(part, int) else None)
            return True

    def clear(self) -> None:
        """Forget every turn; the language stays."""
        with self._lock:
            self._turns.clear()
            self._waiting.clear()
            self.shown = None
