"""What readers thought of answers: lines of a file beside the index, which nothing sends anywhere."""

from __future__ import annotations

import datetime
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from index.errors import IndexAccessError
from qa.answer import Answer

FILE_NAME = "feedback.jsonl"
UP, DOWN = VERDICTS = ("up", "down")
REASONS = ("wrong", "missed", "outdated", "other")
LONGEST_COMMENT = 1_000
# Beyond these, in bytes, nothing more is kept: visitors must not be able to fill the disk.
LONGEST_LINE = 1_000_000
LARGEST_FILE = 200_000_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Feedback:
    """A thumb up or down; one that is down may say why, with one of `REASONS` and in words."""

    verdict: str
    reason: str = ""
    comment: str = ""

    def to_json(self) -> dict[str, str]:
        return {"verdict": self.verdict, "reason": self.reason, "comment": self.comment}

    @classmethod
    def from_json(cls, stored: object) -> Self | None:
        """Read what a browser sends or a file holds; None for no verdict, or none that exists."""
        if not isinstance(stored, dict) or stored.get("verdict") not in VERDICTS:
            return None
        if stored["verdict"] == UP:
            return cls(UP)
        reason, comment = stored.get("reason"), stored.get("comment")
        comment = comment.strip()[:LONGEST_COMMENT] if isinstance(comment, str) else ""
        return cls(DOWN, reason if reason in REASONS else "", comment)


class FeedbackLog:
    """The file to which verdicts are appended, the last one on an answer being the one that counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, conversation: str, answer: Answer, generation: str, feedback: Feedback | None) -> None:
        """Add a verdict, or with None that one was taken back; raises IndexAccessError where it cannot be kept."""
        # Of what was close, the copies say nothing more.
        lean = replace(answer, closest=tuple(replace(hit, copies=()) for hit in answer.closest))
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "conversation": conversation,
            "generation": generation,
            **(feedback.to_json() if feedback else {"verdict": "none"}),
            "question": answer.question,
            "answer": lean.to_json(),
        }
        # All of ASCII, so that a lone surrogate in a question can be written too.
        written = json.dumps(line).encode() + b"\n"
        with self._lock:
            try:
                self._write(written)
            except OSError as error:
                raise IndexAccessError(
                    f"{self.path} cannot be written ({error.strerror}): make room or get access, and try again"
                ) from error

    def _write(self, line: bytes) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if len(line) > LONGEST_LINE or size + len(line) > LARGEST_FILE:
                raise IndexAccessError(
                    f"{self.path} would grow beyond {LARGEST_FILE:,} bytes, or a line of it beyond {LONGEST_LINE:,}: "
                    "expected less; move it away"
                )
            # A line that a full disk or a kill cut short must not take this one with it.
            if size and _byte_at(descriptor, size - 1) != b"\n":
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                raise OSError(0, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_log(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a log that are whole, oldest first."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                stored = json.loads(line)
                if not isinstance(stored, dict) or not isinstance(stored["conversation"], str):
                    raise TypeError("no object with a conversation")
            except (ValueError, TypeError, KeyError):
                _logger.warning("%s, line %d is no verdict: passed over", path, number)
                continue
            yield stored


def _byte_at(descriptor: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, 1)
