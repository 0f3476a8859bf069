"""Measure what a search that does not compare all costs in neighbours, on real vectors; write results/neighbours.json.

    python -m tests.benchmarks.neighbours --data ../shared/data [--work DIR]

The vectors are of 12,000 sentences in nine languages, the queries of 500 questions about them: those lie
less close to the sentences than sentences do to each other, which is what lists are hardest on. Without lists,
candidates are measured as a share of all, since an index of 200,000 picks as many as one of 20,001. Embedding takes
two minutes; with --work the vectors are kept.
"""

from __future__ import annotations

import json
import re

import numpy as np

from index import vectors as module
from index.embedder import BUNDLED, open_embedder
from index.vectors import VectorSet
from tests.benchmarks import current_commit, data_and_work, save_result

QUESTIONS = 500
SHORTEST = 20
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
# From the largest index without lists to the smallest one.
CANDIDATES = (1 / 200, 1 / 100, 1 / 50, 1 / 20)
_ENDS = re.compile(r"(?<=[.!?。؟])\s*")


def main():
    commit = current_commit()
    with data_and_work() as (data, work):
        kept = work / "sentences.npz"
        if not kept.exists():
            embed(data, kept)
        with np.load(kept) as arrays:
            sentences, questions = arrays["sentences"], arrays["questions"]
        module.LARGEST_EXACT = 0
        by_candidates = {}
        for share in CANDIDATES:
            module._CANDIDATES = share * len(sentences)
            by_candidates[f"{share:.3f}"] = recall(work / "one.faiss", sentences, questions)
        module.LARGEST_WITHOUT_LISTS = 0
        by_lists = {}
        for share in SHARES:
            module._PROBED_SHARE = share
            by_lists[f"{share:.3f}"] = recall(work / "lists.faiss", sentences, questions)
    measured = {
        "vectors": len(sentences),
        "queries": len(questions),
        "recall by candidates as a share of all": by_candidates,
        "recall by share of the lists": by_lists,
    }
    print(json.dumps(save_result("neighbours", commit, **measured), indent=1))


def embed(data, path):
    paragraphs = [
        paragraph
        for file in sorted(data.glob("*.json"))
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
    ]
    pieces = dict.fromkeys(piece for paragraph in paragraphs for piece in _ENDS.split(paragraph["context"]))
    texts = sorted((piece for piece in pieces if len(piece) > SHORTEST), key=len)
    asked = [paragraph["qas"][0]["question"] for paragraph in paragraphs if paragraph["qas"]]
    chosen = np.random.default_rng(0).choice(len(asked), QUESTIONS, replace=False)
    embedder = open_embedder(BUNDLED)
    sentences = np.concatenate(
        [embedder.embed_passages(texts[begin : begin + 256]) for begin in range(0, len(texts), 256)]
    )
    np.savez(
        path,
        sentences=sentences.astype(np.float16),
        questions=np.stack([embedder.embed_question(asked[i]) for i in chosen]),
    )


def recall(path, sentences, questions):
    """Return which share of the 10 nearest is found by a search for 10, and of the 100 by one for 100."""
    VectorSet.write(path, np.arange(len(sentences)), sentences.__getitem__, dimension=sentences.shape[1])
    vector_set = VectorSet.open(path)
    found = {10: 0, 100: 0}
    for query in questions:
        exact = np.argsort(-(sentences.astype(np.float32) @ query))
        for k in found:
            numbers, _ = vector_set.search(query, k)
            found[k] += len(np.intersect1d(numbers, exact[:k])) / k
    return {f"@{k}": round(total / len(questions), 4) for k, total in found.items()}


if __name__ == "__main__":
    main()
