"""The figures of a run → JSON, a table with ratios, and a chart."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.peers.environments import NAMED, SOURCIER

LABELS = {
    "sourcier": "sourcier",
    "floor": "encode + FAISS",
    "txtai": "txtai",
    "haystack": "Haystack",
    "llamaindex": "LlamaIndex",
    "langchain": "LangChain",
}
# Okabe and Ito's palette, told apart by those who see few colours.
_COLOURS = {
    "sourcier": "#0072B2",
    "floor": "#999999",
    "txtai": "#E69F00",
    "haystack": "#56B4E9",
    "llamaindex": "#009E73",
    "langchain": "#CC79A7",
}
_HOW = (
    "Everybody has the same model folder (multilingual-e5-small, float32, in sentence-transformers' form) with the "
    "prompts `query: ` and `passage: `, and is told to give twenty passages. The vectors that each makes of eight "
    "passages and eight questions are compared with sourcier's: the least cosine is in the table.",
    "One context of PIAF is one document for everybody. sourcier may cut it into several passages; each counts as one "
    "of its twenty. A question is answered where its context stands first.",
    "sourcier, txtai, Haystack and LlamaIndex search by vectors and by words, as their documentation joins the two. "
    "LangChain and the floor search by vectors alone, so they have less to do and find less.",
    "Batches are each library's own default: sourcier up to 512 tokens a core, LlamaIndex 10 passages, the others "
    "32. LangChain's indexing function hands over 100 passages at a time.",
    "Precision is each library's own default, too: sourcier multiplies matrices in bfloat16 where the processor has "
    "instructions for it, the others in float32. What each precision gains is in precision.json.",
    "Speed of embedding is measured on contexts of PIAF that everybody embeds in each round. For the sizes all are "
    "given the same vectors: those of the contexts, which their own would be (see the cosine), and beyond them vectors "
    "drawn round these, with words drawn from the contexts as text. txtai has no place for both a text and its vector: "
    "its model is made to answer with the vector.",
    "Indexing counts the embedding, the index, and keeping it on disk; loading the library and the model, and a first "
    "index of eight passages, do not count. Again: the same passages once more in the same process, by what the "
    "library has for it (LangChain its record manager, LlamaIndex `refresh_ref_docs`, Haystack `CacheChecker`). txtai "
    "and the floor have nothing that compares, and embed again.",
    "First answer: a new process starts Python, imports, loads the model, opens the index and answers one question; "
    "the files were read lately and are in the system's memory. The times of questions are in that process after five "
    "others, every question a new one.",
    "Clients are eight threads of that process. txtai's get a lock: without one some of their questions failed on a "
    "shared SQLite cursor.",
    "LlamaIndex gets a French stemmer and stop words, which it asks for; txtai and Haystack have no French setting. "
    "sourcier tells the language itself.",
    "Memory is the most that a process had resident (VmHWM), mapped files included. sourcier's index is mapped from "
    "disk, and durable at every step; LangChain's, LlamaIndex's and Haystack's are written whole.",
    "sourcier's fusion was chosen on PIAF, the questions asked here among them. What its reader adds (sentences, "
    "silence) is measured in quality.md and is in none of these times.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the value of each round, how to write it, and which way is better."""

    name: str
    label: str
    values: Callable[[Mapping[str, Any]], list[float]]
    form: str = "{:,.1f}"
    lower_is_better: bool = True


def rows_of(results: Mapping[str, Any]) -> list[Row]:
    """Return the lines of a run, those of each size after the others."""
    sliced = results["corpus"]["slice"]
    rows = [
        Row("install", "installed, MB", lambda of: [of["install_bytes"] / 1e6], "{:,.0f}"),
        Row(
            "install without torch",
            "… without PyTorch",
            lambda of: [(of["install_bytes"] - of["torch_bytes"]) / 1e6],
            "{:,.0f}",
        ),
        Row(
            "indexing",
            f"passages embedded and indexed a second ({sliced})",
            lambda of: _rounds(of["embedding"], "passages_s"),
            "{:,.1f}",
            lower_is_better=False,
        ),
        Row(
            "again",
            "… again with nothing changed, s",
            lambda of: _rounds(of["embedding"], "again_s"),
            "{:,.3f}",
        ),
    ]
    for size in results["sizes"]:
        rows += list(_rows_of_size(size))
    rows.append(
        Row(
            "mrr",
            f"MRR@20 among {min(results['sizes']):,}",
            lambda of: [
                step["judged"]["mrr@20"] for step in of["sizes"].values() if "mrr@20" in step.get("judged", {})
            ][:1],
            "{:.3f}",
            lower_is_better=False,
        )
    )
    return rows


