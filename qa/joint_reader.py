"""Passages → sentences that answer, by the trained model and the features beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from index.encoder import BertEncoder, TokenStates, open_encoder
from index.passages import sentences_of
from index.processor import cores
from qa.answer import SearchHit, Span
from qa.features import ReaderWeights, ReadSentence, SentenceFeatures, is_question, weighted
from qa.joint import Asked, Batch, JointModel, Pair, best_span, read_passage
from qa.likeness import Likeness
from qa.reader import Finding
from qa.spans import tidied

SHIPPED = Path(__file__).parent
MODEL_FILE = "reader.safetensors"
WEIGHTS_FILE = "reader.json"
# States of passages that were read lately; 1,000 tokens take one and a half megabytes.
_PASSAGES_KEPT = 512
# Passages read at once; the others only where the best sentence of these is less likely than this to answer. Of the
# questions of PIAF, three in four are answered without the others, and 1 in 80 of their answers is not quite the same.
_READ_FIRST = 4
_SURE = 0.4
# In tokens. Of PIAF's answers one in fifty is longer.
_LONGEST_SPAN = 40


@dataclass(frozen=True, slots=True, eq=False)
class _PassageStates:
    """A passage, with its title, after the layers below the joint model's, and after all of the encoder's own."""

    lower: TokenStates
    upper: TokenStates


class JointReader:
    """Reads question and passages together, with a model trained to tell which sentence answers."""

    def __init__(self, encoder: BertEncoder, model: JointModel, weights: ReaderWeights) -> None:
        self.threshold = weights.threshold
        self._encoder = encoder
        self._model = model.to_read()
        self._weights = weights
        self._passage_states = lru_cache(_PASSAGES_KEPT)(self._read_passage)

    @classmethod
    @cache
    def open(cls, folder: Path | None = None) -> Self:
        """Open a folder that `sourcier train-reader` wrote, by default the reader that comes with the package."""
        folder = folder or SHIPPED
        weights = ReaderWeights.load(folder / WEIGHTS_FILE)
        encoder = open_encoder()
        return cls(encoder, JointModel.load(folder / MODEL_FILE, encoder), weights)

    def read(self, question: str, hits: Sequence[SearchHit]) -> tuple[Finding, ...]:
        """Read the first passages, and unless they surely answer the others; ties break by document id, then offset."""
        first, others = hits[:_READ_FIRST], hits[_READ_FIRST:]
        read = self._read(question, first)
        found = self._found(SentenceFeatures.of(question, read))
        if others and not (found and found[0].confidence >= _SURE):
            read += self._read(question, others)
            found = self._found(SentenceFeatures.of(question, read))
        return found

    def features(self, question: str, hits: Sequence[SearchHit]) -> SentenceFeatures:
        """Read all of the hits' passages and return what ranks and judges their sentences."""
        return SentenceFeatures.of(question, self._read(question, hits))

    def _found(self, features: SentenceFeatures) -> tuple[Finding, ...]:
        if not features.read:
            return ()
        scores = weighted(features.ranking, self._weights.sentence)
        confidences = 1 / (1 + np.exp(-weighted(features.confidence, self._weights.confidence)))
        ranked = ((features.read[i], float(scores[i]), float(confidences[i])) for i in features.ranked(scores))
        return tuple(Finding(one.hit, one.start, one.end, score, sure, one.span) for one, score, sure in ranked)

    def _read(self, question: str, hits: Sequence[SearchHit]) -> list[ReadSentence]:
        states = self._encoder.read_question(question)
        asked = Asked.of(question, states[self._model.first_layer])
        kept = [(hit, places) for hit in hits if (places := answering(hit))]
        # One passage on each core: side by side they would be padded to the longest, on both cores wait for each other.
        read = cores().map(lambda one: self._read_sentences(asked, states[-1], *one), kept)
        return [sentence for sentences in read for sentence in sentences]

    def _read_sentences(
        self, asked: Asked, upper: TokenStates, hit: SearchHit, places: Sequence[tuple[int, int, int]]
    ) -> list[ReadSentence]:
        """Read the sentences of one passage, each (lead, start, end); `upper` is the question after all layers."""
        states = self._passage_states(hit.passage.text, hit.document.title)
        led = [(lead, end) for lead, _, end in places]
        pair = Pair.of(asked, states.lower, [(lead - hit.passage.start, end - hit.passage.start) for lead, end in led])
        with torch.inference_mode():
            scores = self._model(Batch.of([pair]))
        logits, starts, ends = scores.sentence.tolist(), scores.start[0].numpy(), scores.end[0].numpy()
        likeness = Likeness.of(asked.question, upper, states.upper, hit, led)
        read = []
        for number, (lead, start, end) in enumerate(places):
            inside = states.lower.within(start - hit.passage.start, end - hit.passage.start)
            tokens = len(pair.question) + np.flatnonzero(inside)
            offsets = states.lower.offsets[inside] + hit.passage.start
            read.append(
                ReadSentence(
                    hit,
                    start,
                    end,
                    lead,
                    span=_span(hit, (start, end), offsets, starts[tokens], ends[tokens]),
                    answers=logits[number],
                    meaning=float(likeness.meaning[number]),
                    match=float(likeness.match[number]),
                    context_match=float(likeness.context_match[number]),
                    passage_match=likeness.passage_match,
                )
            )
        return read

    def _read_passage(self, text: str, title: str) -> _PassageStates:
        lower = read_passage(self._encoder, text, title, layers=self._model.first_layer)
        upper = self._encoder.read_on(lower, self._model.first_layer)
        # Half the memory, and what the model was trained on.
        return _PassageStates(lower.halved(), upper.halved())


def answering(hit: SearchHit) -> list[tuple[int, int, int]]:
    """Return (lead, start, end) of each sentence of a passage that can answer; it is judged from `lead` on.

    A question of the document is read with the sentence after it, and never answers by itself.
    """
    found, lead = [], None
    for start, end in sentences_of(hit.document, hit.passage):
        lead = start if lead is None else lead
        if not is_question(hit.document.text[start:end]):
            found.append((lead, start, end))
            lead = None
    return found


def _span(
    hit: SearchHit,
    sentence: tuple[int, int],
    offsets: NDArray[np.int64],
    start: NDArray[np.float32],
    end: NDArray[np.float32],
) -> Span | None:
    """Return the likeliest exact answer within a sentence; None for one without tokens."""
    if not len(offsets):
        return None
    first, last = best_span(start, end, longest=_LONGEST_SPAN)
    # A token may begin with the space before its word, and touch the sentence from outside.
    begin, stop = max(int(offsets[first, 0]), sentence[0]), min(int(offsets[last, 1]), sentence[1])
    begin, stop = tidied(hit.document.text, begin, stop, within=sentence)
    text = hit.document.text[begin:stop]
    return Span(begin, stop, text) if text.strip() else None
