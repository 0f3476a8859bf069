"""The seam for what picks the sentences that answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qa.answer import SearchHit, Span


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of a hit's document, `[start, end)`, and how well it answers (higher is better).

    `confidence` is the estimated probability that it answers, if those that a reader puts before it do not.
    """

    hit: SearchHit
    start: int
    end: int
    score: float
    confidence: float = 0.0
    span: Span | None = None

    @property
    def text(self) -> str:
        return self.hit.document.text[self.start : self.end]


class Reader(Protocol):
    """The seam for what picks the sentences."""

    def read(self, question: str, hits: Sequence[SearchHit]) -> tuple[Finding, ...]:
        """Read the passages of the hits, and return every sentence that can answer, best first.

        Of passages that would hardly change what answers, it may read none.
        """

    @property
    def threshold(self) -> float:
        """The confidence below which an answer is better withheld."""


def open_reader(folder: Path | None = None) -> Reader:
    """Open a folder that `sourcier train-reader` wrote, by default the reader that comes with the package.

    Raises InputError for a folder that is no trained reader.
    """
    # Loading torch takes a second, which only a question should wait for.
    from qa.joint_reader import JointReader

    return JointReader.open(folder)
