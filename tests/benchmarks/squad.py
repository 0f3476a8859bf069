"""What the benchmark scripts share: SQuAD-form files in short, and an embedder that repeats no work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index import Document
from index.tokens import TokenVectors
from qa.questions import Question, load_question_file


def load_squad(path: Path) -> tuple[list[Document], list[Question]]:
    """Read a SQuAD-form file, one document a paragraph."""
    file = load_question_file(path)
    return list(file.documents), list(file.questions)


class RememberingEmbedder:
    """Wraps an embedder: passages are embedded once for all runs, and read once a run."""

    def __init__(self, inner, path: Path) -> None:
        self._inner = inner
        self._path = path
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._read: dict[str, TokenVectors] = {}
        self.name, self.fingerprint, self.dimension = inner.name, inner.fingerprint, inner.dimension
        self.read_question = inner.read_question
        if path.is_file():
            with np.load(path) as stored:
                self._vectors = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            self._vectors.update(zip(missing, self._inner.embed_passages(missing), strict=True))
            np.savez(self._path, texts=np.array(list(self._vectors)), vectors=np.stack(list(self._vectors.values())))
        return np.stack([self._vectors[text] for text in texts])

    def read_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._read]
        if missing:
            self._read.update(zip(missing, self._inner.read_passages(missing), strict=True))
        return [self._read[text] for text in texts]
