"""Questions of SQuAD-form files and of `seeds/questions.jsonl`, and the metrics taken over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index import Document, load_documents, make_document

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
    by_name = {Path(document.source).name: document for document in documents}
    questions = []
    for line in (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        gold = [asked, *asked.get("also", [])] if asked["document"] else []
        answers = []
        for one in gold:
            document = by_name[one["document"]]
            start = document.text.index(one["quote"])
            answers.append((document.id, start, start + len(one["quote"])))
        questions.append(Question(asked["id"], asked["question"], tuple(answers), asked["kind"], asked["language"]))
    return documents, questions


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
    """Wraps an embedder: what is asked again is not computed again, also not in the next run."""

    def __init__(self, inner: object, path: Path) -> None:
        self._inner = inner
        self._path = path
        self._known: dict[str, NDArray[np.float32]] = {}
        self.name, self.fingerprint, self.dimension = inner.name, inner.fingerprint, inner.dimension
        if path.is_file():
            with np.load(path) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def save(self) -> None:
        np.savez(self._path, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._remembered("p", texts, self._inner.embed_passages)

    def embed_sentences(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._remembered("s", texts, self._inner.embed_sentences)

    def embed_question(self, question: str) -> NDArray[np.float32]:
        return self._remembered("q", [question], lambda _: [self._inner.embed_question(question)])[0]

    def _remembered(self, kind, texts, embed) -> NDArray[np.float32]:
        keys = [kind + hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            self._known.update(zip(missing, embed(list(missing.values())), strict=True))
        return np.stack([self._known[key] for key in keys])
