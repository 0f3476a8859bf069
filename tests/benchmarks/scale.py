"""A million passages on one machine: build, open, search, filter, change, memory; and a folder of 10,000 files.

    python -m tests.benchmarks.scale [--passages N] [--work DIR] [--out FILE.json]

On the way there, what smaller indexes cost, and a chart of it beside FILE.json. Takes half an hour on two cores. With
--work the vectors and the built index stay there, and a run that was stopped goes on after what is in FILE.json.

Nothing is embedded: the vectors are drawn from 5,000 clusters of unequal size in 40 of 384 dimensions around one
common direction, which is how e5's lie (mean cosine .74), and the texts from 200,000 words by Zipf's law.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from index import Filters, PassageIndex, make_document
from tests.benchmarks import current_commit

DIMENSION = 384
CLUSTERS = 5000
TOPICS = 40
WORDS = 100
VOCABULARY = 200_000
QUERIES = 200
FILES = 10_000
# Measured before the whole.
SMALLER = (1_000, 10_000, 100_000, 300_000)
_NUMBER = re.compile(r"n°(\d+)")


class GivenVectors:
    """An embedder that looks vectors up by the number that a text or question names."""

    name = "given"
    fingerprint = "given-1"
    dimension = DIMENSION

    def __init__(self, matrix):
        self._matrix = matrix

    def embed_passages(self, texts):
        return self._matrix[[int(_NUMBER.search(text)[1]) for text in texts]].astype(np.float32)

    def embed_question(self, question):
        """Return the vector of the passage that the question names, moved a little."""
        number = int(_NUMBER.search(question)[1])
        moved = self._matrix[number].astype(np.float32)
        moved += np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float32) * 0.01
        return moved / np.linalg.norm(moved)


def make_vectors(path, count):
    rng = np.random.default_rng(0)
    sizes = 1 / np.arange(1, CLUSTERS + 1)
    centres = rng.standard_normal((CLUSTERS, TOPICS))
    spread = rng.standard_normal((TOPICS, DIMENSION))
    common = rng.standard_normal(DIMENSION) * 10
    matrix = np.lib.format.open_memmap(path, "w+", np.float16, (count, DIMENSION))
    for begin in range(0, count, 20_000):
        some = min(20_000, count - begin)
        topics = centres[rng.choice(CLUSTERS, some, p=sizes / sizes.sum())]
        drawn = (topics + 0.5 * rng.standard_normal((some, TOPICS))) @ spread + common
        matrix[begin : begin + some] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    matrix.flush()


def words_of(number):
    rng = np.random.default_rng(number)
    return " ".join(f"mot{n}" for n in rng.zipf(1.2, WORDS) % VOCABULARY)


def document(number, version=0):
    day = f"{2015 + number % 10}-{number % 12 + 1:02}-{number % 28 + 1:02}"
    return make_document(
        f"Le texte n°{number} de la version {version} dit {words_of(number)}.",
        source=f"/corpus/{number % 100:02}/{number}.txt",
        date=day,
        language="fr",
        metadata={"rubrique": str(number % 1000)},
    )


def nearest(matrix, alive, query, k):
    """Return the numbers of the nearest by brute force, among those alive."""
    scores = np.concatenate(
        [matrix[begin : begin + 50_000].astype(np.float32) @ query for begin in range(0, len(matrix), 50_000)]
    )
    scores[~alive] = -np.inf
    return np.argsort(-scores)[:k]


def serve(folder, vectors, count):
    """Open the index in this new process and ask; return the figures."""
    matrix = np.load(vectors, mmap_mode="r")[:count]
    embedder = GivenVectors(matrix)
    began = time.perf_counter()
    passage_index = PassageIndex.open(folder, embedder=embedder)
    opened = time.perf_counter() - began
    from qa import Retriever

    rng = np.random.default_rng(1)
    asked = rng.choice(count, QUERIES, replace=False)
    questions = [f"n°{n} {' '.join(words_of(int(n)).split()[:6])}" for n in asked]
    queries = [embedder.embed_question(question) for question in questions]
    remembered = dict(zip(questions, queries, strict=True))
    embedder.embed_question = remembered.__getitem__
    retriever = Retriever(passage_index)
    generation = passage_index.generation()
    kinds = {
        "retrieve": lambda i: retriever.retrieve(questions[i], top_k=5),
        "vectors": lambda i: generation.vectors.search(queries[i], 100),
        "words": lambda i: generation.search_words(questions[i], 100),
        "retrieve, 1 in 1,000 by metadata": lambda i: retriever.retrieve(
            questions[i], top_k=5, filters=Filters(metadata={"rubrique": "7"})
        ),
        "retrieve, 1 in 10 by date": lambda i: retriever.retrieve(
            questions[i], top_k=5, filters=Filters(after="2020", before="2020")
        ),
    }
    figures = {"open_s": round(opened, 3), "passages": len(passage_index), "ms": {}}
    # A server that has run for a while has its files in memory, as far as they are asked for.
    for path in (folder / "truth.sqlite", *(folder / generation.name).glob("*")):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
    for other in rng.choice(count, 50):
        query = f"n°{other} {' '.join(words_of(int(other)).split()[:6])}"
        remembered[query] = GivenVectors(matrix).embed_question(query)
        retriever.retrieve(query, top_k=5)
    for name, ask in kinds.items():
        ask(0)
        times = []
        for i in range(QUERIES):
            began = time.perf_counter()
            ask(i)
            times.append(1000 * (time.perf_counter() - began))
        figures["ms"][name] = {
            "p50": round(float(np.percentile(times, 50)), 2),
            "p95": round(float(np.percentile(times, 95)), 2),
        }
    figures["memory_mb"] = {
        "resident": status_mb("VmRSS"),
        "of that not a mapped file": status_mb("RssAnon"),
    }
    alive = np.zeros(count, bool)
    numbers = {}
    for number, text, *_ in generation.store.texts(generation.vectors.numbers()):
        found = int(_NUMBER.search(text)[1])
        numbers[number] = found
        alive[found] = True
    hits = 0
    for query in queries[:100]:
        found = {numbers[int(n)] for n in generation.vectors.search(query, 10)[0]}
        hits += len(found & set(nearest(matrix, alive, query, 10).tolist()))
    figures["recall_at_10"] = hits / 1000
    return figures


def status_mb(name, process="self"):
    (line,) = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith(name + ":")]
    return round(int(line.split()[1]) / 1024)


def in_new_process(*arguments):
    printed = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.scale", *map(str, arguments)], stdout=subprocess.PIPE, check=True
    )
    return json.loads(printed.stdout)


def timed(action):
    began = time.perf_counter()
    action()
    return round(time.perf_counter() - began, 1)


def folder_of_files(place):
    """Sync a folder of 10,000 files twice: the second time nothing has changed."""
    folder = place / "files"
    for number in range(FILES):
        path = folder / f"{number % 100:02}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Le texte n°{number} dit {words_of(number)}.", encoding="utf-8")
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((FILES, DIMENSION)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    passage_index = PassageIndex.open_or_create(place / "files-index", embedder=GivenVectors(matrix))
    # Younger than the clock's tick, a file would be read again.
    time.sleep(3)
    return {
        "files": FILES,
        "first_s": timed(lambda: passage_index.sync(folder)),
        "nothing_changed_s": timed(lambda: passage_index.sync(folder)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", nargs=3, metavar=("INDEX", "VECTORS", "COUNT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        folder, vectors, count = arguments.serve
        print(json.dumps(serve(Path(folder), Path(vectors), int(count))))
        return
    figures = json.loads(arguments.out.read_text()) if arguments.out and arguments.out.exists() else {}

    def keep(name, make):
        if name not in figures:
            figures[name] = make()
            if arguments.out:
                arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
            print(json.dumps({name: figures[name]}), flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.work or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        count = arguments.passages
        changed = count // 100
        vectors, index = place / "vectors.npy", place / "index"
        keep("date", lambda: date.today().isoformat())
        keep("commit", current_commit)
        keep("machine", lambda: f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        keep("folder", lambda: folder_of_files(place))
        if not vectors.exists():
            # What is added later needs vectors too.
            make_vectors(vectors, count + changed)
        embedder = GivenVectors(np.load(vectors, mmap_mode="r"))
        for size in SMALLER:
            if size < count:
                keep(f"at {size:,}", lambda size=size: smaller(place / "smaller", embedder, vectors, size))
        keep("build", lambda: build(index, embedder, count))
        passage_index = PassageIndex.open(index, embedder=embedder)
        keep("add_1_percent_s", lambda: timed(lambda: passage_index.add(map(document, range(count, count + changed)))))
        gone = [f"/corpus/{n % 100:02}/{n}.txt" for n in range(0, changed, 2)]
        keep("remove_half_a_percent_s", lambda: timed(lambda: passage_index.remove(gone)))
        # Measured after the changes: with passages that came since, and some that are gone.
        keep("serving", lambda: in_new_process("--serve", index, vectors, count + changed))
        if arguments.out:
            draw(figures, arguments.out.with_suffix(".svg"))


def smaller(index, embedder, vectors, size):
    shutil.rmtree(index, ignore_errors=True)
    figures = {"build": build(index, embedder, size), "serving": in_new_process("--serve", index, vectors, size)}
    shutil.rmtree(index)
    return figures


def draw(figures, path):
    """Draw what indexing and a question take by the number of passages."""
    steps = [*(of for name, of in figures.items() if name.startswith("at ")), figures]
    sizes = [step["serving"]["passages"] for step in steps]
    with chart(path, columns=2) as (indexing, asking):
        seconds = [step["build"]["s"] for step in steps]
        indexing.plot(sizes, seconds, "o-", color="#0f5c63", label="measured")
        indexing.plot(sizes, [seconds[-1] * size / sizes[-1] for size in sizes], ":", color="grey", label="linear")
        indexing.set_title("indexing without the embedding, s")
        for name, style in (("p95", "o--"), ("p50", "o-")):
            times = [step["serving"]["ms"]["retrieve"][name] for step in steps]
            asking.plot(sizes, times, style, color="#0f5c63", label=name)
        asking.set_title("five passages for a question, without embedding it, ms")
        asking.yaxis.set_minor_formatter("{x:,g}")


@contextmanager
def chart(path, columns):
    """Draw on axes side by side, by numbers of passages, the same bytes for the same figures."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with rc_context({"svg.hashsalt": "sourcier", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(1.8 + 3.6 * columns, 3.6), layout="constrained")
        several = figure.subplots(1, columns)
        for axes in several:
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter("")
        yield several
        for axes in several:
            axes.set_xlabel("passages")
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.legend(frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def build(index, embedder, count):
    taken = timed(lambda: PassageIndex.build(index, map(document, range(count)), embedder=embedder))
    return {
        "s": taken,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_mb": round(sum(path.stat().st_size for path in index.rglob("*") if path.is_file()) / 1e6),
    }


if __name__ == "__main__":
    main()
