"""Question → answer: retrieve, read, decide, cite."""

from __future__ import annotations

import time

from index import PassageIndex
from qa.answer import Answer
from qa.citing import cite
from qa.reader import Reader, open_reader
from qa.retriever import Retriever

# The passage with the answer is among the first five for 92 % of PIAF's questions, among the first eight
# for 93 %, and reading costs in proportion.
PASSAGES_READ = 5
_CLOSEST = 3


class Answerer:
    """Composes a retriever and a reader; it holds no state of a conversation."""

    def __init__(
        self, passage_index: PassageIndex, *, reader: Reader | None = None, threshold: float | None = None
    ) -> None:
        self._retriever = Retriever(passage_index)
        self._reader = reader or open_reader()
        self._threshold = self._reader.threshold if threshold is None else threshold

    def ask(self, question: str) -> Answer:
        """Answer with sentences of the documents, or with `answered=False` and the closest passages.

        Raises InputError for a question that cannot be searched for.
        """
        began = time.perf_counter()
        hits = self._retriever.retrieve(question, top_k=PASSAGES_READ)
        retrieved = time.perf_counter()
        reading = self._reader.read(question, hits)
        timings = {"retrieve": 1000 * (retrieved - began), "read": 1000 * (time.perf_counter() - retrieved)}
        if reading.confidence < self._threshold or not reading.findings:
            return Answer(question, False, reading.confidence, (), tuple(hits[:_CLOSEST]), timings)
        return Answer(question, True, reading.confidence, cite(question, reading.findings), (), timings)
