"""Measure what can be found before all passages are embedded, and write results/coverage.json.

    python -m tests.benchmarks.coverage --data ../shared/data

The questions of PIAF's dev part over all its paragraphs, with a growing share of the passages embedded, drawn at
random. Then a corpus of `--passages` contexts, real and made: how long it takes from an empty
folder to the first answer that quotes the known one, and, reckoned from `--embedded` of them, to embed them all.
Takes two minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from index import PassageIndex, make_document, pending
from qa import Answerer, Retriever
from tests.benchmarks import RESULTS, current_commit
from tests.benchmarks.peers.corpus import SEED, made_passages, read_corpus
from tests.benchmarks.quality import CORPORA, question_set
from tests.benchmarks.retrieval import DEPTH, figures_of, first, holds

STEPS = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--embedded", type=int, default=300)
    options = parser.parse_args()
    commit = current_commit()
    with tempfile.TemporaryDirectory() as scratch:
        curve = list(curve_of(Path(scratch) / "curve", options.data))
        early = early_answer(Path(scratch), options.data, options.passages, options.embedded)
    results = {"date": date.today().isoformat(), "commit": commit, "curve": curve, "early answer": early}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "coverage.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def curve_of(folder: Path, data: Path) -> list[dict]:
    asked = question_set(data, *CORPORA[0][1:])
    passage_index = PassageIndex.build(folder, asked.documents, wait=False)
    questions = [question for question in asked.questions if question.answers]
    curve = []
    for step in range(STEPS + 1):
        embed_share(passage_index, step / STEPS)
        retriever = Retriever(passage_index)
        ranks = [
            first([holds(question, hit.passage) for hit in retriever.retrieve(question.text, top_k=DEPTH)])
            for question in questions
        ]
        curve.append(
            {
                "embedded": round(passage_index.coverage, 3),
                "questions": len(questions),
                **figures_of(ranks),
            }
        )
        print(curve[-1], flush=True)
    return curve


def embed_share(passage_index: PassageIndex, share: float) -> None:
    """Embed more passages, drawn at random, until so large a share of them is."""
    numbers = np.random.default_rng(SEED).permutation(passage_index.generation().pending)
    count = round(share * len(passage_index)) - (len(passage_index) - len(numbers))
    if count > 0:
        pending.embed_some(passage_index.folder, passage_index.embedder, np.sort(numbers[:count]))
        pending.bring_into_use(passage_index.folder, passage_index.embedder)


def early_answer(scratch: Path, data: Path, passages: int, embedded: int) -> dict:
    corpus = read_corpus(data)
    real = corpus.passages
    made = made_passages(real, max(0, passages - len(real)))
    documents = [make_document(one["text"], source=f"{one['id']}.txt") for one in [*real, *made]]
    embedder = PassageIndex.build(scratch / "warm", documents[:40]).embedder
    began = time.perf_counter()
    PassageIndex.build(scratch / "embedded", documents[:embedded], embedder=embedder)
    embedding_s = (time.perf_counter() - began) * len(documents) / embedded
    began = time.perf_counter()
    passage_index = PassageIndex.build(scratch / "early", documents, embedder=embedder, wait=False)
    indexed_s = time.perf_counter() - began
    answerer = Answerer(passage_index)
    tried = 0
    for question, gold in corpus.judged:
        tried += 1
        answer = answerer.ask(question)
        if answer.answered and answer.citations[0].document.source == f"{gold}.txt":
            break
    answered_s = time.perf_counter() - began
    found = {
        "passages": len(passage_index),
        "words indexed, s": round(indexed_s, 2),
        "first answer from the right passage, s": round(answered_s, 2),
        "questions asked until then": tried,
        "all embedded, s (reckoned)": round(embedding_s, 1),
        "share": round(answered_s / embedding_s, 4),
    }
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
