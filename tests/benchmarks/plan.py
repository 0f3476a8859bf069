"""What ten million passages, a hundred and a thousand million would take, by what was measured; writes results/plan.md.

    python -m tests.benchmarks.plan [--machine-hour 1.2] [--gpu-hour 3.5] [--gigabyte-month .025]

Nothing is run: the figures of speed.json, gpu.json and stores.json are multiplied, and what had to be assumed is named.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from index import load_documents
from index.milvus.terms import passage_terms
from index.passages import split_passages
from tests.benchmarks import RESULTS
from tests.benchmarks.scale import DIMENSION
from ui.demo import seeds_folder

OUT = RESULTS / "plan.md"
WIDTH = 120
SIZES = (10_000_000, 100_000_000, 1_000_000_000)
# A machine to search with, and how much of its memory may be full; hours of a month.
CORES, MEMORY_GB, FULL, DISK_GB, HOURS = 16, 128, 0.75, 3500, 730
REPLICAS = 2
# The graph's links at its lowest level, of four bytes each, and a twentieth above it (index/milvus/schema.py).
LINKS = 2 * 24 * 4 * 1.05
# A passage's number, document, span, dates, language, tags and checksum.
FIELDS = 200
# A term in a sparse vector: its number and its weight.
TERM = 8
# A bit a dimension, and two numbers of four bytes (RaBitQ, doi:10.1145/3654970).
ONE_BIT = DIMENSION / 8 + 8
# DiskANN keeps an eighth of the vectors as codes in memory and another as cache, and reads a page of 4 KB for two.
DISKANN_MEMORY, DISKANN_DISK = 4 * DIMENSION / 4, 2048


@dataclass(frozen=True)
class Prices:
    """In euros."""

    machine_hour: float = 1.0
    gpu_hour: float = 3.0
    gigabyte_month: float = 0.02


@dataclass(frozen=True)
class Measured:
    """What one passage takes, and what is done in a second."""

    largest: int
    terms: float
    text_bytes: float
    two_cores: float
    sixteen_cores: float
    gpu: float
    gpu_alone: float
    shard_bytes: float
    folder: dict
    server: dict
    folder_memory: float
    server_memory: float
    folder_disk: float
    server_disk: float

    @classmethod
    def read(cls) -> Measured:
        speed, gpu, stores = (
            json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("speed", "gpu", "stores")
        )
        smaller, largest = stores["sizes"][-2:]
        passages = [
            (passage, document) for document in load_documents(seeds_folder()) for passage in split_passages(document)
        ]

        def slope(store: str, name: str) -> float:
            return 1e6 * (largest[store][name] - smaller[store][name]) / (largest["passages"] - smaller["passages"])

        return cls(
            largest=largest["passages"],
            terms=float(np.mean([len(passage_terms(one.text, of.language)) for one, of in passages])),
            text_bytes=float(np.mean([len(one.text.encode()) for one, _ in passages])),
            two_cores=speed["indexing"]["index, passages/s"],
            sixteen_cores=gpu["processor"]["embed, passages/s"],
            gpu=gpu["GPU, bf16"]["embed, passages/s"],
            gpu_alone=gpu["GPU, bf16"]["passages/s"],
            shard_bytes=1e6 * largest["shards_mb"] / largest["passages"],
            folder=largest["embedded"],
            server=largest["server"],
            folder_memory=slope("embedded", "client_mb"),
            server_memory=slope("server", "server_mb"),
            folder_disk=slope("embedded", "disk_mb"),
            server_disk=slope("server", "disk_mb"),
        )

    def loading(self, store: dict) -> float:
        """Return how many passages a second were loaded into a store."""
        return self.largest / store["load_s"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--machine-hour", type=float, default=Prices.machine_hour)
    parser.add_argument("--gpu-hour", type=float, default=Prices.gpu_hour)
    parser.add_argument("--gigabyte-month", type=float, default=Prices.gigabyte_month)
    options = parser.parse_args()
    page = page_of(Measured.read(), Prices(options.machine_hour, options.gpu_hour, options.gigabyte_month))
    OUT.write_text(page, encoding="utf-8")
    print(page)


def page_of(m: Measured, prices: Prices) -> str:
    return "\n\n".join(map(wrapped, written(m, prices))) + "\n"


def written(m: Measured, prices: Prices) -> Iterator[str]:
    """Yield the paragraphs, lists and tables of the page."""
    yield "# To a billion passages, on paper"
    yield f"""
        Nothing on this page was run at these sizes. It multiplies what was measured up to {m.largest:,} passages
        ([stores.json](stores.json), [gpu.json](gpu.json), [speed.json](speed.json)) by what is assumed, and says what
        would have to change in sourcier on the way. `python -m tests.benchmarks.plan` writes it again; its options are
        your prices.
    """
    yield "## What it rests on"
    folder_ms, server_ms = m.folder["ms"], m.server["ms"]
    yield table(
        ["measured", ""],
        [
            ["`sourcier index`, two cores", f"{m.two_cores:,.0f} passages a second"],
            [f"`sourcier embed`, {CORES} cores", f"{m.sixteen_cores:,.0f}"],
            ["… one H100, one worker; its embedding alone", f"{m.gpu:,.0f}; {m.gpu_alone:,.0f}"],
            [
                "`sourcier load` into a folder; into a server; two cores",
                f"{m.loading(m.folder):,.0f}; {m.loading(m.server):,.0f}",
            ],
            [
                "a passage in shards; in a folder; in a server; on disk",
                f"{kb(m.shard_bytes)}; {kb(m.folder_disk)}; {kb(m.server_disk)}",
            ],
            [
                "… in memory: a folder, mapped files included; a server",
                f"{kb(m.folder_memory)}; {kb(m.server_memory)}",
            ],
            ["a passage of `seeds/`: its text; its different terms", f"{m.text_bytes:,.0f} bytes; {m.terms:.0f}"],
            [
                f"five of {m.largest:,} passages, p50: a folder; of that its vectors",
                f"{folder_ms['retrieve']['p50']:.0f} ms; {folder_ms['vectors']['p50']:.1f} ms",
            ],
            [
                "… a server of version 2.3; without its search for words, which looks at every passage",
                f"{server_ms['retrieve']['p50']:,.0f} ms; {server_ms['retrieve without words']['p50']:.0f} ms",
            ],
        ],
    )
    diskann = "[defaults of Milvus](https://milvus.io/docs/disk_index.md)"
    yield table(
        ["assumed", ""],
        [
            [
                f"a machine: {CORES} cores, {MEMORY_GB} GB of which {FULL:.0%} may be full, {DISK_GB:,} GB of NVMe",
                f"{prices.machine_hour:.2f} € an hour",
            ],
            ["the same with one H100", f"{prices.gpu_hour:.2f} € an hour"],
            ["object storage", f"{prices.gigabyte_month:.3f} € a gigabyte and month"],
            ["copies of all that is searched, from a hundred million on", str(REPLICAS)],
            ["a graph's links; a passage's other fields", f"{LINKS:.0f}; {FIELDS} bytes"],
            ["a term of a sparse vector", f"{TERM} bytes"],
            [f"DiskANN, a vector: memory; disk ({diskann})", f"{DISKANN_MEMORY:.0f}; {DISKANN_DISK:,} bytes"],
            ["texts and words", f"as in `seeds/`: {m.text_bytes:,.0f} bytes a passage"],
        ],
    )
    yield "## Embedding, once"
    ways = {
        f"machines of {CORES} cores": (m.sixteen_cores, prices.machine_hour),
        "one GPU, one worker": (m.gpu, prices.gpu_hour),
        "one GPU that never waits": (m.gpu_alone, prices.gpu_hour),
    }
    rows = [["shards (texts, float16 vectors), GB", *(rounded(n * m.shard_bytes / 1e9) for n in SIZES)]]
    for name, (rate, price) in ways.items():
        rows.append([f"{name}, hours", *(rounded(hours(n, rate)) for n in SIZES)])
        rows.append(["… €", *(rounded(hours(n, rate) * price) for n in SIZES)])
    yield table(["", *map(millions, SIZES)], rows)
    yield f"""
        `sourcier embed --ray auto` shares this out among any number of machines: hours are divided, euros stay. A GPU
        waits while a core cuts texts into passages, so three workers share one; a hundred workers embed a billion in
        {rounded(hours(SIZES[-1], 100 * m.gpu))} hours. This is the one step that needs nothing new.
    """
    yield "## Bytes"
    yield f"Of {DIMENSION} dimensions, in GB:"
    of_one = {
        "vectors in float32, as they lie on a server now": 4 * DIMENSION,
        "… in float16 (servers from 2.4 on)": 2 * DIMENSION,
        "… in eight bits": DIMENSION,
        "… in one bit, with what corrects it (RaBitQ)": ONE_BIT,
        "a graph's links, beside any of them": LINKS,
        "texts": m.text_bytes,
        "words as sparse vectors": m.terms * TERM,
        "all of a folder, on disk": m.folder_disk,
        "all of a server, on disk, as it is now": m.server_disk,
    }
    yield table(
        ["", *map(millions, SIZES)],
        [[name, *(rounded(n * size / 1e9) for n in SIZES)] for name, size in of_one.items()],
    )
    yield """
        Words weigh more than vectors as soon as these are quantised: to quantise vectors only does not make an index
        small.
    """
    yield "## Machines"
    yield f"How many of {MEMORY_GB} GB, and euros a month; « disk » where disks decide, not memory:"
    yield machines(m, prices)
    kept = [rounded(n * m.shard_bytes / 1e9 * prices.gigabyte_month) for n in SIZES]
    yield f"The shards on object storage, to begin again from, are {kept[0]}, {kept[1]} and {kept[2]} € a month."
    yield from changes(m)


def machines(m: Measured, prices: Prices) -> str:
    """Return a table of how many machines each way to keep passages takes."""
    words = m.terms * TERM
    # Of each passage, in memory and on disk.
    ways = {
        "a folder, as it is": (m.folder_memory, m.folder_disk),
        "a server, as it is: HNSW over float32": (m.server_memory, m.server_disk),
        "HNSW over float16, words in memory": (2 * DIMENSION + LINKS + words + FIELDS, m.server_disk),
        "HNSW over eight bits, words mapped from disk": (DIMENSION + LINKS + FIELDS, m.server_disk),
        "DiskANN, words mapped from disk": (DISKANN_MEMORY + FIELDS, m.server_disk + DISKANN_DISK),
        "one bit in memory, the rest on disk": (ONE_BIT + FIELDS / 4, m.server_disk),
    }
    rows = []
    for name, (memory, disk) in ways.items():
        row = [name]
        for n in SIZES:
            copies = 1 if n == SIZES[0] else REPLICAS
            by_memory = n * memory * copies / (MEMORY_GB * FULL * 1e9)
            by_disk = n * disk * copies / (DISK_GB * FULL * 1e9)
            count = max(copies, math.ceil(max(by_memory, by_disk)))
            cost = (
                f"{count:,}: {rounded(count * HOURS * prices.machine_hour)} €{' (disk)' if by_disk > by_memory else ''}"
            )
            row.append("too large for one" if name.startswith("a folder") and count > copies else cost)
        rows.append(row)
    return table(["", *map(millions, SIZES)], rows)


def changes(m: Measured) -> Iterator[str]:
    """Yield what changes in the design at each step."""
    vectors_ms = m.folder["ms"]["vectors"]["p50"] * 1e6 / m.largest
    ten, hundred, billion = SIZES
    days = {n: rounded(n / m.loading(m.server) / 86_400) for n in SIZES}
    yield "## Ten million: a folder on one machine"
    yield f"""
        A question looks at the code of every vector, which takes {vectors_ms:.1f} ms a million and
        {10 * vectors_ms:.0f} ms for ten. Loading takes {rounded(ten / m.loading(m.folder) / 3600)} hours on two cores;
        {rounded(ten * m.folder_memory / 1e9)} GB are mapped, {rounded(ten * m.folder_disk / 1e9)} GB lie on disk. What
        changes, from some two million on: the codes are put into lists by k-means (IVF over the same codes), of which a
        question looks at 64, so that its time grows with the root of the number. A server is worth it only where
        several machines must ask one index, or go on when one of them is down: on one machine it takes more memory,
        disk and time.
    """
    yield "## A hundred million: a cluster, and texts apart"
    yield f"""
        - **A server of 2.6.** Vectors in float16, HNSW over eight bits or one bit with refining
          ([IVF_RABITQ](https://milvus.io/docs/ivf-rabitq.md)), words as sparse vectors mapped from disk. How vectors
          and words are kept stands in `index/milvus/schema.py` and `terms.py` alone. Version 2.3, of which the figures
          above are, has none of it.
        - **Shards by date.** A partition for each month, by `first_day`: people ask of news with their time, a filter
          by date then leaves most partitions alone, and old ones stay on disk.
        - **Loading in bulk.** One writer inserts {m.loading(m.server):,.0f} passages a second from two cores, which is
          {days[hundred]} days for all of them. The shards are Parquet already: `load` would write them as the server's
          own import wants them, and have them count by one row of state at the end, as now.
        - **Texts apart.** A document's text lies in rows of the catalogue, with a vector that says nothing, since a
          collection must have one. {rounded(hundred * m.text_bytes / 1e9)} GB of text belong in object storage under
          the checksum of the document, which is in its row and keeps citations exact.
        - **Nothing that reads all.** Filters by source, `sync` and removal by pattern read every source of the store;
          they need the server's own comparison of patterns, or the number of its folder in each row. How many passages
          hold a term is a row that each change writes anew; a sum over partitions, made by the load, takes its place.
    """
    yield "## A billion: two stages"
    yield f"""
        - **First in memory, then from disk.** One bit a dimension, {rounded(billion * ONE_BIT / 1e9)} GB in all, finds
          a thousand candidates in each partition, and words as many; then their vectors in float16 and their terms are
          read from disk and scored exactly, as a folder does with its codes today. DiskANN does much the same inside
          the server with {rounded(billion * DISKANN_MEMORY / 1e9)} GB of memory: it takes more machines and no code of
          ours, and comes first.
        - **Hot and cold.** The months of the last two years in memory, those before on disk with one copy. A question
          without a date asks both, and is as slow as the slower.
        - **Writing.** {days[billion]} days by one writer: all by import, and the day's changes into the newest
          partition. The numbers have room: of 63 bits, 17 count the passages of a document, 22 the documents of a
          change and 24 the changes.
        - **Answers.** Among a thousand times as many passages more look like an answer. Silence was calibrated on some
          hundreds of passages; how often it is wrong among ten million must be measured before there are a billion.
    """
    yield "## What is least sure"
    yield f"""
        Recall at these sizes on real vectors, since drawn ones were searched; what a cluster loses between its
        machines, since one machine was measured; how quick sparse vectors are among a hundred million; and prices. A
        first trial should be ten million passages on one server of 2.6: {rounded(hours(ten, m.gpu))} hours of one GPU.
    """


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)])


def wrapped(block: str) -> str:
    """Return a paragraph or the items of a list in lines of one length; a table stays as it is."""
    if block.startswith(("|", "#")):
        return block
    items = re.split(r"\n(?=- )", textwrap.dedent(block).strip())
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            WIDTH,
            subsequent_indent="  " if item.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )


def hours(passages: int, a_second: float) -> float:
    return passages / a_second / 3600


def rounded(amount: float) -> str:
    """Return a number with the two digits that count: more would be a promise."""
    digits = 1 - math.floor(math.log10(amount))
    return f"{round(amount, digits):,.{max(0, digits)}f}"


def kb(size: float) -> str:
    return f"{size / 1e3:.1f} KB"


def millions(passages: int) -> str:
    return f"{passages // 1_000_000:,} million"


if __name__ == "__main__":
    main()
