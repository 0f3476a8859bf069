"""Passages → sentences that answer, by the trained model and the features beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from index.encoder import BertEncoder, TokenStates, open_encoder
from index.sentences import split_sentences
from qa.answer import SearchHit, Span
from qa.features import ReaderWeights, SentenceFeatures, weighted
from qa.joint import Asked, Batch, JointModel, Pair, best_span
from qa.reader import Finding, Reading

SHIPPED = Path(__file__).parent
MODEL_FILE = "reader.safetensors"
WEIGHTS_FILE = "reader.json"
# States of passages that were read lately; 1,000 tokens take three quarters of a megabyte.
_PASSAGES_KEPT = 512
# In tokens. Of PIAF's answers one in fifty is longer.
_LONGEST_SPAN = 40


class JointReader:
    """Reads question and passages together, with a model trained to tell which sentence answers."""

    def __init__(self, encoder: BertEncoder, model: JointModel, weights: ReaderWeights) -> None:
        self.threshold = weights.threshold
        self._encoder = encoder
        self._model = model
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

    def read(self, question: str, hits: Sequence[SearchHit]) -> Reading:
        """Read every sentence of the hits' passages; ties break by document id, then offset."""
        features = self.features(question, hits)
        if not features.places:
            return Reading((), 0.0)
        scores = weighted(features.ranking, self._weights.sentence)
        order = features.ranked(scores)
        findings = tuple(Finding(*features.places[i], score=float(scores[i]), span=features.spans[i]) for i in order)
        logit = weighted(features.confidence(order), self._weights.confidence)[0]
        return Reading(findings, float(1 / (1 + np.exp(-logit))))

    def features(self, question: str, hits: Sequence[SearchHit]) -> SentenceFeatures:
        """Read the hits' passages and return all that ranks and judges their sentences."""
        asked = Asked.of(question, self._encoder.read(question, prompt="query: ", layers=self._model.first_layer))
        inside = [_sentences(hit) for hit in hits]
        kept = [(hit, sentences) for hit, sentences in zip(hits, inside, strict=True) if sentences]
        if not kept:
            return SentenceFeatures.of(question, (), (), (), ())
        passages = [self._passage_states(hit.passage.text) for hit, _ in kept]
        pairs = [
            Pair.of(asked, states, [(s - hit.passage.start, e - hit.passage.start) for s, e in sentences])
            for (hit, sentences), states in zip(kept, passages, strict=True)
        ]
        with torch.inference_mode():
            scores = self._model(Batch.of(pairs))
        start, end = scores.start.numpy(), scores.end.numpy()
        places, spans = [], []
        for row, ((hit, sentences), states, pair) in enumerate(zip(kept, passages, pairs, strict=True)):
            for place, (first, last) in zip(sentences, pair.sentences, strict=True):
                places.append((hit, *place))
                tokens = slice(len(pair.question) + first, len(pair.question) + last)
                offsets = states.offsets[first:last] + hit.passage.start
                spans.append(_span(hit, place, offsets, start[row, tokens], end[row, tokens]))
        matches = np.concatenate([pair.match.numpy() for pair in pairs])
        return SentenceFeatures.of(question, places, spans, scores.sentence.tolist(), matches)

    def _read_passage(self, text: str) -> TokenStates:
        read = self._encoder.read(text, prompt="passage: ", layers=self._model.first_layer)
        # Half the memory, and what the model was trained on.
        return TokenStates(read.states.half(), read.offsets)


def _sentences(hit: SearchHit) -> list[tuple[int, int]]:
    return split_sentences(hit.document.text, hit.passage.start, hit.passage.end, language=hit.document.language)


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
    text = hit.document.text[begin:stop]
    begin += len(text) - len(text.lstrip())
    text = text.strip()
    return Span(begin, begin + len(text), text) if text else None
