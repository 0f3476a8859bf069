"""Measure what typing in a hurry costs, and write results/noise.json.

    python -m tests.benchmarks.noise --data ../shared/data

The answerable questions of PIAF's dev part and every fourth of SQuAD 2.0's, over the same paragraphs as in `quality`:
as they are, and with each of the noises of `qa.noise`. Takes half an hour; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from qa.noise import NOISES
from qa.questions import Question, QuestionSet
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, evaluated, indexed, question_set

MEASURED = ("recall@5", "hit@1", "hit@3", "needless_silences")


def main() -> None:
    commit = current_commit()
    results = {}
    with data_and_work() as (data, work):
        for name, *which in CORPORA:
            asked = question_set(data, *which)
            passage_index = indexed(work / name.replace(" ", "-"), asked)
            results[name] = {
                noise: evaluated(passage_index, typed(asked, make), MEASURED)
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


if __name__ == "__main__":
    main()
