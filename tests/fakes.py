"""Stand-ins that fit the seams: quick, deterministic, and simple enough to reason about."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from index import make_document, split_passages
from index.sentences import split_sentences
from qa import Finding, SearchHit


class FakeEmbedder:
    """A vector is the sum of its words' vectors, so texts that share words are near each other."""

    name = "fake"
    fingerprint = "fake-1"
    dimension = 32

    def __init__(self):
        self.embedded = []

    def embed_passages(self, texts):
        self.embedded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def embed_question(self, question):
        return self._vector(question)

    def _vector(self, text):
        words = _words(text) or [""]
        total = sum(self._word(word) for word in words)
        return (total / (np.linalg.norm(total) or 1)).astype(np.float32)

    def _word(self, word):
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:4], "big")
        return np.random.default_rng(seed).standard_normal(self.dimension)


class FakeReader:
    """Takes each sentence's words that the question has too for its score, and is as sure as it is told to be."""

    def __init__(self, confidence=0.9, threshold=0.5):
        self.confidence = confidence
        self.threshold = threshold

    def read(self, question, hits):
        asked = set(_words(question))
        findings = [
            Finding(hit, start, end, float(len(asked & set(_words(hit.document.text[start:end])))), self.confidence)
            for hit in hits
            for start, end in split_sentences(hit.document.text, hit.passage.start, hit.passage.end)
        ]
        return tuple(sorted(findings, key=lambda finding: -finding.score))


def _words(text):
    return re.findall(r"\w+", text.lower())


def finding(text, score=1.0):
    """Return a text's only passage as a finding."""
    document = make_document(text)
    passage = split_passages(document)[0]
    return Finding(SearchHit(passage, document, score, 1), passage.start, passage.end, score)
