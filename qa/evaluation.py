"""Ask every question of a set and keep, for each, what was found and how sure it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from index import Passage, PassageIndex, split_passages
from index.passages import sentences_of
from qa.answer import Answer, SearchHit
from qa.answerer import PASSAGES_READ, Answerer
from qa.baselines import WordReader, halves
from qa.copies import grouped, members
from qa.metrics import exact_match, token_f1
from qa.questions import Question, QuestionSet, question_word
from qa.reader import Finding, Reader
from qa.repeats import counterparts, repeats
from qa.retriever import Retriever

# Passages looked at for the retrieval's figures.
DEPTH = 20
# Sentences looked at, in the reader's order, for hit@1 and hit@3.
_FINDINGS = 3
NO_READER = "no reader"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one question. What does not apply to it, or was not measured, is None.

    masked: asked of the corpus without its own subject, so that nothing answers it. relevant: how
    many passages of the corpus hold an answer whole. ranks: the places of those among the first 20.
    right: whether each of the first three sentences holds an answer, threshold or not. cited:
    whether a sentence shown does. nearby: of a silent answer, whether one that is shown as nearest
    does. exact, f1: of the first sentence's span.
    """

    id: str
    question: str
    file: str
    group: str
    language: str | None
    word: str
    kind: str
    answerable: bool
    masked: bool
    relevant: int | None = None
    ranks: tuple[int, ...] | None = None
    right: tuple[bool, ...] | None = None
    cited: bool | None = None
    nearby: bool | None = None
    answered: bool | None = None
    confidence: float | None = None
    exact: float | None = None
    f1: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            # Far below what a figure shows, and the same on machines whose last bits differ.
            "confidence": None if self.confidence is None else round(self.confidence, 6),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Record:
        """Read what `to_json` gave; raises KeyError or TypeError for anything else."""
        lists = {name: stored[name] if stored[name] is None else tuple(stored[name]) for name in ("ranks", "right")}
        return cls(**{**stored, **lists})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The records of the system, those of each baseline by its name, and milliseconds a question of each step."""

    records: tuple[Record, ...]
    baselines: Mapping[str, tuple[Record, ...]]
    timings: Mapping[str, tuple[float, ...]] = field(compare=False)


def evaluate(
    passage_index: PassageIndex,
    asked: QuestionSet,
    *,
    reader: Reader,
    threshold: float,
    masked: bool = False,
    baseline: bool = False,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Ask every question of an index of the set's documents.

    `masked` asks those with a known subject once more, with the documents of that subject taken
    away; `baseline` adds BM25 alone, the vectors alone, and `WordReader` on the same passages.
    `on_progress` is called with the questions asked so far and in all.
    """
    bench = _Bench(passage_index, asked, reader, threshold)
    plain = _Bench(passage_index, asked, WordReader(), 0.0) if baseline else None
    rankings = halves(passage_index) if baseline else {}
    records: list[Record] = []
    baselines: dict[str, list[Record]] = {name: [] for name in (*rankings, NO_READER)} if baseline else {}
    timings: dict[str, list[float]] = {}
    for number, question in enumerate(asked.questions, start=1):
        record, answer = bench.ask(question)
        records.append(record)
        for step, milliseconds in answer.timings.items():
            timings.setdefault(step, []).append(milliseconds)
        is_masked = masked and bool(asked.subject_of(question))
        if is_masked:
            records.append(bench.ask_masked(question))
        for name, ranking in rankings.items():
            baselines[name].append(bench.ranked(question, ranking(question.text, DEPTH)))
        if plain is not None:
            several = [plain.ask(question)[0], *([plain.ask_masked(question)] if is_masked else [])]
            # It reads what the system finds, and has no threshold, so of neither there is anything to say.
            baselines[NO_READER] += [
                replace(one, relevant=None, ranks=None, answered=None, cited=None, nearby=None) for one in several
            ]
        if on_progress is not None:
            on_progress(number, len(asked.questions))
    if not bench.saw_spans:
        records = [replace(record, exact=None, f1=None) for record in records]
    baselines = {name: [replace(one, exact=None, f1=None) for one in several] for name, several in baselines.items()}
    return Evaluation(
        tuple(records),
        {name: tuple(several) for name, several in baselines.items()},
        {step: tuple(several) for step, several in timings.items()},
    )


