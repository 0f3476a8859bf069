"""Stand-ins that fit the seams: quick, deterministic, and simple enough to reason about."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from index.tokens import TokenVectors


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

    def read_question(self, question):
        return self._tokens(question)

    def read_passages(self, texts):
        return [self._tokens(text) for text in texts]

    def _tokens(self, text):
        words = list(re.finditer(r"\w+", text))
        states = [self._word(word.group().lower()) for word in words] or [self._word("")]
        offsets = [word.span() for word in words] or [(0, 0)]
        return TokenVectors.of(np.array(states, dtype=np.float32), np.array(offsets), self._vector(text))

    def _vector(self, text):
        words = re.findall(r"\w+", text.lower()) or [""]
        total = sum(self._word(word) for word in words)
        return (total / (np.linalg.norm(total) or 1)).astype(np.float32)

    def _word(self, word):
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:4], "big")
        return np.random.default_rng(seed).standard_normal(self.dimension)
