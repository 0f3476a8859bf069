"""A folder of this machine beside a Milvus server: what each finds, how fast, and when to move.

    python -m tests.benchmarks.stores [--data ../shared/data] [--passages N] [--work DIR]

Writes results/stores.json and its chart, stores.svg. With --data, the questions of PIAF are asked of an embedded
index, of Milvus Lite and of the server, and the ranks are compared; with --passages, drawn vectors and texts as in
`scale` are put into the embedded index and the server, of growing size up to N, in one run. The server runs in a
network of its own, on the same two cores. A million passages take an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from index import PassageIndex
from qa import Retriever
from tests.benchmarks import current_commit
from tests.benchmarks.quality import CORPORA, RESULTS, question_set
from tests.benchmarks.retrieval import DEPTH, figures_of, first, holds
from tests.milvus_server import raise_loopback

OUT = RESULTS / "stores.json"
SIZES = (1_000, 10_000, 100_000, 300_000, 1_000_000)
INSIDE = "SOURCIER_BENCHMARK_INSIDE"
PORT = 19530
# The server builds its graphs after it has taken in the rows; until then it compares all of them.
SETTLES_S = 600


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--passages", type=int, default=0)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if not os.environ.get(INSIDE):
        # A network in which the server is alone with this program.
        command = [
            "unshare",
            "--map-root-user",
            "--net",
            sys.executable,
            "-m",
            "tests.benchmarks.stores",
            *sys.argv[1:],
        ]
        raise SystemExit(subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode)
    raise_loopback()
    results = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    results |= {"date": date.today().isoformat(), "commit": current_commit(), "machine": platform.machine()}
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        if options.data:
            results["piaf"] = quality(work, options.data)
            save(results)


def save(results) -> None:
    OUT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results), flush=True)


def quality(work: Path, data: Path) -> dict:
    name, *which = CORPORA[0]
    asked = question_set(data, *which)
    questions = [question for question in asked.questions if question.answers]
    ranks, found = {}, {}
    with running(work / "server") as address:
        for store, place in {
            "embedded": work / "piaf",
            "lite": f"milvus://{work / 'lite.db'}/piaf",
            "server": f"{address}/piaf",
        }.items():
            passage_index = PassageIndex.open_or_create(place)
            passage_index.add(asked.documents)
            passages = len(passage_index)
            retriever = Retriever(passage_index)
            hits = [retriever.retrieve(question.text, top_k=DEPTH) for question in questions]
            ranks[store] = [
                first([holds(question, hit.passage) for hit in several])
                for question, several in zip(questions, hits, strict=True)
            ]
            found[store] = [[hit.passage.id for hit in several[:5]] for several in hits]
            print(store, figures_of(ranks[store]), flush=True)
    alike = {
        store: round(float(np.mean([a == b for a, b in zip(of, found["embedded"], strict=True)])), 3)
        for store, of in found.items()
    }
    return {
        "corpus": name,
        "questions": len(questions),
        "passages": passages,
        **{store: {**figures_of(of), "same_first_five": alike[store]} for store, of in ranks.items()},
    }


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a server for the time of the block, and give its address."""
    from milvus import MilvusServer as Server

    server = Server(data_dir=str(folder), proxy_port=PORT)
    server.start()
    try:
        yield f"milvus://127.0.0.1:{PORT}"
    finally:
        server.server_proc.kill()
        server.server_proc.wait()


if __name__ == "__main__":
    main()
