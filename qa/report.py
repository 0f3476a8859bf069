"""An evaluation → what is saved and shown of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from index import InputError
from qa.comparison import Comparison
from qa.evaluation import Evaluation, Record
from qa.measures import MEASURES, SAMPLES, figures, rounded
from qa.metrics import BINS, reliability, risk_coverage
from qa.questions import QuestionSet
from qa.resampling import SEED

FORM = "sourcier evaluation 1"
# What a baseline's confidence is no probability for.
_NOT_OF_BASELINES = ("ece",)
_SLICES: Mapping[str, Callable[[Record], str]] = {
    "file": lambda record: record.file,
    "language": lambda record: record.language or "unknown",
    "question word": lambda record: record.word,
}
# Those shown slice by slice; the file has them all.
_SLICED = (
    "recall@5",
    "mrr@20",
    "hit@1",
    "hit@3",
    "cited",
    "f1",
    "false_answers",
    "false_answers_masked",
    "needless_silences",
)
_LABELS = {measure.name: measure.label for measure in MEASURES}
_POINTS = 100
_HOW = (
    "A passage, or a sentence, is right when it holds a gold answer whole.",
    "recall@k is the share of answerable questions with a right passage among the first k (trec_eval's success_k).",
    "nDCG@10 has gain 1 for every right passage, and takes account of all of them in the corpus.",
    "Exact match and F1 are those of SQuAD: lower case, without punctuation and articles; for French answers also "
    "without du, des, de, d', l', and with elisions parted. They are of the first sentence's span, whether or not it "
    "would be shown, and are left out where the reader gives no spans or the file has whole sentences as answers.",
    "hit@k is over the reader's sentences in its order, whether or not they would be shown.",
    "A silent answer shows the sentences of the closest passages that come nearest to answering.",
    f"The calibration error has {BINS} bins of equal width, and sets the confidence against whether the first sentence "
    "holds an answer. It, the risk–coverage curve, and the wrong answers are over all questions as the files ask them.",
    "Another subject: a question asked once more, with the documents of its article, or those that answer it, taken "
    "away. Whatever the rest of the corpus says of it counts as a false answer all the same.",
    f"Intervals are percentiles of bootstrap samples (seed {SEED}) drawn by document, because questions about one "
    "document are found or missed together.",
)


def make_report(
    evaluation: Evaluation,
    asked: QuestionSet,
    *,
    model: str,
    reader: str,
    threshold: float,
    passages: int,
    date: str | None = None,
    samples: int = SAMPLES,
) -> dict[str, Any]:
    """Return all there is to save, fit for JSON; apart from "timings_ms" the same for the same run."""
    records = evaluation.records
    return {
        "form": FORM,
        "sourcier": _version(),
        **({"date": date} if date else {}),
        "model": model,
        "reader": reader,
        "threshold": threshold,
        "files": [
            {
                "name": file.name,
                "sha256": file.sha256,
                "answerable": sum(bool(question.answers) for question in file.questions),
                "unanswerable": sum(not question.answers for question in file.questions),
                "skipped": list(file.skipped),
            }
            for file in asked.files
        ],
        "corpus": {"documents": len(asked.documents), "passages": passages},
        "asked": _asked(records),
        "spans": any(record.exact is not None for record in records),
        "bootstrap_samples": samples,
        "how": list(_HOW),
        "figures": {
            "all": _figures(records, samples),
            **{name: _sliced(records, of, samples) for name, of in _SLICES.items()},
        },
        "baselines": {
            name: {key: of for key, of in _figures(several, samples).items() if key not in _NOT_OF_BASELINES}
            for name, several in evaluation.baselines.items()
        },
        "risk_coverage": _curve(records),
        "reliability": _bins(records),
        "timings_ms": {
            step: {
                "median": round(float(np.median(several)), 1),
                "p95": round(float(np.quantile(several, 0.95)), 1),
                "mean": round(float(np.mean(several)), 1),
            }
            for step, several in evaluation.timings.items()
        },
        "records": [record.to_json() for record in records],
    }


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write one value a line where that keeps a file of thousands of records readable."""
    rest = {key: of for key, of in value.items() if key != "records"}
    text = json.dumps(rest, ensure_ascii=False, indent=1, allow_nan=False)
    if "records" in value:
        lines = ",\n  ".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in value["records"])
        text = f'{text[:-2]},\n "records": [\n  {lines}\n ]\n}}'
    path.write_text(text + "\n", encoding="utf-8")


