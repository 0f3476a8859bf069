"""Measure sourcier beside other libraries on the same passages, and write results/peers.{json,md,svg}.

    python -m tests.benchmarks.peers --data ../shared/data --work DIR [--peers a,b] [--sizes 1000,10000,100000]

Each peer runs in an environment of its own under `--work` (1.5 GB each, mostly PyTorch), in a fresh process for every
step, one process at a time, in an order drawn anew for every round. Every round embeds `--embedded` passages; for the
sizes the vectors are given. Takes about forty minutes on two cores, and ten more for the environments the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np

from index.bundled_model import bundled_model_folder
from index.embedder import open_embedder
from tests.benchmarks import current_commit
from tests.benchmarks.peers.corpus import SEED, Corpus, made_passages, mean_reciprocal_rank, read_corpus, vectors_round
from tests.benchmarks.peers.environments import PEERS, Environment, bytes_in, make_environment
from tests.benchmarks.peers.protocol import ADAPTERS, PeerError, Process
from tests.benchmarks.peers.report import write_report

RESULTS = Path(__file__).parents[1] / "results"
NAME = "peers"
TOP_K = 20
CLIENTS = 8
# How many everybody embeds in each round; for the sizes, all are given the same vectors.
SLICE = 150
QUESTIONS = 40
WARM_UP = 5
# Seconds: of a whole step, of a round of questions, and of the clients.
STEP_S, ASK_S, CLIENTS_S = 180.0, 20.0, 4.0
# What the last question of a round that is out of time may still take.
GRACE_S = 60.0


class Benchmark:
    """The corpus on disk, the peers' environments, and the figures so far."""

    def __init__(
        self,
        work: Path,
        corpus: Corpus,
        environments: dict[str, Environment],
        *,
        model: Path,
        repeats: int,
        embedded: int = SLICE,
    ) -> None:
        self.work = work
        self.corpus = corpus
        self.environments = environments
        self.model = str(model)
        self.repeats = repeats
        self.slice = embedded
        self.figures = {peer: {"embedding": [], "sizes": {}} for peer in environments}
        self._order = random.Random(SEED)

    def prepare(self, largest: int) -> None:
        """Write the passages and their vectors."""
        real = self.corpus.passages
        passages = [*real, *made_passages(real, max(0, largest - len(real)))]
        self.passages = self.work / "passages.jsonl"
        self.passages.write_text("".join(json.dumps(one) + "\n" for one in passages), encoding="utf-8")
        self.vectors = self.work / "vectors.npy"
        np.save(self.vectors, vectors_round(self.real_vectors(), largest))

    def real_vectors(self) -> np.ndarray:
        kept = self.work / f"vectors-of-{Path(self.model).name}.npy"
        if not kept.exists():
            np.save(kept, open_embedder().embed_passages([passage["text"] for passage in self.corpus.passages]))
        return np.load(kept)

    def shuffled(self) -> list[str]:
        peers = list(self.environments)
        self._order.shuffle(peers)
        return peers

    def process(self, peer: str) -> Process:
        return Process(
            self.environments[peer].python,
            ADAPTERS / f"{peer}_adapter.py",
            cwd=self.work,
            log=self.work / f"{peer}.log",
        )

    def folder(self, peer: str, size: int) -> Path:
        return self.work / "indexes" / f"{peer}-{size}"

    def embedding(self) -> None:
        """Let everybody embed and index the same slice, and then again, in each round."""
        for _ in range(self.repeats):
            for peer in self.shuffled():
                self.figures[peer]["embedding"].append(attempt(lambda peer=peer: self._embed(peer)))
                self.say(peer, self.figures[peer]["embedding"][-1])

    def _embed(self, peer: str) -> dict:
        folder = self._emptied(peer, 0)
        what = {"passages": str(self.passages), "count": self.slice, "folder": str(folder)}
        with self.process(peer) as process:
            answer = self._loaded(process, peer)
            same = [cosines(answer[kind], ours).min() for kind, ours in self.own_vectors.items()]
            first = process.request("index", limit_s=STEP_S, **what)
            again = process.request("index_again", limit_s=STEP_S, **what)
        return {
            "passages_s": self.slice / first["s"],
            "again_s": again["s"],
            "again_share": again["s"] / first["s"],
            "least_cosine": float(min(same)),
        }

    def _loaded(self, process: Process, peer: str) -> dict:
        """Load the model, embed and index a few: some libraries import only then, and that is not measured here."""
        process.request("load", limit_s=STEP_S, model=self.model)
        texts, questions = self.probes()
        answer = process.request("vectors", limit_s=STEP_S, texts=texts, questions=questions)
        few = {"passages": str(self.passages), "count": len(texts), "folder": str(self._emptied(peer, len(texts)))}
        process.request("index", limit_s=STEP_S, **few)
        return answer

    @cached_property
    def own_vectors(self) -> dict[str, np.ndarray]:
        """Return what sourcier's model makes of the probes: another model or a forgotten prompt would show."""
        embedder = open_embedder()
        texts, questions = self.probes()
        return {
            "texts": embedder.embed_passages(texts),
            "questions": np.stack([embedder.embed_question(question) for question in questions]),
        }

    def probes(self) -> tuple[list[str], list[str]]:
        return [one["text"] for one in self.corpus.passages[-8:]], self.corpus.timed[-8:]

    def size(self, size: int, *, smallest: int) -> None:
        """Index so many passages once, then open, ask and let clients ask in each round; judge at the smallest."""
        for peer in self.shuffled():
            self.figures[peer]["sizes"][str(size)] = {"index": attempt(lambda peer=peer: self._build(peer, size))}
            self.say(peer, self.figures[peer]["sizes"][str(size)])
        for number in range(self.repeats):
            for peer in self.shuffled():
                of = self.figures[peer]["sizes"][str(size)]
                # What took too long once will again.
                if "failed" in of["index"] or any("failed" in step for step in of.get("rounds", [])):
                    continue
                of.setdefault("rounds", []).append(
                    attempt(lambda peer=peer, number=number: self._ask(peer, size, number))
                )
                self.say(peer, of["rounds"][-1])
        for peer in self.shuffled():
            of = self.figures[peer]["sizes"][str(size)]
            if size == smallest and "failed" not in of["index"]:
                of["judged"] = attempt(lambda peer=peer: self._judge(peer, size))
                self.say(peer, of["judged"])

    def _build(self, peer: str, size: int) -> dict:
        folder = self._emptied(peer, size)
        with self.process(peer) as process:
            self._loaded(process, peer)
            answer = process.request(
                "index",
                limit_s=STEP_S,
                passages=str(self.passages),
                vectors=str(self.vectors),
                count=size,
                folder=str(folder),
            )
        return {"s": answer["s"], "peak_bytes": answer["peak_bytes"], "disk_bytes": bytes_in(folder)}

    def _ask(self, peer: str, size: int, number: int) -> dict:
        """Start, open and ask: what a first question waits for, then questions, then clients, all different ones."""
        questions = random.Random(SEED + size + number).sample(self.corpus.timed, len(self.corpus.timed))
        first, warm, asked, rest = np.split(np.array(questions), np.cumsum([1, WARM_UP, QUESTIONS]))
        with self.process(peer) as process:
            process.request("load", limit_s=STEP_S, model=self.model)
            opened = process.request("open", limit_s=STEP_S, folder=str(self.folder(peer, size)))
            ask = {"top_k": TOP_K, "grace_s": GRACE_S}
            process.request("ask", limit_s=STEP_S, questions=first.tolist(), **ask)
            cold = process.since_start()
            process.request("ask", limit_s=ASK_S, questions=warm.tolist(), **ask)
            answer = process.request("ask", limit_s=ASK_S, questions=asked.tolist(), **ask)
            together = attempt(
                lambda: process.request("clients", limit_s=CLIENTS_S, questions=rest.tolist(), clients=CLIENTS, **ask)
            )
        return {
            "cold_s": cold,
            "open_s": opened["s"],
            "asked": len(answer["ms"]),
            "p50_ms": float(np.percentile(answer["ms"], 50)),
            "p95_ms": float(np.percentile(answer["ms"], 95)),
            "peak_bytes": answer["peak_bytes"],
            "clients": together,
            **({"clients_per_s": together["answered"] / together["in_s"]} if together.get("answered") else {}),
        }

    def _judge(self, peer: str, size: int) -> dict:
        questions, gold = zip(*self.corpus.judged, strict=True)
        with self.process(peer) as process:
            process.request("load", limit_s=STEP_S, model=self.model)
            process.request("open", limit_s=STEP_S, folder=str(self.folder(peer, size)))
            answer = process.request("ask", limit_s=STEP_S, questions=questions, top_k=TOP_K)
        found = answer["found"]
        return {"questions": len(found), "mrr@20": mean_reciprocal_rank(found, gold[: len(found)])}

    def _emptied(self, peer: str, size: int) -> Path:
        folder = self.folder(peer, size)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        return folder

    def say(self, peer: str, figures: dict) -> None:
        print(f"{peer}: {json.dumps(figures)}", flush=True)


