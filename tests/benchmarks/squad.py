"""Questions of SQuAD-form files and of `seeds/questions.jsonl`, and the metrics taken over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import Document, load_documents, make_document
from index.tokens import TokenVectors

SEEDS = Path(__file__).parents[2] / "seeds"


@dataclass(frozen=True)
class Question:
    """A question and where its answers stand: (document id, start, end); none if there is no answer."""

    id: str
    text: str
    answers: tuple[tuple[str, int, int], ...]
    article: str
    origin: str

    def answered_by(self, document_id: str, start: int, end: int) -> bool:
        """Whether `[start, end)` of a document holds one of the answers whole."""
        return any(document_id == d and start <= s and e <= end for d, s, e in self.answers)


@dataclass(frozen=True)
class Asked:
    """A turn of a conversation, and whether it leans on the turn before."""

    question: Question
    carries: bool


@dataclass(frozen=True)
class Conversation:
    """Questions that follow each other."""

    id: str
    language: str
    turns: tuple[Asked, ...]


def load_squad(path: Path) -> tuple[list[Document], list[Question]]:
    """Read a SQuAD-form file, one document a paragraph; answers not found at their place are skipped."""
    documents, questions = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            document = make_document(text)
            documents.append(document)
            for asked in paragraph["qas"]:
                found = [(a["answer_start"], a["text"]) for a in asked["answers"]]
                kept = [(s, s + len(t)) for s, t in found if text[s : s + len(t)] == t]
                if found and not kept:
                    continue
                answers = tuple((document.id, start, end) for start, end in kept)
                questions.append(Question(asked["id"], asked["question"], answers, article["title"], path.stem))
    return documents, questions


def load_seed_questions() -> tuple[list[Document], list[Question]]:
    """Read the demo corpus and its questions."""
    documents = list(load_documents(SEEDS))
    lines = (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    return documents, [_seed_question(one, documents, one["id"], one["kind"], one["language"]) for one in asked]


def load_conversations() -> tuple[list[Document], list[Conversation]]:
    """Read the demo corpus and the conversations over it."""
    documents = list(load_documents(SEEDS))
    conversations = []
    for line in (SEEDS / "conversations.jsonl").read_text(encoding="utf-8").splitlines():
        read = json.loads(line)
        turns = [
            Asked(_seed_question(turn, documents, f"{read['id']}.{number}", "turn", read["language"]), turn["carries"])
            for number, turn in enumerate(read["turns"], start=1)
        ]
        conversations.append(Conversation(read["id"], read["language"], tuple(turns)))
    return documents, conversations


def _seed_question(
    asked: Mapping[str, Any], documents: Sequence[Document], identifier: str, article: str, origin: str
) -> Question:
    by_name = {Path(document.source).name: document for document in documents}
    answers = []
    for gold in [asked, *asked.get("also", [])] if asked["document"] else []:
        document = by_name[gold["document"]]
        start = document.text.index(gold["quote"])
        answers.append((document.id, start, start + len(gold["quote"])))
    return Question(identifier, asked["question"], tuple(answers), article, origin)


def reciprocal_rank(relevant: Sequence[bool]) -> float:
    """Return 1 / rank of the first relevant result, 0 if there is none."""
    return next((1 / rank for rank, hit in enumerate(relevant, start=1) if hit), 0.0)


def auroc(scores: Iterable[float], labels: Iterable[bool]) -> float:
    """Return the probability that a positive scores above a negative, ties counting half; NaN without both kinds."""
    score, label = np.array(list(scores), dtype=float), np.array(list(labels), dtype=bool)
    positives, negatives = score[label], np.sort(score[~label])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left")
    upto = np.searchsorted(negatives, positives, side="right")
    return float((below + upto).mean() / 2 / len(negatives))


def sha256_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