def read_records(path: Path) -> list[Record]:
    """Read the records of a saved report; raises InputError for any other file."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["form"] != FORM:
            raise ValueError(f"its form is {stored['form']!r}")
        return [Record.from_json(record) for record in stored["records"]]
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; expected a report.json of sourcier evaluate"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a report of this version of sourcier evaluate: expected its report.json; make it again"
        ) from error


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is printed: the corpus, every figure, and the slices in short."""
    yield _counted(report)
    yield from _skipped(report)
    yield ""
    rows = [
        (_LABELS[name], _number(of["value"]), _interval(of), f"{of['questions']:,}")
        for name, of in report["figures"]["all"].items()
    ]
    yield from _aligned([("", "", "95 % interval", "questions"), *rows])
    if not report["spans"]:
        yield "no span: exact match and F1 are not measured"
    for name, slices in _shown_slices(report):
        yield ""
        names = _sliced_names(slices)
        yield from _aligned(
            [
                (f"by {name}", *names),
                *[
                    (key, *(_number(of[one]["value"]) if one in of else "" for one in names))
                    for key, of in slices.items()
                ],
            ]
        )
    if report["baselines"]:
        yield ""
        yield from _aligned(_baseline_rows(report))
    yield ""
    yield _latency(report)


def report_markdown(report: Mapping[str, Any], *, chart: str | None = None) -> str:
    """Return the whole report but the records; `chart` is the name of the picture beside it."""
    lines = ["# Evaluation", "", _counted(report), *_skipped(report), ""]
    header = f"sourcier {report['sourcier']}, model `{report['model']}`, reader `{report['reader']}`, "
    header += f"silent below {report['threshold']}"
    lines += [f"{header}{', ' + report['date'] if 'date' in report else ''}.", ""]
    lines += [f"- `{file['name']}`, sha256 `{file['sha256']}`" for file in report["files"]]
    if chart:
        lines += ["", f"![Retrieval, risk and coverage, and reliability]({chart})"]
    rows = [
        (_LABELS[name], _number(of["value"]), _interval(of), f"{of['questions']:,}")
        for name, of in report["figures"]["all"].items()
    ]
    lines += ["", *_table([("", "all", "95 % interval", "questions"), *rows])]
    if not report["spans"]:
        lines += ["", "No span: exact match and F1 are not measured."]
    for name, slices in _shown_slices(report):
        names = _sliced_names(slices)
        cells = [
            (key, *(f"{_number(of[one]['value'])} ({_interval(of[one])})" if one in of else "" for one in names))
            for key, of in slices.items()
        ]
        lines += ["", f"## By {name}", "", *_table([("", *names), *cells])]
    if report["baselines"]:
        lines += ["", "## Baselines", "", *_table(_baseline_rows(report))]
    lines += ["", "## Latency", "", _latency(report), "", "## How", "", *(f"- {line}" for line in report["how"])]
    return "\n".join(lines) + "\n"


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the differences as a table, then in plain words."""
    yield f"{comparison.shared:,} questions asked by both, B against A." + _left_out(comparison)
    yield ""
    yield from _aligned(_comparison_rows(comparison))
    yield ""
    yield from _plain_words(comparison)


def comparison_markdown(comparison: Comparison) -> str:
    """Return the same for a Markdown file."""
    lines = ["# Comparison", "", f"{comparison.shared:,} questions asked by both, B against A." + _left_out(comparison)]
    lines += ["", *_table(_comparison_rows(comparison)), "", *_plain_words(comparison)]
    return "\n".join(lines) + "\n"


def _version() -> str:
    try:
        return version("sourcier")
    except PackageNotFoundError:
        return "not installed"


def _figures(records: Sequence[Record], samples: int) -> dict[str, Any]:
    return {name: figure.to_json() for name, figure in figures(records, samples=samples).items()}


def _sliced(records: Sequence[Record], key: Callable[[Record], str], samples: int) -> dict[str, Any]:
    """Return the figures of each slice, the largest first."""
    slices: dict[str, list[Record]] = {}
    for record in records:
        slices.setdefault(key(record), []).append(record)
    return {
        name: _figures(of, samples) for name, of in sorted(slices.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    }


def _asked(records: Sequence[Record]) -> dict[str, int]:
    return {
        "answerable": sum(record.answerable for record in records),
        "unanswerable": sum(not record.answerable and not record.masked for record in records),
        "masked": sum(record.masked for record in records),
    }


def _judged(records: Sequence[Record]) -> tuple[list[float], list[bool]]:
    """Return how sure it was of the questions as asked, and whether the first sentence is right."""
    asked = [record for record in records if not record.masked]
    return [record.confidence or 0.0 for record in asked], [any((record.right or ())[:1]) for record in asked]


def _curve(records: Sequence[Record]) -> list[dict[str, float | None]]:
    """Return points of the risk–coverage curve, about one for each percent of coverage."""
    curve = risk_coverage(*_judged(records))
    steps = np.searchsorted(curve.coverage, np.arange(1, _POINTS + 1) / _POINTS - 1e-9)
    return [
        {
            "coverage": rounded(float(curve.coverage[i])),
            "risk": rounded(float(curve.risk[i])),
            "threshold": rounded(float(curve.threshold[i])),
        }
        for i in np.unique(steps).tolist()
    ]


def _bins(records: Sequence[Record]) -> list[dict[str, float | None]]:
    return [
        {
            "low": one.low,
            "high": one.high,
            "questions": one.count,
            "confidence": rounded(one.confidence),
            "right": rounded(one.right),
        }
        for one in reliability(*_judged(records))
    ]


def _shown_slices(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the slicings that part the questions at all."""
    for name in _SLICES:
        if len(report["figures"][name]) > 1:
            yield name, report["figures"][name]


