"""Measure what the fast precision gains and changes, and write results/precision.json.

    python -m tests.benchmarks.precision --data ../shared/data

In each precision, in a process of its own, in turns: contexts of PIAF embedded by `encode` of sentence-transformers
alone and by a new index; then questions of its dev part asked over that index. Compared: the vectors, and the first
quotes. On a processor without instructions for bfloat16 the slow way is measured, which nothing takes by itself there.
Takes five minutes on two cores.
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
from datetime import date
from pathlib import Path

import numpy as np

from index.environment import PRECISION
from tests.benchmarks import RESULTS, current_commit

PRECISIONS = ("fp32", "bf16")
WARM_UP = 8


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.into:
        measure(options.data, options.into, options.passages, options.questions)
        return
    commit = current_commit()
    runs: dict[str, list[dict]] = {precision: [] for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.rounds):
            for precision in PRECISIONS if number % 2 == 0 else PRECISIONS[::-1]:
                into = Path(scratch) / f"{precision}-{number}"
                subprocess.run(
                    [sys.executable, "-m", "tests.benchmarks.precision", *sys.argv[1:], "--into", str(into)],
                    env={**os.environ, PRECISION: precision},
                    check=True,
                )
                runs[precision].append(json.loads((into / "figures.json").read_text()))
                runs[precision][-1]["vectors"] = np.load(into / "vectors.npy")
    save(runs, options, commit)


def measure(data: Path, into: Path, passages: int, asked: int) -> None:
    """Take the figures of this process, whose precision the environment says."""
    from index import PassageIndex, make_document, open_embedder
    from index.bundled_model import bundled_model_folder
    from qa import Answerer
    from tests.benchmarks.peers.corpus import read_corpus

    corpus = read_corpus(data)
    texts = [one["text"] for one in corpus.passages[:passages]]
    embedder, bare = open_embedder(), open_embedder(str(bundled_model_folder()))
    for one in (embedder, bare):
        one.embed_passages(texts[-40:])
    began = time.perf_counter()
    bare.embed_passages(texts)
    bare_s = time.perf_counter() - began
    documents = [make_document(text, source=f"{number}.txt") for number, text in enumerate(texts)]
    began = time.perf_counter()
    passage_index = PassageIndex.build(into, documents, embedder=embedder)
    index_s = time.perf_counter() - began
    answerer = Answerer(passage_index)
    questions = [question for question, _ in corpus.judged][: WARM_UP + asked]
    answers, new, again = [], [], []
    for times in (new, again):
        for question in questions:
            # The question is read anew, the passages only the first time.
            began = time.perf_counter()
            answers.append(answerer.ask(f"{question} " if times is again else question))
            times.append(1000 * (time.perf_counter() - began))
    figures = {
        "encode, passages/s": round(passages / bare_s, 1),
        "index, passages/s": round(passages / index_s, 1),
        "ask, p50 ms": round(float(np.percentile(new[WARM_UP:], 50)), 1),
        "ask, p95 ms": round(float(np.percentile(new[WARM_UP:], 95)), 1),
        "ask again, p50 ms": round(float(np.percentile(again, 50)), 1),
        "quotes": [[one.quote for one in answer.citations] for answer in answers[: len(questions)]],
    }
    (into / "figures.json").write_text(json.dumps(figures))
    np.save(into / "vectors.npy", embedder.embed_passages(texts))


def save(runs: dict[str, list[dict]], options: argparse.Namespace, commit: str) -> None:
    slow, fast = (of[0] for of in runs.values())
    same = [one[:1] == other[:1] for one, other in zip(slow["quotes"], fast["quotes"], strict=True)]
    results = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {platform.python_version()}",
        "passages": options.passages,
        "questions": len(same),
        "rounds": options.rounds,
        **{
            precision: {name: median(of, name) for name in of[0] if name not in ("quotes", "vectors")}
            for precision, of in runs.items()
        },
        "least cosine of a vector": round(float((slow["vectors"] * fast["vectors"]).sum(axis=1).min()), 6),
        "same first quote, or none": round(float(np.mean(same)), 4),
        "same every time": all(one["quotes"] == of[0]["quotes"] for of in runs.values() for one in of),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "precision.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


def median(runs: list[dict], name: str) -> float:
    return round(float(np.median([run[name] for run in runs])), 1)


if __name__ == "__main__":
    main()