def _rows_of_size(size: int) -> Iterator[Row]:
    def rounds(name: str, unit: float = 1.0) -> Callable[[Mapping[str, Any]], list[float]]:
        return lambda of: [value / unit for value in _rounds(of["sizes"].get(str(size), {}).get("rounds", []), name)]

    def built(name: str, unit: float = 1.0) -> Callable[[Mapping[str, Any]], list[float]]:
        return lambda of: [
            value / unit for value in _rounds([of["sizes"].get(str(size), {}).get("index", {"failed": ""})], name)
        ]

    at = f"at {size:,}"
    yield Row(f"index {size}", f"{size:,} passages indexed, their vectors given, s", built("s"), "{:,.2f}")
    yield Row(f"cold {size}", f"first answer in a new process {at}, s", rounds("cold_s"), "{:,.1f}")
    yield Row(f"p50 {size}", f"a question {at}, p50 ms", rounds("p50_ms"), "{:,.0f}")
    yield Row(f"p95 {size}", f"… p95 ms {at}", rounds("p95_ms"), "{:,.0f}")
    yield Row(
        f"clients {size}",
        f"questions a second from 8 clients {at}",
        rounds("clients_per_s"),
        "{:,.1f}",
        lower_is_better=False,
    )
    yield Row(f"memory {size}", f"memory {at} to ask, MB", rounds("peak_bytes", 1e6), "{:,.0f}")
    yield Row(f"memory to index {size}", f"memory {at} to index, MB", built("peak_bytes", 1e6), "{:,.0f}")
    yield Row(f"disk {size}", f"index on disk {at}, MB", built("disk_bytes", 1e6))