def _sliced_names(slices: Mapping[str, Any]) -> list[str]:
    return [name for name in _SLICED if any(name in of for of in slices.values())]


def _baseline_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    systems = {"sourcier": report["figures"]["all"], **report["baselines"]}
    names = [name for name in _LABELS if any(name in of for of in report["baselines"].values())]
    return [
        ("", *systems),
        *[
            (_LABELS[name], *(_number(of[name]["value"]) if name in of else "" for of in systems.values()))
            for name in names
        ],
    ]


def _comparison_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("", "A", "B", "B − A", "95 % interval", "p (Holm)", "")]
    for one in comparison.differences:
        rows.append(
            (
                one.measure.label,
                _number(one.before),
                _number(one.after),
                f"{one.after - one.before:+.3f}",
                f"{one.low:+.3f} to {one.high:+.3f}",
                f"{one.p_adjusted:.4f}",
                one.verdict,
            )
        )
    return rows


def _plain_words(comparison: Comparison) -> Iterator[str]:
    real = [one for one in comparison.differences if one.is_real]
    for one in real:
        yield f"Real: {one.measure.label}: {one.verdict}, {_number(one.before)} → {_number(one.after)}."
    rest = len(comparison.differences) - len(real)
    if rest:
        yield (
            f"{'The other' if real else 'All'} {rest} differences may be the luck of the questions "
            "(paired permutation test, Holm's correction, 5 %)."
        )


def _left_out(comparison: Comparison) -> str:
    parts = {
        "only in A": comparison.only_a,
        "only in B": comparison.only_b,
        "of one id but not the same": comparison.changed,
    }
    said = ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
    return f" Left out: {said}." if said else ""


def _counted(report: Mapping[str, Any]) -> str:
    asked, corpus = report["asked"], report["corpus"]
    said = f"{asked['answerable'] + asked['unanswerable']:,} questions ({asked['answerable']:,} answerable, "
    said += f"{asked['unanswerable']:,} not) over {corpus['documents']:,} documents in {corpus['passages']:,} passages"
    return f"{said}; {asked['masked']:,} asked once more without their subject." if asked["masked"] else f"{said}."


def _skipped(report: Mapping[str, Any]) -> Iterator[str]:
    for file in report["files"]:
        if file["skipped"]:
            first = ", ".join(one.partition(":")[2] for one in file["skipped"][:3])
            yield (
                f"{len(file['skipped']):,} questions of {file['name']} skipped, "
                f"their answers not where it says or their text without a word: {first}"
                f"{', …' if len(file['skipped']) > 3 else ''}."
            )


def _latency(report: Mapping[str, Any]) -> str:
    parts = [f"{step} {of['median']:g} ms ({of['p95']:g} ms)" for step, of in report["timings_ms"].items()]
    return f"A question takes, as the median (95th percentile): {', '.join(parts)}."


def _number(value: float) -> str:
    return f"{value:.3f}"


def _interval(figure: Mapping[str, Any]) -> str:
    return "" if figure["low"] is None else f"{figure['low']:.3f}–{figure['high']:.3f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return [header, "|---" * len(rows[0]) + "|", *others]
