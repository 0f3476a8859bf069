"""Question → answer: retrieve, read, decide, cite."""

from __future__ import annotations

import time
from collections.abc import Sequence

from index import PassageIndex
from index.words import analyse
from qa.answer import Answer, Citation, Repeat
from qa.reader import Finding, Reader, ReaderWeights, SentenceReader
from qa.retriever import Retriever

# The passage with the answer is among the first five for 92 % of PIAF's questions, among the first eight
# for 93 %, and reading costs in proportion.
PASSAGES_READ = 5
MOST_CITATIONS = 3
_CLOSEST = 3
# Two sentences that share this part of their terms say the same; dispatches are copied nearly whole.
_REPEATED = 0.75


class Answerer:
    """Composes a retriever and a reader; it holds no state of a conversation."""

    def __init__(
        self, passage_index: PassageIndex, *, reader: Reader | None = None, threshold: float | None = None
    ) -> None:
        self._retriever = Retriever(passage_index)
        self._reader = reader or SentenceReader(passage_index.embedder, ReaderWeights.shipped())
        self._threshold = ReaderWeights.shipped().threshold if threshold is None else threshold

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
        return Answer(question, True, reading.confidence, cite(reading.findings), (), timings)


def cite(findings: Sequence[Finding]) -> tuple[Citation, ...]:
    """Return the best findings as numbered citations, with what repeats one of them noted beside it."""
    chosen: list[tuple[Finding, list[Repeat]]] = []
    for finding in findings:
        original = next((pair for pair in chosen if _repeats(finding, pair[0])), None)
        if original is not None:
            first, repeats = original
            known = {first.hit.document.id, *(repeat.document.id for repeat in repeats)}
            if finding.hit.document.id not in known:
                repeats.append(Repeat(finding.text, finding.start, finding.end, finding.hit.document))
        elif len(chosen) < MOST_CITATIONS:
            chosen.append((finding, []))
    return tuple(
        Citation(
            number=number,
            quote=finding.text,
            start=finding.start,
            end=finding.end,
            span=finding.span,
            document=finding.hit.document,
            passage=finding.hit.passage,
            score=finding.score,
            also_in=tuple(repeats),
        )
        for number, (finding, repeats) in enumerate(chosen, start=1)
    )


def _repeats(one: Finding, other: Finding) -> bool:
    """Whether two sentences share nearly all their terms (Jaccard similarity of the sets)."""
    terms = [set(analyse(finding.text, finding.hit.document.language)) for finding in (one, other)]
    return len(terms[0] & terms[1]) >= _REPEATED * len(terms[0] | terms[1])
