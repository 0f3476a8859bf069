"""Question → answer: retrieve, read, decide, cite."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from index import Filters, PassageIndex
from index.recent import Recent
from qa.answer import Answer, SearchHit
from qa.citing import cite, unquoted, with_nearest
from qa.conversation import carry_over, last_asked
from qa.copies import grouped, members
from qa.courtesy import as_meant, asks_nothing
from qa.dates import Period, find_period
from qa.reader import Finding, Reader, open_reader
from qa.retriever import Retriever, check_question
from qa.spelling import find_respellings

# The passage with the answer is among the first five for 92 % of PIAF's questions, among the first eight
# for 93 %, and reading costs in proportion.
PASSAGES_READ = 5
# Where a question names a time, so many are found first, and being of that time counts as much as this
# difference in score.
PASSAGES_WEIGHED = 20
IN_PERIOD = 1.0
_CLOSEST = 3

# What an answer depends on: generation, question, period, what filters let pass.
_Asked = tuple[str, str, Period | None, tuple[object, ...] | None]


class Answerer:
    """Composes a retriever and a reader; it holds no state of a conversation."""

    def __init__(
        self,
        passage_index: PassageIndex,
        *,
        reader: Reader | None = None,
        threshold: float | None = None,
        remembered: int = 16,
    ) -> None:
        """Take the reader that comes along, and its threshold, if none is given.

        So many questions are `remembered`: asked again of an unchanged index, they are neither looked for nor
        read again. Each keeps the documents of five passages in memory.
        """
        self._passage_index = passage_index
        self._retriever = Retriever(passage_index)
        self._reader = reader or open_reader()
        self._threshold = self._reader.threshold if threshold is None else threshold
        self._known: Recent[_Asked, tuple[Sequence[SearchHit], Sequence[Finding]]] = Recent(remembered)

    def ask(self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None) -> Answer:
        """Answer with sentences of the documents, or with `answered=False` and the closest passages.

        `history` are the answers of the conversation so far, oldest first: a follow-up such as
        « Et en 2021 ? » takes over the subject of the last one, which `Answer.carried` tells, and « Quoi
        d'autre ? » gets what was not quoted yet. With filters, only the documents that pass are asked.
        « Merci ! » and « Qui es-tu ? » ask nothing of the documents, and are not looked for.
        Raises InputError for a question that cannot be searched for.
        """
        *_, answer = self.stages(question, history=history, filters=filters)
        assert isinstance(answer, Answer)
        return answer

    def stages(
        self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None
    ) -> Iterator[Sequence[SearchHit] | Answer]:
        """Yield the passages that are going to be read, then the answer, as `ask` returns it."""
        check_question(question)
        if asks_nothing(question):
            yield ()
            yield Answer(question, answered=False, confidence=0.0, citations=())
            return
        began = time.perf_counter()
        previous = last_asked(history)
        before = previous.read_as if previous else ""
        generation, words = self._passage_index.consult(
            lambda current: (current, find_respellings(question, current, before=before))
        )
        asked = as_meant(question, words)
        carried = carry_over(asked, history)
        searched = carried.before(asked) if carried else asked
        asks_for_more = carried is not None and carried.asks_for_more
        period = find_period(searched, generation.newest_date)
        key = generation.name, searched, period, filters.key if filters else None
        known = self._known.get(key)
        hits = known[0] if known else self._hits(searched, period, filters)
        retrieved = time.perf_counter()
        yield hits
        began_reading = time.perf_counter()
        findings = known[1] if known else self._reader.read(searched, hits)
        self._known.keep({key: (hits, findings)})
        if asks_for_more:
            findings = self._with_unread(searched, hits, findings)
            told = [answer for answer in history if answer.searched == searched]
            findings = unquoted(findings, [citation for answer in told for citation in answer.citations])
        timings = {"retrieve": 1000 * (retrieved - began), "read": 1000 * (time.perf_counter() - began_reading)}
        confidence = findings[0].confidence if findings else 0.0
        answered = bool(findings) and confidence >= self._threshold
        yield Answer(
            question=question,
            answered=answered,
            confidence=confidence,
            citations=cite(searched if asks_for_more else asked, findings) if answered else (),
            closest=() if answered else with_nearest(hits[:_CLOSEST], findings),
            respellings=words,
            carried=carried,
            period=period,
            coverage=generation.coverage,
            timings=timings,
        )

    def _with_unread(self, question: str, hits: Sequence[SearchHit], findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return findings and those of the passages that were not read, best first."""
        read = {finding.hit.passage.id for finding in findings}
        unread = [hit for hit in hits if hit.passage.id not in read]
        if not unread:
            return findings
        others = self._reader.read(question, unread)
        return sorted([*findings, *others], key=lambda one: (-one.score, one.hit.document.id, one.start))

    def _hits(self, question: str, period: Period | None, filters: Filters | None) -> list[SearchHit]:
        """Return the passages to read, those of the asked time before others that match nearly as well."""
        # It has been read as it was meant.
        hits = self._retriever.retrieve(
            question, top_k=PASSAGES_WEIGHED if period else PASSAGES_READ, filters=filters, as_written=True
        )
        return in_time(hits, period)[:PASSAGES_READ] if period else hits


def in_time(hits: Sequence[SearchHit], period: Period, weight: float = IN_PERIOD) -> list[SearchHit]:
    """Rank hits again, those of a time scoring `weight` more; ties stay in the order they had.

    Of copies, the best one of that time speaks for all.
    """
    hits = [grouped(sorted(members(hit), key=lambda one: not is_of(one, period))) for hit in hits]
    ranked = sorted(hits, key=lambda hit: -(hit.score + weight * is_of(hit, period)))
    return [replace(hit, rank=rank) for rank, hit in enumerate(ranked, start=1)]


def is_of(hit: SearchHit, period: Period) -> bool:
    """Whether a passage is of a time: dated then, or naming it."""
    return period.overlaps(hit.document.date) or period.is_named_in(hit.passage.text)
