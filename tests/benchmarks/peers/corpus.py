"""What every peer is given: contexts of PIAF, made passages beyond, and questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# The files asked of, and those that are only there to be found and to measure times with.
JUDGED, OTHERS = "piaf-dev.json", "piaf-train.json"
# Of a made passage's vector round that of a real one: their cosine is about .86, as of two contexts on one subject.
NOISE = 0.03
SEED = 11


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages with ids, questions with the id of the passage that answers, and more questions to take times with."""

    passages: list[dict[str, str]]
    judged: list[tuple[str, str]]
    timed: list[str]
    hashes: dict[str, str]


def read_corpus(data: Path) -> Corpus:
    """Read the SQuAD-form files of `data`; a passage is one context, as it is there."""
    passages: list[dict[str, str]] = []
    asked: dict[str, list[tuple[str, str]]] = {}
    for name in (JUDGED, OTHERS):
        asked[name] = []
        for paragraph in _paragraphs(data / name):
            passage = {"id": f"p{len(passages)}", "text": paragraph["context"]}
            passages.append(passage)
            asked[name] += [(question["question"], passage["id"]) for question in paragraph["qas"]]
    return Corpus(
        passages=passages,
        judged=asked[JUDGED],
        timed=[question for question, _ in asked[OTHERS]],
        hashes={name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in (JUDGED, OTHERS)},
    )


def _paragraphs(path: Path) -> Iterator[dict]:
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        yield from article["paragraphs"]


def made_passages(real: Sequence[dict[str, str]], count: int) -> list[dict[str, str]]:
    """Return `count` passages of bare words, drawn as often as the real ones use them, and as long."""
    rng = np.random.default_rng(SEED)
    texts = [passage["text"].split() for passage in real]
    words = np.array([word for text in texts for word in text], dtype=object)
    lengths = rng.choice([len(text) for text in texts], count)
    return [
        {"id": f"made{number}", "text": " ".join(rng.choice(words, length))} for number, length in enumerate(lengths)
    ]


def vectors_round(real: np.ndarray, count: int) -> np.ndarray:
    """Return the real vectors and made ones round them: float32 of unit length, shape (count, dimension)."""
    rng = np.random.default_rng(SEED)
    found = np.empty((count, real.shape[1]), dtype=np.float32)
    found[: len(real)] = real[:count]
    for begin in range(len(real), count, 20_000):
        some = min(20_000, count - begin)
        drawn = real[rng.integers(len(real), size=some)] + NOISE * rng.standard_normal(
            (some, real.shape[1]), dtype=np.float32
        )
        found[begin : begin + some] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return found


def mean_reciprocal_rank(found: Sequence[Sequence[str]], gold: Sequence[str]) -> float:
    """Return the mean of 1/rank of the first hit of the gold passage; 0 for a question it is not found for."""
    ranks = [list(ids).index(right) + 1 if right in ids else 0 for ids, right in zip(found, gold, strict=True)]
    return sum(1 / rank for rank in ranks if rank) / len(ranks)
