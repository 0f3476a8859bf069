"""A folder of this machine beside a Milvus server: what each finds, and how fast.

    python -m tests.benchmarks.stores [--data ../shared/data] [--passages N] [--work DIR]

Writes results/stores.json, and draws stores.svg. With --data, the questions of PIAF are asked of an embedded index,
of Milvus Lite and of the server, and the ranks are compared; with --passages, drawn vectors and texts as in `scale` are
put into the embedded index and the server, of growing size up to N, in one run. The server runs in a network of its
own, on the same two cores. What is called "without words" leaves out the search for words, for which a server
before 2.4 looks at every passage.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from index import Filters, PassageIndex, ReadingOptions, split_passages
from index.bulk.plan import FILE_NAME, BulkPlan, Shard
from index.bulk.shards import Read, write_shard
from index.passage_store import is_shared
from index.snapshot import find_matches
from qa import Retriever
from tests.benchmarks import RESULTS, current_commit, timed
from tests.benchmarks.quality import CORPORA, question_set
from tests.benchmarks.retrieval import DEPTH, figures_of, first, holds
from tests.benchmarks.scale import (
    QUERIES,
    GivenVectors,
    chart,
    document,
    make_vectors,
    nearest,
    status_mb,
    words_of,
)
from tests.milvus_server import raise_loopback

OUT = RESULTS / "stores.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
INSIDE = "SOURCIER_BENCHMARK_INSIDE"
PORT = 19530
# The server builds its graphs after it has taken in the rows; until then it compares all of them.
SETTLES_S = 1800
SETTLING_S = 20
A_SHARD = 10_000
# Asked of more passages than this, so few questions.
MANY, FEW = 100_000, 100
NUMBER = re.compile(r"n°(\d+)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--passages", type=int, default=0)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--one", nargs=3, metavar=("PLACE", "SHARDS", "VECTORS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        place, shards, vectors = options.one
        print(json.dumps(load_and_ask(place, Path(shards), np.load(vectors, mmap_mode="r"))))
        return
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
        results["sizes"] = [one for one in results.get("sizes", []) if one["passages"] > options.passages]
        for size in (size for size in SIZES if size <= options.passages):
            results["sizes"] = sorted([*results["sizes"], sized(work, size)], key=lambda one: one["passages"])
            save(results)
    draw(results["sizes"], OUT.with_suffix(".svg"))


def save(results) -> None:
    OUT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results), flush=True)


def quality(work: Path, data: Path) -> dict:
    name, *which = CORPORA[0]
    asked = question_set(data, *which)
    questions = [question for question in asked.questions if question.answers]
    ranks, found = {}, {}
    with running(work / "server") as (address, _):
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


def sized(work: Path, size: int) -> dict:
    """Load the same shards into both stores, each in a new process, and ask both the same."""
    matrix = work / f"vectors-{size}.npy"
    if not matrix.exists():
        make_vectors(matrix, size)
    shards = work / f"shards-{size}"
    if not (shards / FILE_NAME).exists() or BulkPlan.open(shards).missing(shards):
        shutil.rmtree(shards, ignore_errors=True)
        make_shards(shards, np.load(matrix, mmap_mode="r"))
    found = {"passages": size, "shards_mb": round(sum(path.stat().st_size for path in shards.iterdir()) / 1e6)}
    shutil.rmtree(work / "embedded", ignore_errors=True)
    found["embedded"] = in_new_process(work / "embedded", shards, matrix)
    shutil.rmtree(work / "server", ignore_errors=True)
    with running(work / "server") as (address, process):
        found["server"] = in_new_process(f"{address}/news", shards, matrix)
        found["server"]["server_mb"] = status_mb("VmRSS", process)
        found["server"]["disk_mb"] = disk_mb(work / "server")
    found["embedded"]["disk_mb"] = disk_mb(work / "embedded")
    return found


def make_shards(folder: Path, matrix: np.ndarray) -> None:
    """Write shards as `sourcier embed` does, of texts and vectors that are drawn."""
    embedder = GivenVectors(matrix)
    names = [f"/corpus/{begin}" for begin in range(0, len(matrix), A_SHARD)]
    shards = tuple(Shard(number, (name,)) for number, name in enumerate(names))
    plan = BulkPlan(embedder.name, embedder.fingerprint, ReadingOptions(), shards, ())
    plan.begin(folder)
    for shard in shards:
        begin = shard.number * A_SHARD
        several = []
        for number in range(begin, min(begin + A_SHARD, len(matrix))):
            one = document(number)
            passages = tuple(split_passages(one))
            vectors = matrix[[number] * len(passages)]
            several.append(Read(one, one.source, passages, vectors))
        write_shard(folder / shard.name, several, (), fingerprint=embedder.fingerprint, dimension=embedder.dimension)


def load_and_ask(place: str, shards: Path, matrix: np.ndarray) -> dict:
    """Fill a store and ask it, in this process; times in seconds and milliseconds, memory of this process in MB."""
    embedder = GivenVectors(matrix)
    began = time.perf_counter()
    passage_index = PassageIndex.open_or_create(place, embedder=embedder)
    passage_index.load(shards)
    loaded = time.perf_counter() - began
    count = len(passage_index)
    rng = np.random.default_rng(1)
    asked = [int(number) for number in rng.choice(len(matrix), QUERIES, replace=False)]
    questions = [f"n°{number} {' '.join(words_of(number).split()[:6])}" for number in asked]
    queries = {question: embedder.embed_question(question) for question in questions}
    embedder.embed_question = queries.__getitem__
    generation, retriever = passage_index.generation(), Retriever(passage_index)
    # Until its graphs are built, the server compares all vectors.
    settled = settle(lambda: generation.search_vectors(queries[questions[0]], 100)) if is_shared(place) else 0.0
    wordless = WithoutWords(generation)
    kinds = {
        "retrieve": lambda question: retriever.retrieve(question, top_k=5),
        "retrieve without words": lambda question: find_matches(wordless, question, embedder, top_k=5, pool=100),
        "vectors": lambda question: generation.search_vectors(queries[question], 100),
        "words": lambda question: generation.search_words(question, 100),
        "retrieve, 1 in 1,000 by metadata": lambda question: retriever.retrieve(
            question, top_k=5, filters=Filters(metadata={"rubrique": "7"})
        ),
    }
    times = {}
    for name, ask in kinds.items():
        some = questions if count <= MANY else questions[:FEW]
        for question in questions[:20]:
            ask(question)
        times[name] = quantiles([1000 * timed(lambda question=question, ask=ask: ask(question)) for question in some])
    alive = np.ones(len(matrix), bool)
    hits = 0
    for question in questions[:100]:
        numbers, _ = generation.search_vectors(queries[question], 10)
        found = {int(NUMBER.search(passage.text)[1]) for passage, _ in generation.passages(numbers.tolist())}
        hits += len(found & set(nearest(matrix, alive, queries[question], 10).tolist()))
    return {
        "load_s": round(loaded, 1),
        "settled_s": round(settled, 1),
        "ms": times,
        "recall_at_10": hits / 1000,
        "client_mb": status_mb("VmRSS"),
    }


class WithoutWords:
    """A moment of a store that finds nothing by words."""

    def __init__(self, snapshot) -> None:
        self._snapshot = snapshot

    def __getattr__(self, name):
        return getattr(self._snapshot, name)

    def search_words(self, question, k, filters=None):
        return np.empty(0, np.int64), np.empty(0, np.float32)


def settle(search) -> float:
    """Wait until searching is no longer getting quicker; return how long that took."""
    began = time.perf_counter()
    before = np.inf
    while time.perf_counter() - began < SETTLES_S:
        now = float(np.median([timed(search) for _ in range(20)]))
        if now > 0.9 * before:
            break
        before = now
        time.sleep(SETTLING_S)
    return time.perf_counter() - began


def quantiles(times) -> dict:
    return {f"p{q}": round(float(np.percentile(times, q)), 2) for q in (50, 95)}


def in_new_process(place, shards: Path, matrix: Path) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.stores", "--one", str(place), str(shards), str(matrix)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, INSIDE: "1"})
    return json.loads(printed.stdout.splitlines()[-1])


def draw(sizes, path: Path) -> None:
    """Draw what a question, loading and memory take in a folder and on a server, by the number of passages."""
    passages = [one["passages"] for one in sizes]
    folder, server = ([one[store] for one in sizes] for store in ("embedded", "server"))
    lines = {
        "a question, ms (p50; five passages, without embedding it)": {
            "a folder": [one["ms"]["retrieve"]["p50"] for one in folder],
            "a server, version 2.3": [one["ms"]["retrieve"]["p50"] for one in server],
            "… without its search for words": [one["ms"]["retrieve without words"]["p50"] for one in server],
        },
        "loading, s": {
            "a folder": [one["load_s"] for one in folder],
            "a server, version 2.3": [one["load_s"] for one in server],
        },
        "memory, MB": {
            "a folder": [one["client_mb"] for one in folder],
            "a server, version 2.3": [one["server_mb"] for one in server],
            "… and who asks it": [one["client_mb"] for one in server],
        },
    }
    with chart(path, columns=len(lines)) as all_axes:
        for axes, (title, of) in zip(all_axes, lines.items(), strict=True):
            axes.set_title(title, fontsize=8)
            for (name, values), style in zip(of.items(), ("o-", "s-", "s:"), strict=False):
                axes.plot(passages, values, style, label=name, color="#0f5c63" if style == "o-" else "#b3541e")


def disk_mb(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6)


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a server for the time of the block, and give its address and its process."""
    from milvus import MilvusServer as Server

    server = Server(data_dir=str(folder), proxy_port=PORT)
    server.start()
    try:
        yield f"milvus://127.0.0.1:{PORT}", server.server_proc.pid
    finally:
        server.server_proc.kill()
        server.server_proc.wait()


if __name__ == "__main__":
    main()
