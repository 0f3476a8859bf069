"""Measure what questions, indexing and a start cost beside their models alone; write results/speed.json.

    python -m tests.benchmarks.speed --data ../shared/data

Over contexts of PIAF and made passages beyond them, whose vectors are given, each question once and never the same
twice: its embedding alone, by sourcier and by sentence-transformers at the same precision, finding passages, and an
answer; in turns, so that what else the machine does meets all alike. Then as many as come from one client and from
eight. Then a slice that is embedded and indexed, and indexed again. Then the command in new processes, alone and beside
a running chat, and what importing PyTorch and loading the model take. Takes four minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np

from index import PassageIndex, load_documents, make_document, open_embedder
from index.bundled_model import bundled_model_folder
from qa import Answerer, Retriever
from tests.benchmarks import RESULTS, current_commit, timed
from tests.benchmarks.peers.corpus import Corpus, made_passages, read_corpus, vectors_round
from tests.browsing import free_port
from ui.demo import seeds_folder
from ui.resident import ask_chat

WARM_UP = 10
CLIENTS = 8
STARTS = 5
QUESTION = "Combien de tonnes d'engrais la Russie pourrait-elle donner ?"
PYTHON = (sys.executable, "-c")
COMMAND = (sys.executable, "-m", "ui.cli")


class GivenVectors:
    """The bundled model, but the vectors of passages are looked up by their text."""

    def __init__(self, texts: list[str], vectors: np.ndarray) -> None:
        model = open_embedder()
        self.name, self.fingerprint, self.dimension = model.name, model.fingerprint, model.dimension
        self.embed_question = model.embed_question
        self._vectors = dict(zip(texts, vectors, strict=True))

    def embed_passages(self, texts: list[str]) -> np.ndarray:
        # Parts of a context that was cut in two get the vector of another: they are there to be searched only.
        first = next(iter(self._vectors.values()))
        return np.stack([self._vectors.get(text, first) for text in texts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--embedded", type=int, default=300)
    options = parser.parse_args()
    results = {
        "date": date.today().isoformat(),
        "commit": current_commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {platform.python_version()}",
        "passages": options.passages,
    }
    corpus = read_corpus(options.data)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        results["indexing"] = indexing(place / "slice", corpus, options.embedded)
        results |= asking(place / "index", corpus, options.passages, options.questions)
        results["starting, s"] = starting(place / "seeds")
    print(json.dumps(results, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "speed.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def indexing(folder: Path, corpus: Corpus, count: int) -> dict:
    """Index contexts, then once more, in turns with what sentence-transformers takes to embed them alone."""
    texts = [one["text"] for one in corpus.passages[:count]]
    documents = [make_document(text, source=f"{number}.txt") for number, text in enumerate(texts)]
    ours, bare = open_embedder(), open_embedder(str(bundled_model_folder()))
    for embedder in (ours, bare):
        embedder.embed_passages(texts[-20:])
    runs: dict[str, list[float]] = {"encode": [], "index": [], "index again": []}
    for number in range(2):
        runs["encode"].append(timed(lambda: bare.embed_passages(texts)))
        place = folder / str(number)
        runs["index"].append(timed(lambda place=place: PassageIndex.build(place, documents, embedder=ours)))
        runs["index again"].append(timed(lambda place=place: PassageIndex.build(place, documents, embedder=ours)))
    taken = {name: float(np.median(of)) for name, of in runs.items()}
    return {
        "passages": count,
        "encode, passages/s": round(count / taken["encode"], 1),
        "index, passages/s": round(count / taken["index"], 1),
        "index / encode": round(taken["encode"] / taken["index"], 2),
        "index again, s": round(taken["index again"], 3),
        "index / index again": round(taken["index"] / taken["index again"]),
    }


def asking(folder: Path, corpus: Corpus, passages: int, asked: int) -> dict:
    """Ask over an index of so many passages."""
    ours, bare = open_embedder(), open_embedder(str(bundled_model_folder()))
    real = [one["text"] for one in corpus.passages]
    texts = [*real, *(one["text"] for one in made_passages(corpus.passages, max(0, passages - len(real))))][:passages]
    documents = (make_document(text, source=f"{number}.txt") for number, text in enumerate(texts))
    embedder = GivenVectors(texts, vectors_round(ours.embed_passages(real), passages))
    passage_index = PassageIndex.build(folder, documents, embedder=embedder)
    retriever, answerer = Retriever(passage_index), Answerer(passage_index)
    # Repeated with more question marks, which no memory of ours takes for the same.
    questions = (question + "?" * times for times in itertools.count() for question in corpus.timed)
    ways: dict[str, Callable[[str], object]] = {
        "sentence-transformers embeds it": bare.embed_question,
        "sourcier embeds it": ours.embed_question,
        "five passages": lambda question: retriever.retrieve(question, top_k=5),
        "twenty passages": lambda question: retriever.retrieve(question, top_k=20),
        "an answer": answerer.ask,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(WARM_UP + asked):
        for name, way in ways.items():
            question = next(questions)
            taken = 1000 * timed(lambda way=way, question=question: way(question))
            if number >= WARM_UP:
                times[name].append(taken)
    together = {
        name: {f"{clients} clients": per_second(ways[name], questions, clients) for clients in (1, CLIENTS)}
        for name in ("sourcier embeds it", "five passages", "an answer")
    }
    return {
        "a question, ms": {
            name: {f"p{rank}": round(float(np.percentile(of, rank)), 1) for rank in (50, 95)}
            for name, of in times.items()
        },
        "a second": together,
    }


def per_second(way: Callable[[str], object], questions: Iterator[str], clients: int, seconds: float = 8.0) -> float:
    """Return how many questions a second are done when each client asks the next as soon as it has an answer."""
    one_by_one = threading.Lock()
    until = time.perf_counter() + seconds

    def ask(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            with one_by_one:
                question = next(questions)
            way(question)
            done += 1
        return done

    with ThreadPoolExecutor(clients) as threads:
        return round(sum(threads.map(ask, range(clients))) / seconds, 1)


def starting(folder: Path) -> dict:
    """Start new processes, the least of some: the demo corpus, its files lately read."""
    PassageIndex.build(folder, load_documents(seeds_folder()))
    ask = (*COMMAND, "ask", QUESTION, "--index", str(folder))
    figures = {
        "import torch": least((*PYTHON, "import torch")),
        "import torch, load the model": least((*PYTHON, "from index.encoder import open_encoder; open_encoder()")),
        "sourcier ask": least(ask),
    }
    chat = subprocess.Popen(
        (*COMMAND, "chat", "--index", str(folder), "--port", str(free_port())),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while ask_chat(folder, QUESTION) is None:
            if chat.poll() is not None:
                raise RuntimeError("the chat did not start")
            time.sleep(0.5)
        figures["sourcier ask, a chat running"] = least(ask)
    finally:
        chat.terminate()
        chat.wait(30)
    return figures


def least(command: tuple[str, ...]) -> float:
    run = lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: E731
    return round(min(timed(run) for _ in range(STARTS)), 2)


if __name__ == "__main__":
    main()
