"""The picture of an evaluation. The only importer of matplotlib, which is an extra."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSTALL = "pip install 'sourcier[evaluate]'"
_RECALL = ("recall@1", "recall@3", "recall@5", "recall@20")
# Told apart without colour too: they differ in lightness (Okabe and Ito's palette).
_COLOURS = ("#0072B2", "#E69F00", "#56B4E9")
_GREY = "#767676"


def draw(report: Mapping[str, Any], path: Path) -> bool:
    """Draw a report into an SVG file, the same bytes for the same report; False where matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return False
    # It says at its first use that it looks for fonts, which is nothing to warn of.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with rc_context({"svg.hashsalt": "sourcier", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(12, 4), layout="constrained")
        recall, risk, reliability = figure.subplots(1, 3)
        _recall(recall, report)
        _risk(risk, report)
        _reliability(reliability, report)
        for axes in (recall, risk, reliability):
            axes.set_ylim(0, 1)
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return True


def _recall(axes: Axes, report: Mapping[str, Any]) -> None:
    systems = {"sourcier": report["figures"]["all"], **report["baselines"]}
    drawn = {name: of for name, of in systems.items() if set(_RECALL) & set(of)}
    width = 0.8 / max(1, len(drawn))
    for place, (name, of) in enumerate(drawn.items()):
        known = [one for one in _RECALL if one in of]
        at = [_RECALL.index(one) + (place - (len(drawn) - 1) / 2) * width for one in known]
        values = [of[one]["value"] for one in known]
        # The interval of a handful of questions may not hold the value itself.
        below = [max(0.0, of[one]["value"] - of[one]["low"]) for one in known]
        above = [max(0.0, of[one]["high"] - of[one]["value"]) for one in known]
        axes.bar(at, values, width * 0.92, yerr=[below, above], ecolor=_GREY, color=_COLOURS[place % 3], label=name)
    axes.set_xticks(range(len(_RECALL)), [name.partition("@")[2] for name in _RECALL])
    axes.set_xlabel("among the first k passages")
    axes.set_ylabel("share of answerable questions")
    axes.set_title("A passage with the answer is found")
    if len(drawn) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False)


def _risk(axes: Axes, report: Mapping[str, Any]) -> None:
    points = report["risk_coverage"]
    axes.step(
        [0, *(point["coverage"] for point in points)],
        [points[0]["risk"], *(point["risk"] for point in points)] if points else [0],
        where="pre",
        color=_COLOURS[0],
    )
    shown = [point for point in points if point["threshold"] >= report["threshold"]]
    if shown:
        axes.plot(shown[-1]["coverage"], shown[-1]["risk"], "o", color=_COLOURS[1], label="at the threshold")
        axes.legend(loc="upper left")
    axes.set_xlim(0, 1)
    axes.set_xlabel("coverage: share of questions answered")
    axes.set_ylabel("risk: share of those with a wrong first quote")
    axes.set_title("Risk and coverage")


def _reliability(axes: Axes, report: Mapping[str, Any]) -> None:
    bins = [one for one in report["reliability"] if one["questions"]]
    middles = [(one["low"] + one["high"]) / 2 for one in bins]
    axes.bar(middles, [one["right"] for one in bins], 0.09, color=_COLOURS[2])
    axes.plot([0, 1], [0, 1], "--", color=_GREY, linewidth=1)
    axes.plot([one["confidence"] for one in bins], [one["right"] for one in bins], "o", color=_COLOURS[0])
    for middle, one in zip(middles, bins, strict=True):
        axes.annotate(str(one["questions"]), (middle, 0.01), ha="center", va="bottom", fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xlabel("confidence (below: questions in the bin)")
    axes.set_ylabel("share whose first quote is right")
    axes.set_title("Reliability")
