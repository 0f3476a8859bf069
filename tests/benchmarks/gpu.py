"""Measure what a GPU gains and changes beside the processor of its machine, and write results/gpu.json.

    python -m tests.benchmarks.gpu [--passages N]

Passages are made of sentences of seeds/ in an order that is drawn, as long as real ones are. They are embedded by
`encode` of sentence-transformers, by sourcier, and by `sourcier embed` from files into shards; then the questions of
seeds/ are asked. Each way runs in a process of its own. Takes five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from index import PassageIndex, embed_files, load_documents, open_embedder
from index.bundled_model import bundled_model_folder
from index.environment import DEVICE, PRECISION
from index.passages import sentences_of, split_passages
from qa import Answerer
from tests.benchmarks import RESULTS, current_commit, timed
from ui.demo import seeds_folder

WAYS = {
    "GPU, bf16": {DEVICE: "cuda", PRECISION: "bf16"},
    "GPU, fp32": {DEVICE: "cuda", PRECISION: "fp32"},
    "processor": {DEVICE: "cpu", PRECISION: "auto"},
    "processor, fp32": {DEVICE: "cpu", PRECISION: "fp32"},
}
EXACT = "processor, fp32"
# A processor embeds this much less in the same time.
SHARE_OF_PROCESSOR = 40
# The mean length of PIAF's passages, and how many stand in a file.
WORDS, IN_A_FILE = 118, 20
COMPARED = 500
BATCHES = (32, 256, 1024)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=40_000)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.into:
        measure(options.into, options.passages)
        return
    import torch

    found, vectors, quotes = {}, {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for way, environment in WAYS.items():
            into = Path(scratch) / way
            count = options.passages if environment[DEVICE] == "cuda" else options.passages // SHARE_OF_PROCESSOR
            command = [sys.executable, "-m", "tests.benchmarks.gpu", "--into", str(into), "--passages", str(count)]
            subprocess.run(command, env={**os.environ, **environment}, check=True)
            found[way] = json.loads((into / "figures.json").read_text(encoding="utf-8"))
            vectors[way] = np.load(into / "vectors.npy")
            quotes[way] = found[way].pop("quotes")
            print(way, found[way], flush=True)
    for way in WAYS:
        found[way]["least cosine to the processor's"] = round(float((vectors[way] * vectors[EXACT]).sum(1).min()), 6)
        same = [one[:1] == other[:1] for one, other in zip(quotes[way], quotes[EXACT], strict=True)]
        found[way]["same first quote, or none"] = round(float(np.mean(same)), 4)
    results = {
        "date": date.today().isoformat(),
        "commit": current_commit(),
        "gpu": torch.cuda.get_device_name(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, PyTorch {torch.__version__}",
        "passages": options.passages,
        "questions": len(quotes[EXACT]),
        **found,
    }
    (RESULTS / "gpu.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


def measure(into: Path, count: int) -> None:
    """Take the figures of this process, whose device and precision the environment says."""
    into.mkdir()
    texts = drawn(count)
    embedder = open_embedder()
    embedder.embed_passages(texts[-1000:])
    figures = {"passages/s": rate(lambda: embedder.embed_passages(texts), count)}
    figures["encode, passages/s"] = encoding(texts)
    files = into / "files"
    files.mkdir()
    for begin in range(0, count, IN_A_FILE):
        (files / f"{begin}.txt").write_text("\n\n".join(texts[begin : begin + IN_A_FILE]), encoding="utf-8")
    began = time.perf_counter()
    report = embed_files(files, into / "shards", embedder=embedder)
    figures["embed, passages/s"] = round(report.passages / (time.perf_counter() - began), 1)
    figures["embed, passages"] = report.passages
    passage_index = PassageIndex.build(into / "index", load_documents(seeds_folder()), embedder=embedder)
    answerer = Answerer(passage_index)
    lines = (seeds_folder() / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    embedding, asking, quotes = [], [], []
    for question in questions:
        # Spelt otherwise, or it would be remembered.
        embedding.append(timed(lambda question=question: embedder.embed_question(f"{question} ")))
    for question in questions:
        asking.append(timed(lambda question=question: quotes.append(answerer.ask(question).citations)))
    figures["a question embedded, p50 ms"] = round(1000 * float(np.median(embedding)), 1)
    figures["an answer, p50 ms"] = round(1000 * float(np.median(asking)), 1)
    figures["quotes"] = [[citation.quote for citation in citations] for citations in quotes]
    (into / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
    np.save(into / "vectors.npy", embedder.embed_passages(drawn(COMPARED)))


def drawn(count: int) -> list[str]:
    """Return passages of sentences in an order that is drawn, always the same."""
    sentences = [
        passage.text[start - passage.start : end - passage.start]
        for document in load_documents(seeds_folder())
        for passage in split_passages(document)
        for start, end in sentences_of(document, passage)
    ]
    rng = np.random.default_rng(1)
    found = []
    for length in rng.integers(WORDS // 2, WORDS * 3 // 2, count):
        words = 0
        chosen = []
        while words < length:
            chosen.append(sentences[rng.integers(len(sentences))])
            words += len(chosen[-1].split())
        found.append(" ".join(chosen))
    return found


def encoding(texts: list[str]) -> dict[str, float]:
    """Return how many texts sentence-transformers embeds a second, in the precision that is asked for, by batch."""
    import torch
    from sentence_transformers import SentenceTransformer

    from index.processor import device, matrix_precision, multiplying_fast

    model = SentenceTransformer(str(bundled_model_folder()), device=str(device()))
    if device().type != "cpu":
        model = model.to(matrix_precision(device()))
    found = {}
    with multiplying_fast(device()), torch.inference_mode():
        model.encode_document(texts[:500], normalize_embeddings=True)
        for size in BATCHES if device().type != "cpu" else BATCHES[:1]:
            found[str(size)] = rate(
                lambda size=size: model.encode_document(texts, batch_size=size, normalize_embeddings=True), len(texts)
            )
    return found


def rate(work: Callable[[], object], count: int) -> float:
    return round(count / timed(work), 1)


if __name__ == "__main__":
    main()
