"""Ask a served chat from many clients at once, and write results/load.json.

    python -m tests.benchmarks.load [--seconds 120] [--clients 50]

The clients ask the demo corpus's questions over HTTP, each the next one as soon as it is answered, and look
every quote up in the documents. Then the same with a short queue, where some must be told to come back; and
while they ask, documents are added, and the server is ended by SIGTERM and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
import numpy as np

from index import PassageIndex, load_documents, make_document
from index.passage_store import is_shared
from tests.benchmarks import RESULTS
from tests.browsing import free_port
from ui.demo import seeds_folder

STARTS_WITHIN_S = 120
# Questions whose answers are in memory from the time before would flatter it.
WARM_UP = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    lines = (seeds_folder() / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    documents = list(load_documents(seeds_folder()))
    with tempfile.TemporaryDirectory() as folder:
        passage_index = PassageIndex.build(Path(folder) / "index", documents)
        texts = {document.id: document.text for document in documents}
        with Served(passage_index.folder, "--queue", str(options.clients)) as served:
            steady = asyncio.run(ask(served, questions, texts, options.clients, options.seconds))
        with Served(passage_index.folder, "--queue", str(options.clients // 5)) as served:
            crowded = asyncio.run(ask(served, questions, texts, options.clients, options.seconds / 4))
        restarted = restart(passage_index, questions, texts, options.clients)
    written = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "clients": options.clients,
        "seconds": options.seconds,
        "all may wait": steady,
        "a fifth may wait": crowded,
        "restarted under load": restarted,
    }
    print(json.dumps(written, indent=1))
    (RESULTS / "load.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


class Served:
    """The chat in a process of its own, as the command serves it."""

    def __init__(self, place, *flags):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        where = ["--store" if is_shared(place) else "--index", str(place)]
        command = [sys.executable, "-m", "ui.cli", "chat", *where, "--port", str(port), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(STARTS_WITHIN_S * 4):
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).is_success:
                    return self
            except httpx.TransportError:
                time.sleep(0.25)
        raise RuntimeError("the chat did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def documents(self):
        return httpx.get(f"{self.url}/healthz", trust_env=False).json()["documents"]

    def megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(status.partition("VmRSS:")[2].split()[0]) / 1024)


@dataclass
class Seen:
    """What the clients were told; times in seconds."""

    outcomes: Counter = field(default_factory=Counter)
    answered: list = field(default_factory=list)
    refused: list = field(default_factory=list)


async def ask(served, questions, texts, clients, seconds, *, until=None):
    """Let clients ask for some time, or until an event; return figures."""
    seen, memory = Seen(), []
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=120, limits=limits) as web:
        for number in range(WARM_UP):
            await ask_once(web, questions[number], texts, Seen())
        end = time.monotonic() + seconds
        began = time.monotonic()

        async def client(number):
            order = random.Random(number).sample(questions, len(questions))
            asked = 0
            while time.monotonic() < end and not (until and until.is_set()):
                await ask_once(web, order[asked % len(order)], texts, seen)
                asked += 1

        async def watch():
            while time.monotonic() < end and not (until and until.is_set()):
                memory.append(served.megabytes())
                await asyncio.sleep(seconds / 20)

        await asyncio.gather(watch(), *(client(number) for number in range(clients)))
        took = time.monotonic() - began
    return {
        **dict(sorted(seen.outcomes.items())),
        "answers a second": round(len(seen.answered) / took, 2),
        "answered, s": quantiles(seen.answered),
        "told to come back, s": quantiles(seen.refused),
        "resident MB at the start, in the middle, at the end": [memory[0], memory[len(memory) // 2], memory[-1]],
    }


async def ask_once(web, question, texts, seen):
    began = time.monotonic()
    try:
        response = await web.post("/gradio_api/run/ask", json={"data": [question, None]})
    except httpx.TransportError:
        seen.outcomes["no connection"] += 1
        await asyncio.sleep(0.2)
        return
    took = time.monotonic() - began
    if response.is_success:
        outcome = verdict(question, response.json()["data"][0], texts)
        seen.answered.append(took)
    elif "ask again in a moment" in response.text:
        outcome = "told to come back"
        seen.refused.append(took)
        await asyncio.sleep(0.2)
    else:
        outcome = f"status {response.status_code}"
    seen.outcomes[outcome] += 1


def verdict(question, answer, texts):
    """Tell whether an answer is to this question, and each quote where it says."""
    if answer["question"] != question:
        return "of another question"
    quoted = [(texts[one["document"]["id"]][one["start"] : one["end"]], one["quote"]) for one in answer["citations"]]
    return "answered" if all(found == quote for found, quote in quoted) else "misquoted"


def restart(passage_index, questions, texts, clients):
    """Add documents while clients ask, end the server amid it all, start it again; return the counts."""

    async def scene():
        stop = asyncio.Event()
        asking = asyncio.create_task(ask(served, questions, texts, clients, 60, until=stop))
        await asyncio.sleep(3)
        added = [
            make_document(f"Le marché de la ville numéro {number} ouvre à {number} heures.") for number in range(5)
        ]
        texts.update({document.id: document.text for document in added})
        await asyncio.to_thread(passage_index.add, added)
        await asyncio.sleep(2)
        seen_by_server = served.documents()
        began = time.monotonic()
        served.process.terminate()
        code = await asyncio.to_thread(served.process.wait, 60)
        took = time.monotonic() - began
        stop.set()
        figures = await asking
        outcomes = {name: value for name, value in figures.items() if isinstance(value, int)}
        return {
            "documents added while asking": seen_by_server - before,
            "exit": code,
            "ended in s": round(took, 1),
            **outcomes,
        }

    with Served(passage_index.folder) as served:
        before = served.documents()
        result = asyncio.run(scene())
    with Served(passage_index.folder) as served:
        after = served.documents()
        figures = asyncio.run(ask(served, questions, texts, 2, 5))
    return {**result, "documents before": before, "after": after, "answered again": figures["answered"]}


def quantiles(seconds):
    if not seconds:
        return None
    p50, p95, most = np.quantile(seconds, [0.5, 0.95, 1])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "most": round(float(most), 2)}


if __name__ == "__main__":
    main()