class _Bench:
    """One reader over one index, judged by what the questions' files say."""

    def __init__(self, passage_index: PassageIndex, asked: QuestionSet, reader: Reader, threshold: float) -> None:
        self.saw_spans = False
        self._asked = asked
        self._documents = {document.id: document for document in asked.documents}
        self._passages = {document.id: split_passages(document) for document in asked.documents}
        self._listener = _Listener(reader)
        # The listener has to hear every time.
        self._answerer = Answerer(passage_index, reader=self._listener, threshold=threshold, remembered=0)
        self._retriever = Retriever(passage_index)

    def ask(self, question: Question) -> tuple[Record, Answer]:
        self._listener.instead = None
        answer = self._answerer.ask(question.text)
        hits = self._retriever.retrieve(question.text, top_k=DEPTH)
        return self._judged(self._ranked(question, [_holding(question, hit) for hit in hits]), question, answer), answer

    def ask_masked(self, question: Question) -> Record:
        away = self._asked.subject_of(question)
        # Deep enough that, whatever goes, as many are left as are read.
        depth = PASSAGES_READ + sum(len(self._passages[one]) for one in away)
        hits = self._retriever.retrieve(question.text, top_k=depth)
        left = [[one for one in members(hit) if one.document.id not in away] for hit in hits]
        self._listener.instead = [grouped(several) for several in left if several][:PASSAGES_READ]
        answer = self._answerer.ask(question.text)
        record = replace(_identity(question), id=f"{question.id}, masked", answerable=False, masked=True)
        return self._judged(record, question, answer)

    def ranked(self, question: Question, passages: Sequence[Passage]) -> Record:
        """Return a record of where the relevant ones are in a ranking."""
        return self._ranked(question, [int(_holds(question, passage)) for passage in passages])

    def _ranked(self, question: Question, holding: Sequence[int]) -> Record:
        """Return a record of a ranking, by how many relevant passages stand at each of its places."""
        record = _identity(question)
        if not record.answerable:
            return record
        of_answers = {passage for document_id, _, _ in question.answers for passage in self._passages[document_id]}
        # Those that stand at one place can only be found together.
        together = sum(number - 1 for number in holding if number)
        return replace(
            record,
            relevant=sum(_holds(question, passage) for passage in of_answers) - together,
            ranks=tuple(rank for rank, number in enumerate(holding, start=1) if number),
        )

    def _judged(self, record: Record, question: Question, answer: Answer) -> Record:
        findings = self._listener.heard[:_FINDINGS]
        right = tuple(record.answerable and is_right(question, one) for one in findings)
        shown = [(one.document.id, one.start, one.end) for one in answer.citations]
        shown += [(one.document.id, one.start, one.end) for citation in answer.citations for one in citation.also_in]
        record = replace(
            record,
            right=right,
            answered=answer.answered,
            confidence=answer.confidence,
        )
        if not record.answerable:
            return record
        record = replace(record, cited=any(question.answered_by(*place) for place in shown))
        if not answer.answered:
            nearest = [(hit.document.id, hit.nearest) for hit in answer.closest if hit.nearest]
            record = replace(record, nearby=any(question.answered_by(id_, one.start, one.end) for id_, one in nearest))
        if not question.exact:
            return record
        span = findings[0].span if findings else None
        self.saw_spans |= span is not None
        found = span.text if span else ""
        # The gold answers of one question are in one language, that of their document.
        language = self._documents[question.answers[0][0]].language
        gold = [self._documents[document_id].text[start:end] for document_id, start, end in question.answers]
        return replace(record, exact=exact_match(found, gold, language), f1=token_f1(found, gold, language))


def is_right(question: Question, finding: Finding) -> bool:
    """Whether a sentence holds an answer, or repeats one of a copy of its passage that does."""
    places = (finding, *(one for one in counterparts(finding, finding.hit.copies) if repeats(one, finding)))
    return any(question.answered_by(one.hit.document.id, one.start, one.end) for one in places)


class _Listener:
    """A reader that lets another read, keeps what it found, and can have it read other hits than it is given."""

    def __init__(self, reader: Reader) -> None:
        self.instead: Sequence[SearchHit] | None = None
        self.heard: tuple[Finding, ...] = ()
        self.threshold = reader.threshold
        self._reader = reader

    def read(self, question: str, hits: Sequence[SearchHit]) -> tuple[Finding, ...]:
        self.heard = self._reader.read(question, hits if self.instead is None else self.instead)
        return self.heard


def _identity(question: Question) -> Record:
    return Record(
        id=question.id,
        question=question.text,
        file=question.file,
        group=question.group,
        language=question.language,
        word=question_word(question.text, question.language),
        kind=question.kind,
        answerable=bool(question.answers),
        masked=False,
    )


def _holds(question: Question, passage: Passage) -> bool:
    return question.answered_by(passage.document_id, passage.start, passage.end)


def _holding(question: Question, hit: SearchHit) -> int:
    """Return how many of a hit and its copies hold an answer; none counts unless the hit itself says it."""
    number = sum(_holds(question, one.passage) for one in members(hit))
    sentences = (Finding(hit, *place, 0.0) for place in sentences_of(hit.document, hit.passage))
    is_said = number and (_holds(question, hit.passage) or any(is_right(question, one) for one in sentences))
    return number if is_said else 0
