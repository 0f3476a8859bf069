"""What every peer's process does: read a request a line, time what it asks for, answer a line.

Runs in the peer's own environment, so nothing but the standard library is used here (and numpy, which all
of them have, where vectors are given). All clocks of the benchmark are in this file and in `protocol.py`.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Passage(Protocol):
    """Stands for a mapping with "id" and "text"."""


class Peer(Protocol):
    """A retrieval library, as its documentation says to use it. Vectors are float32 (passages, dimension)."""

    keeps_on_disk: bool

    def vectors(self, texts: Sequence[str], questions: Sequence[str]) -> tuple[Any, Any]:
        """Return the vectors of stored texts and of questions, each of shape (count, dimension)."""

    def index(self, passages: Sequence[Mapping[str, str]], vectors: Any | None, folder: Path) -> None:
        """Index passages and keep the index in `folder`; with `vectors` nothing is embedded."""

    def index_again(self, passages: Sequence[Mapping[str, str]], folder: Path) -> None:
        """Index the same passages again, in the way that costs this library least, and keep the index."""

    def open(self, folder: Path) -> None:
        """Open a kept index."""

    def search(self, question: str, top_k: int) -> list[str]:
        """Return the ids of the best passages, best first."""


def serve(make: Callable[[str], Peer]) -> None:
    """Answer requests on standard input until it ends; `make` gets the folder of the embedding model."""
    # Libraries print; the answers must stand alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer: list[Peer] = []
    steps: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "load": lambda request: peer.append(make(request["model"])) or {},
        "vectors": lambda request: _vectors(peer[0], request),
        "index": lambda request: _index(peer[0], request),
        "index_again": lambda request: _index_again(peer[0], request),
        "open": lambda request: peer[0].open(Path(request["folder"])) or {},
        "ask": lambda request: _ask(peer[0], request),
        "clients": lambda request: _clients(peer[0], request),
    }
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        try:
            answer = steps[request["do"]](request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer = {"s": time.perf_counter() - began, **answer, "peak_bytes": peak_bytes()}
        print(json.dumps(answer), file=answers, flush=True)


def peak_bytes() -> int:
    """Return the most memory that this process has had in use, files mapped into it included; 0 where unknown."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _vectors(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    texts, questions = peer.vectors(request["texts"], request["questions"])
    return {"texts": _plain(texts), "questions": _plain(questions)}


def _plain(vectors: Any) -> list[list[float]]:
    return [[float(value) for value in vector] for vector in vectors]


def _index(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    passages = list(_passages(request))
    vectors = None
    if request.get("vectors"):
        import numpy as np

        vectors = np.load(request["vectors"], mmap_mode="r")[: len(passages)]
    began = time.perf_counter()
    peer.index(passages, vectors, Path(request["folder"]))
    return {"s": time.perf_counter() - began}


def _index_again(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    passages = list(_passages(request))
    began = time.perf_counter()
    peer.index_again(passages, Path(request["folder"]))
    return {"s": time.perf_counter() - began}


def _passages(request: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    with Path(request["passages"]).open(encoding="utf-8") as lines:
        for _, line in zip(range(request["count"]), lines, strict=False):
            yield json.loads(line)


def _ask(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask one question after the other, for at most `limit_s`; return milliseconds and what was found."""
    times, found = [], []
    end = time.perf_counter() + request["limit_s"]
    for question in request["questions"]:
        began = time.perf_counter()
        found.append(peer.search(question, request["top_k"]))
        times.append(1000 * (time.perf_counter() - began))
        if time.perf_counter() > end:
            break
    return {"ms": times, "found": found}


def _clients(peer: Peer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask from several threads at once, each the next question as soon as one is answered, for `limit_s`."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for question in request["questions"]:
        waiting.put(question)
    began = time.perf_counter()
    end = began + request["limit_s"]
    answered: list[float] = []
    failed: list[str] = []

    def ask() -> None:
        while time.perf_counter() < end:
            try:
                question = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                peer.search(question, request["top_k"])
            except Exception as error:
                failed.append(f"{type(error).__name__}: {error}")
            else:
                answered.append(time.perf_counter() - began)

    threads = [threading.Thread(target=ask) for _ in range(request["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last answers come when clients have begun to run out of questions or time: to the last of them is counted.
    return {"answered": len(answered), "in_s": max(answered, default=0.0), "failed": len(failed), "errors": failed[:1]}
