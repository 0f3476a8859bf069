"""Measure what each part of the reader is worth, and write results/ablations.json.

    python -m tests.benchmarks.ablations --data ../shared/data

The few numbers above the joint model are fitted anew without one of the features, on the articles of PIAF's and SQuAD
2.0's train parts that it was not trained on, and tried on their dev parts (the corpora of `quality`). Takes a quarter
of an hour on two cores, nearly all of it for reading; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from qa import open_reader
from qa.features import ReaderWeights, weighted
from qa.joint_reader import JointReader
from qa.metrics import auroc, calibration_error
from qa.questions import QuestionSet, load_question_file
from qa.training import read_cases
from qa.training.examples import held_out_topics, topic
from qa.training.fitting import Case, confidence_of, fit_confidence, fit_sentences
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, indexed, question_set

JOINT = {"answers", "foreign_answers"}
PARTS = {
    "all": set(),
    "without the joint model": JOINT,
    "without how well the passage was found": {"passage", "passage_words", "passage_meaning", "passage_match"},
    "without the question's words": {"words", "passage_words", "native_words"},
    "without token by token": {"match", "context_match", "passage_match"},
    "without the sentence's vector": {"meaning", "foreign_meaning", "passage_meaning"},
    "without numbers": {"number"},
}


def main() -> None:
    commit = current_commit()
    reader = open_reader()
    assert isinstance(reader, JointReader)
    with data_and_work() as (data, work):
        trained = [load_question_file(data / f"{name}.json") for *_, name in CORPORA]
        indexes = [indexed(work / file.name, QuestionSet((file,))) for file in trained]
        fitted_on = list(read_cases(trained, indexes, reader, held_out_topics(trained)))
        tried_on = {}
        for name, *which in CORPORA:
            asked = question_set(data, *which)
            passage_index = indexed(work / name.replace(" ", "-"), asked)
            topics = frozenset(topic(question) for question in asked.questions)
            tried_on[name] = list(read_cases(asked.files[:1], [passage_index], reader, topics))
            print(name, len(tried_on[name]), flush=True)
    results = {part: measure(fitted_on, tried_on, gone) for part, gone in PARTS.items()}
    every = {name for gone in PARTS.values() for name in gone}
    results["the joint model alone"] = measure(fitted_on, tried_on, every - JOINT)
    for part, measured in results.items():
        print(part, measured, flush=True)
    save_result("ablations", commit, results=results)


def measure(
    fitted_on: Sequence[Case], tried_on: dict[str, list[Case]], gone: Collection[str]
) -> dict[str, dict[str, float]]:
    left = [without(case, gone) for case in fitted_on]
    sentence = fit_sentences([case for case in left if case.right.any()])
    weights = ReaderWeights(sentence, fit_confidence(left, sentence), 0.0)
    return {name: tried([without(case, gone) for case in cases], weights) for name, cases in tried_on.items()}


def without(case: Case, gone: Collection[str]) -> Case:
    """Return a case in which some features say nothing, which the fit gives no weight then."""
    columns = {name: np.zeros_like(of) if name in gone else of for name, of in case.features.columns.items()}
    return replace(case, features=replace(case.features, columns=columns))


def tried(cases: Sequence[Case], weights: ReaderWeights) -> dict[str, float]:
    right, sure = {1: [], 3: []}, []
    for case in cases:
        order = case.features.ranked(weighted(case.features.ranking, weights.sentence))
        for k, of in right.items():
            of.append(bool(case.right[order[:k]].any()))
        sure.append(confidence_of(case, weights))
    first, three, confidence = np.array(right[1]), np.array(right[3]), np.array(sure)
    answerable = np.array([case.answerable and not case.other_subject for case in cases])
    other = np.array([case.other_subject and case.answerable for case in cases])
    asked = np.array([not case.other_subject for case in cases])
    found = {
        "hit@1": first[answerable].mean(),
        "hit@3": three[answerable].mean(),
        "other subjects, AUROC": auroc(confidence[answerable | other], answerable[answerable | other]),
        "calibration error": calibration_error(confidence[asked], first[asked]),
    }
    if (asked & ~answerable).any():
        found["unanswerable, AUROC"] = auroc(confidence[asked], answerable[asked])
    return {name: round(float(value), 3) for name, value in found.items()}


if __name__ == "__main__":
    main()
