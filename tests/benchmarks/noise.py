"""Measure what typing in a hurry costs, and write results/noise.json.

    python -m tests.benchmarks.noise --data ../shared/data

The answerable questions of PIAF's dev part and every fourth of SQuAD 2.0's, over the same paragraphs as in `quality`:
as they are, and with each of the noises of `qa.noise`. Takes five minutes on two cores; `--work` keeps the indexes for
the next run.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from index import PassageIndex
from qa import open_reader
from qa.evaluation import evaluate
from qa.measures import figures
from qa.noise import NOISES
from qa.questions import Question, QuestionSet
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, question_set

MEASURED = ("recall@5", "hit@1", "hit@3", "needless_silences")


def main() -> None:
    commit = current_commit()
    results = {}
    with data_and_work() as (data, work):
        for name, *which in CORPORA:
            asked = question_set(data, *which)
            passage_index = PassageIndex.open_or_create(work / name.replace(" ", "-"))
            passage_index.add(asked.documents)
            results[name] = {
                noise: measure(passage_index, typed(asked, make))
                for noise, make in {"as it is": as_it_is, **NOISES}.items()
            }
            print(name, results[name], flush=True)
    save_result("noise", commit, results=results)


def as_it_is(question: str, _: random.Random) -> str:
    return question


def typed(asked: QuestionSet, noise: Callable[[str, random.Random], str]) -> QuestionSet:
    """Return the set with its answerable questions as they are typed; the same at each run."""

    def retyped(question: Question) -> Question:
        return replace(question, text=noise(question.text, random.Random(question.id)))

    return QuestionSet(
        tuple(
            replace(file, questions=tuple(retyped(one) for one in file.questions if one.answers))
            for file in asked.files
        )
    )


def measure(passage_index: PassageIndex, asked: QuestionSet) -> dict[str, float]:
    reader = open_reader()
    records = evaluate(passage_index, asked, reader=reader, threshold=reader.threshold).records
    found = figures(records, samples=2)
    return {"questions": len(records), **{name: round(found[name].value, 3) for name in MEASURED}}


if __name__ == "__main__":
    main()