def cosines(one, other) -> np.ndarray:
    """Return the cosine of each row of one with the same row of the other."""
    one, other = (np.asarray(rows) / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
    return np.einsum("ij,ij->i", one, other)


def attempt(step) -> dict:
    """Return the figures of a step, or why there are none."""
    try:
        return step()
    except PeerError as error:
        return {"failed": str(error)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--embedded", type=int, default=SLICE)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    commit = current_commit()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in options.sizes.split(",")]
    environments = {peer: make_environment(peer, work) for peer in options.peers.split(",")}
    corpus = read_corpus(options.data)
    benchmark = Benchmark(
        work,
        corpus,
        environments,
        model=bundled_model_folder(),
        repeats=options.repeats,
        embedded=options.embedded,
    )
    benchmark.prepare(max(sizes))

    def save() -> None:
        write_report(results_of(benchmark, sizes, commit), options.out, NAME)

    benchmark.embedding()
    save()
    for size in sizes:
        benchmark.size(size, smallest=min(sizes))
        save()


def results_of(benchmark: Benchmark, sizes: list[int], commit: str) -> dict:
    return {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {memory_gb()} GB, {platform.system()}, "
        f"Python {platform.python_version()}",
        "corpus": {
            "real": len(benchmark.corpus.passages),
            "slice": benchmark.slice,
            "sha256": benchmark.corpus.hashes,
        },
        "model": Path(benchmark.model).name,
        "sizes": sizes,
        "repeats": benchmark.repeats,
        "questions": QUESTIONS,
        "clients": CLIENTS,
        "limits_s": {"step": STEP_S, "questions": ASK_S, "clients": CLIENTS_S},
        "peers": {
            peer: {
                "packages": dict(sorted(environment.packages.items(), key=lambda item: item[0].lower())),
                "install_bytes": environment.bytes,
                "torch_bytes": environment.torch_bytes,
                **benchmark.figures[peer],
            }
            for peer, environment in benchmark.environments.items()
        },
    }


def memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


if __name__ == "__main__":
    main()