def _rounds(steps: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [step[name] for step in steps if name in step]


def advantage(row: Row, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float | None:
    """Return how many times better ours is, as the median of the rounds; below 1 it is worse, None if unknown.

    Rounds are compared one by one: both ran within the same minutes of a machine that others use, too.
    """
    pairs = list(zip(row.values(ours), row.values(theirs), strict=False))
    ratios = [(b / a if row.lower_is_better else a / b) for a, b in pairs if a and b]
    return median(ratios) if ratios else None


def write_report(results: Mapping[str, Any], folder: Path, name: str) -> None:
    """Write name.json, name.md and name.svg into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    draw(results, folder / f"{name}.svg")
    (folder / f"{name}.md").write_text("\n".join(markdown(results, f"{name}.svg")) + "\n", encoding="utf-8")


def markdown(results: Mapping[str, Any], chart: str) -> Iterator[str]:
    """Yield the lines of the report."""
    peers = results["peers"]
    yield "# sourcier beside other libraries"
    yield ""
    yield (
        f"Measured {results['date']} on {results['machine']}, commit {results['commit'][:12]}, model "
        f"`{results['model']}`, {results['corpus']['real']} contexts of PIAF and made passages beyond them. "
        f"Medians of {results['repeats']} round(s) in an order drawn anew for each, {results['questions']} questions "
        "each; in brackets the lowest and highest. Made with `python -m tests.benchmarks.peers`."
    )
    yield ""
    yield f"![The same figures as a chart]({chart})"
    yield ""
    yield "| | " + " | ".join(LABELS[peer] for peer in peers) + " |"
    yield "|---" * (len(peers) + 1) + "|"
    rows = rows_of(results)
    for row in rows:
        yield f"| {row.label} | " + " | ".join(_cell(row, of) for of in peers.values()) + " |"
    cosines = [_rounds(of["embedding"], "least_cosine") for of in peers.values()]
    yield (
        "| least cosine to sourcier's vectors | " + " | ".join(f"{min(of):.4f}" if of else "" for of in cosines) + " |"
    )
    if SOURCIER in peers:
        yield ""
        yield from _ratios(rows, peers)
    failures = list(_failures(peers))
    if failures:
        yield from ("", "## What failed or took too long", "", *failures)
    yield from ("", "## How", "", *(f"- {line}" for line in _HOW))
    limits = results["limits_s"]
    yield (
        f"- A step may take {limits['step']:g} s, the questions of a round {limits['questions']:g} s (then fewer are "
        f"asked), the clients of a round {limits['clients']:g} s."
    )
    yield from ("", "## Versions", "")
    for peer, of in peers.items():
        named = ", ".join(f"{name} {of['packages'].get(name, '?')}" for name in (*NAMED[peer], "torch"))
        yield f"- {LABELS[peer]}: {named}"


def _cell(row: Row, of: Mapping[str, Any]) -> str:
    values = row.values(of)
    if not values:
        return "–"
    middle = row.form.format(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} [{row.form.format(min(values))}–{row.form.format(max(values))}]"


def _ratios(rows: Sequence[Row], peers: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many times better sourcier is, and then the lines in which it is worse."""
    others = [peer for peer in peers if peer != SOURCIER]
    ours = peers[SOURCIER]
    yield "## How many times better sourcier is (below 1: worse)"
    yield ""
    yield "| | " + " | ".join(LABELS[peer] for peer in others) + " |"
    yield "|---" * (len(others) + 1) + "|"
    behind: list[tuple[float, str]] = []
    for row in rows:
        found = {peer: advantage(row, ours, peers[peer]) for peer in others}
        yield f"| {row.label} | " + " | ".join("–" if one is None else f"{one:.2f}" for one in found.values()) + " |"
        worse = {peer: one for peer, one in found.items() if one is not None and one < 1}
        if worse:
            named = ", ".join(
                f"{LABELS[peer]} {one:.2f}" for peer, one in sorted(worse.items(), key=lambda item: item[1])
            )
            behind.append((min(worse.values()), f"- {row.label}: {named}"))
    yield from ("", "## Where sourcier is behind, furthest first", "")
    yield from [line for _, line in sorted(behind)] or ["Nowhere."]


def _failures(peers: Mapping[str, Any]) -> Iterator[str]:
    for peer, of in peers.items():
        seen: dict[str, int] = {}
        for where, step in _steps(of):
            if "failed" in step and isinstance(step["failed"], str):
                text = f"{where}: {step['failed']}"
                seen[text] = seen.get(text, 0) + 1
            elif step.get("failed"):
                text = f"{where}: {step['failed']} question(s) failed, {step['errors'][0]}"
                seen[text] = seen.get(text, 0) + 1
        yield from (
            f"- {LABELS[peer]}, {text}{f' ({times} times)' if times > 1 else ''}" for text, times in seen.items()
        )


def _steps(of: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from (("embedding", step) for step in of["embedding"])
    for size, steps in of["sizes"].items():
        yield f"at {int(size):,}", steps["index"]
        for step in steps.get("rounds", []):
            yield f"at {int(size):,}", step
            yield f"8 clients at {int(size):,}", step.get("clients", {})
        yield f"MRR at {int(size):,}", steps.get("judged", {})


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw the figures into an SVG file, the same bytes for the same figures."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # It says at its first use that it looks for fonts, which is nothing to warn of.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    rows = {row.name: row for row in rows_of(results)}
    sizes = results["sizes"]
    largest = max(sizes)
    with rc_context({"svg.hashsalt": "sourcier", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(12, 7), layout="constrained")
        bars = ["indexing", f"cold {largest}", "mrr", f"memory {largest}"]
        figure.subplots(2, 3)
        for panel, name in zip(figure.axes, bars, strict=False):
            _bars(panel, rows[name], results["peers"])
        lines = {"p50": "a question, p50 ms", "clients": "questions a second from 8 clients"}
        for panel, (name, title) in zip(figure.axes[len(bars) :], lines.items(), strict=True):
            _lines(panel, [rows[f"{name} {size}"] for size in sizes], sizes, results["peers"])
            panel.set_title(title)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _bars(axes: Any, row: Row, peers: Mapping[str, Any]) -> None:
    known = {peer: median(values) for peer, of in peers.items() if (values := row.values(of))}
    axes.barh([LABELS[peer] for peer in known], list(known.values()), color=[_COLOURS[peer] for peer in known])
    for place, value in enumerate(known.values()):
        axes.annotate(row.form.format(value), (value, place), xytext=(3, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_title(row.label)
    axes.spines[["top", "right"]].set_visible(False)


def _lines(axes: Any, rows: Sequence[Row], sizes: Sequence[int], peers: Mapping[str, Any]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    for peer, of in peers.items():
        points = [(size, median(values)) for size, row in zip(sizes, rows, strict=True) if (values := row.values(of))]
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=_COLOURS[peer], label=LABELS[peer])
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("passages")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, fontsize=7)
