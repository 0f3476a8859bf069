"""Measure what reading more or fewer passages gains and costs, and write results/passages_read.json.

    python -m tests.benchmarks.passages_read --data ../shared/data

The questions of PIAF's dev part and every fourth of SQuAD 2.0's, over the same paragraphs as in `quality`. Every tenth
is timed, for each number of passages in turns, by a reader that has read none of them. Takes ten minutes on two cores;
`--work` keeps the indexes for the next run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from index.encoder import open_encoder
from qa import Retriever
from qa.answerer import PASSAGES_READ
from qa.evaluation import is_right
from qa.features import ReaderWeights
from qa.joint import JointModel
from qa.joint_reader import MODEL_FILE, SHIPPED, WEIGHTS_FILE, JointReader
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, indexed, question_set

NUMBERS = (1, 2, 3, PASSAGES_READ, 8, 12, 20)
TIMED = 10


def main() -> None:
    commit = current_commit()
    with data_and_work() as (data, work):
        measured = {}
        for name, *which in CORPORA:
            asked = question_set(data, *which)
            passage_index = indexed(work / name.replace(" ", "-"), asked)
            questions = [question for question in asked.questions if question.answers]
            measured[name] = measure(Retriever(passage_index), questions)
            print(name, measured[name], flush=True)
    save_result("passages_read", commit, **{"passages read": measured})


def measure(retriever: Retriever, questions: Sequence) -> dict[int, dict[str, float]]:
    reader, forgetful = new_reader(), new_reader()
    first, three = dict.fromkeys(NUMBERS, 0), dict.fromkeys(NUMBERS, 0)
    milliseconds: dict[int, list[float]] = {number: [] for number in NUMBERS}
    for place, question in enumerate(questions):
        hits = retriever.retrieve(question.text, top_k=max(NUMBERS))
        if place % TIMED == 0:
            turned = place // TIMED % len(NUMBERS)
            for number in (*NUMBERS[turned:], *NUMBERS[:turned]):
                forgetful._passage_states.cache_clear()
                began = time.perf_counter()
                forgetful.read(question.text, hits[:number])
                milliseconds[number].append(1000 * (time.perf_counter() - began))
        # A sentence's score is the same whatever is read beside it, so that the longest reading tells of all.
        findings = reader.read(question.text, hits)
        for number in NUMBERS:
            best = [one for one in findings if one.hit.rank <= number][:3]
            right = [is_right(question, one) for one in best]
            first[number] += any(right[:1])
            three[number] += any(right)
    return {
        number: {
            "the first sentence answers": round(first[number] / len(questions), 3),
            "one of the first three does": round(three[number] / len(questions), 3),
            "reading, p50 ms": round(statistics.median(milliseconds[number]), 1),
        }
        for number in NUMBERS
    }


def new_reader() -> JointReader:
    """Return the shipped reader anew, with no passage read."""
    encoder = open_encoder()
    model = JointModel.load(SHIPPED / MODEL_FILE, encoder)
    return JointReader(encoder, model, ReaderWeights.load(SHIPPED / WEIGHTS_FILE))


if __name__ == "__main__":
    main()
