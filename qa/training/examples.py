"""Questions with known answers → examples to learn from, in batches."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from index import PassageIndex, split_passages
from index.encoder import BertEncoder, TokenStates
from index.passages import sentences_of
from qa.joint import read_passage
from qa.noise import NOISES, keywords
from qa.questions import Question, QuestionFile
from qa.retriever import Retriever
from qa.training.altering import altered, names_in
from qa.training.restating import restated
from qa.training.settings import TrainingSettings

# Passages that the retriever ranks high, though they do not answer; the first are drawn most.
_HARD_NEGATIVES = 20
_HARD = 0.85
_RANK_DECAY = 0.4
# How often a sentence that says the question again stands before or after one that answers it.
_BESIDE = 0.6
# How often a name that takes the place of another is one of the same article.
_NEARBY = 0.5
# Examples of like length share a batch, within runs of this many batches.
_SORTED_TOGETHER = 16


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A passage as the model is shown it: its states, and its sentences and answers as offsets into its text."""

    title: str
    text: str
    states: TokenStates
    sentences: tuple[tuple[int, int], ...]
    answers: tuple[tuple[int, int], ...]
    exact: bool

    @property
    def right(self) -> list[int]:
        """The numbers of the sentences that hold an answer whole."""
        return [
            number
            for number, (start, end) in enumerate(self.sentences)
            if any(start <= s and e <= end for s, e in self.answers)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A question, and the passages shown with it."""

    question: str
    shown: tuple[Shown, ...]

    @property
    def tokens(self) -> int:
        return max(len(passage.states.states) for passage in self.shown)


class Corpus:
    """One file's questions, its passages after the lower layers, and what the retriever finds for each question."""

    def __init__(
        self,
        file: QuestionFile,
        passage_index: PassageIndex,
        encoder: BertEncoder,
        *,
        first_layer: int,
        held_out: Set[str],
    ) -> None:
        self.questions = [question for question in file.questions if topic(question) not in held_out]
        self._encoder = encoder
        self._first_layer = first_layer
        self._sentences: dict[str, tuple[tuple[int, int], ...]] = {}
        self._states: dict[str, TokenStates] = {}
        self._titles: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._spans: dict[str, tuple[str, int, int]] = {}
        self._of_document: dict[str, list[str]] = defaultdict(list)
        for document in passage_index.documents():
            for passage in split_passages(document):
                self._sentences[passage.id] = tuple(
                    (s - passage.start, e - passage.start) for s, e in sentences_of(document, passage)
                )
                self._states[passage.id] = self._read(passage.text, document.title)
                self._titles[passage.id] = document.title
                self._texts[passage.id] = passage.text
                self._spans[passage.id] = (document.id, passage.start, passage.end)
                self._of_document[document.id].append(passage.id)
        retriever = Retriever(passage_index)
        self._ranked = {
            q.id: [hit.passage.id for hit in retriever.retrieve(q.text, top_k=_HARD_NEGATIVES)] for q in self.questions
        }
        away = {question.group for question in file.questions if topic(question) in held_out}
        self._names: dict[str, list[str]] = defaultdict(list)
        self._asked_of: dict[str, list[str]] = defaultdict(list)
        for question in self.questions:
            self._names[topic(question)] += [question.text[start:end] for start, end in names_in(question.text)]
            self._asked_of[question.group].append(question.text)
        self._all_names = [name for names in self._names.values() for name in names]
        self._others = [i for document_id, ids in self._of_document.items() if document_id not in away for i in ids]

    def altered(self, question: Question, rng: random.Random) -> str | None:
        """Return a question of this corpus as one that its passage does not answer; None if it cannot be altered."""
        nearby = self._names[topic(question)]
        other = altered(question.text, nearby if rng.random() < _NEARBY else self._all_names, rng)
        # With a name of the same article it may have become another of its questions, which is answered.
        return None if other in self._asked_of[question.group] else other

    def follow_up(self, asked: str, question: Question, rng: random.Random) -> str:
        """Return a question after words of another one asked of its document, as a conversation carries them over."""
        others = [other for other in self._asked_of[question.group] if other != question.text]
        return f"{keywords(rng.choice(others), rng)} {asked}" if others else asked

    def example(
        self, asked: str, target: Question, settings: TrainingSettings, rng: random.Random, *, is_altered: bool = False
    ) -> Example | None:
        """Show a question the passage that answers `target` and one that does not.

        One that `is_altered` is answered by neither.
        """
        # A question of a file without paragraphs that nothing answers is of no document.
        own = self._of_document.get(target.group) or self._ranked[target.id][:1]
        gold = [i for i in own if self._answers(i, target)]
        if not target.answers:
            chosen = [rng.choice(own)]
        elif not gold:
            return None
        elif not is_altered and rng.random() < settings.masked:
            chosen = [self._negative(target, rng), self._negative(target, rng)]
        else:
            chosen = [gold[0], self._negative(target, rng)]
        shown = [self._shown(i, target) for i in dict.fromkeys(chosen)]
        for number, share in enumerate((settings.restated, settings.restated / 2)[: len(shown)]):
            if rng.random() < share and (sentence := restated(target.text, rng)):
                shown[number] = with_sentence(shown[number], sentence, self._read, rng)
        if not is_altered and gold and chosen[0] == gold[0] and rng.random() < settings.removed:
            shown[0] = without_answer(shown[0])
        # Whether they answer or not, or the model would learn that long passages are those that do not.
        shown = [s if rng.random() < settings.whole else cropped(s, settings.crop, rng) for s in shown]
        if is_altered:
            shown = [replace(s, answers=()) for s in shown]
        return Example(asked, tuple(shown))

    def _negative(self, target: Question, rng: random.Random) -> str:
        hard = [i for i in self._ranked[target.id] if not self._answers(i, target)]
        if hard and rng.random() < _HARD:
            return hard[min(int(rng.expovariate(_RANK_DECAY)), len(hard) - 1)]
        return rng.choice([i for i in self._others if not self._answers(i, target)] or hard)

    def _answers(self, passage_id: str, target: Question) -> tuple[tuple[int, int], ...]:
        document_id, start, end = self._spans[passage_id]
        return tuple(
            (s - start, e - start) for d, s, e in target.answers if d == document_id and start <= s and e <= end
        )

    def _shown(self, passage_id: str, target: Question) -> Shown:
        return Shown(
            self._titles[passage_id],
            self._texts[passage_id],
            self._states[passage_id],
            self._sentences[passage_id],
            self._answers(passage_id, target),
            target.exact,
        )

    def _read(self, text: str, title: str) -> TokenStates:
        return read_passage(self._encoder, text, title, layers=self._first_layer).halved()


def with_sentence(passage: Shown, sentence: str, read: Callable[[str, str], TokenStates], rng: random.Random) -> Shown:
    """Return a passage with one more sentence, mostly beside one that answers."""
    right, place = passage.right, rng.randrange(len(passage.sentences) + 1)
    if right and rng.random() < _BESIDE:
        place = rng.choice(right) + rng.choice((0, 0, 1))
    is_last = place == len(passage.sentences)
    at = len(passage.text) if is_last else passage.sentences[place][0]
    if any(start < at < end for start, end in passage.answers):
        return passage
    added = f" {sentence}" if is_last else f"{sentence} "
    text = passage.text[:at] + added + passage.text[at:]

    def moved(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        by = len(added)
        return [(start + by, end + by) if start >= at else (start, end) for start, end in places]

    sentences, start = moved(passage.sentences), at + is_last
    sentences.insert(place, (start, start + len(sentence)))
    return replace(
        passage,
        text=text,
        states=read(text, passage.title),
        sentences=tuple(sentences),
        answers=tuple(moved(passage.answers)),
    )


def without_answer(passage: Shown) -> Shown:
    """Return a passage without the sentences that hold an answer, or its words: it looks as if it answered.

    A passage of which nothing would be left comes back as it is.
    """
    words = [passage.text[start:end] for start, end in passage.answers]
    left = tuple(
        (start, end) for start, end in passage.sentences if not any(word in passage.text[start:end] for word in words)
    )
    gone = [passage.states.within(*sentence) for sentence in passage.sentences if sentence not in left]
    if not left or not gone:
        return passage
    kept = np.flatnonzero(~np.logical_or.reduce(gone)).tolist()
    states = TokenStates(passage.states.states[kept], passage.states.offsets[kept])
    return replace(passage, states=states, sentences=left, answers=())


def topic(question: Question) -> str:
    """Return what questions of one subject share: their article, or else their document."""
    return question.article or question.group


def held_out_topics(files: Sequence[QuestionFile]) -> frozenset[str]:
    """Return one topic in ten, told by its name, and at least one: the same topics whatever else is read."""
    digests = {
        topic(question): int(hashlib.sha256(topic(question).encode()).hexdigest(), 16)
        for file in files
        for question in file.questions
    }
    held_out = {name for name, digest in digests.items() if digest % 10 == 2}
    return frozenset(held_out or {min(digests, key=lambda name: digests[name])})


def cropped(passage: Shown, longest: int, rng: random.Random) -> Shown:
    """Return the title and a run of whole sentences of at most `longest` tokens, with the answer if there is one."""
    ranges = [np.flatnonzero(passage.states.within(start, end)) for start, end in passage.sentences]
    if len(passage.states.states) <= longest or not all(map(len, ranges)):
        return passage
    kept = passage.right or ([] if passage.answers else [rng.randrange(len(ranges))])
    if not kept:
        # The answer runs over the end of a sentence; there is no run that surely holds it.
        return passage
    first, last = min(kept), max(kept)
    while True:
        wider = [
            (f, g)
            for f, g in ((first - 1, last), (first, last + 1))
            if f >= 0 and g < len(ranges) and ranges[g][-1] + 1 - ranges[f][0] <= longest
        ]
        if not wider:
            break
        first, last = rng.choice(wider)
    tokens = [*np.flatnonzero(passage.states.before), *range(ranges[first][0], ranges[last][-1] + 1)]
    states = TokenStates(passage.states.states[tokens], passage.states.offsets[tokens])
    return replace(passage, states=states, sentences=passage.sentences[first : last + 1])


def examples_of_an_epoch(
    corpora: Sequence[Corpus], settings: TrainingSettings, rng: random.Random
) -> Iterator[list[Example]]:
    """Yield the batches of one pass over the questions, in random order, like lengths together.

    A question that stands in several files under one id is asked in `languages` of them.
    """
    versions: dict[str, list[tuple[Corpus, Question]]] = defaultdict(list)
    for corpus in corpora:
        for question in corpus.questions:
            versions[question.id_in_file].append((corpus, question))
    drawn = [
        (own, question, same)
        for same in versions.values()
        for own, question in rng.sample(same, min(settings.languages, len(same)))
    ]
    rng.shuffle(drawn)
    run = _SORTED_TOGETHER * settings.batch
    # Made as they are needed: some of their passages are read anew, and all of them at once would not fit in memory.
    for begin in range(0, len(drawn), run):
        made = [_example_of(*one, settings, rng) for one in drawn[begin : begin + run]]
        examples = sorted((one for one in made if one), key=lambda example: example.tokens)
        batches = [examples[i : i + settings.batch] for i in range(0, len(examples), settings.batch)]
        rng.shuffle(batches)
        yield from batches


def _example_of(
    own: Corpus,
    question: Question,
    same: Sequence[tuple[Corpus, Question]],
    settings: TrainingSettings,
    rng: random.Random,
) -> Example | None:
    """Ask a question, altered, in a hurry or as a follow-up for a share of them; `same` is it in all its languages."""
    corpus, target = rng.choice(same) if rng.random() < settings.foreign else (own, question)
    other = own.altered(question, rng) if question.answers and rng.random() < settings.altered else None
    noise = rng.choice(list(NOISES.values())) if rng.random() < settings.noisy else None
    asked = other or question.text
    if noise:
        asked = noise(asked, rng)
    if rng.random() < settings.follow_ups:
        asked = own.follow_up(asked, question, rng)
    return corpus.example(asked, target, settings, rng, is_altered=other is not None)
