"""Measure what reading more or fewer passages gains and costs, and write results/passages_read.json.

    python -m tests.benchmarks.passages_read --data ../shared/data

The questions of PIAF's dev part and every fourth of SQuAD 2.0's, over the same paragraphs as in `quality`. Every tenth
is timed, for each number of passages in turns, by a reader that has read none of them. Takes ten to fifteen
minutes on two cores; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence

from index.encoder import open_encoder
from qa import Retriever, joint_reader
from qa.answer import SearchHit
from qa.answerer import PASSAGES_READ
from qa.evaluation import is_right
from qa.features import ReaderWeights
from qa.joint import JointModel
from qa.joint_reader import MODEL_FILE, SHIPPED, WEIGHTS_FILE, JointReader
from qa.questions import Question
from qa.reader import Finding
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, indexed, question_set

MOST = 8
AS_IT_IS = "as it is"
# How many passages there are to read, and how sure an answer of the first ones has to be for the others to be left.
WAYS = {str(number): (number, math.inf) for number in (1, 2, 3, 4, PASSAGES_READ, MOST)}
WAYS[AS_IT_IS] = (PASSAGES_READ, joint_reader._SURE)
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


def measure(retriever: Retriever, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    reader, forgetful = new_reader(), new_reader()
    ways = list(WAYS)
    first, three = Counter[str](), Counter[str]()
    milliseconds: dict[str, list[float]] = {way: [] for way in ways}
    for place, question in enumerate(questions):
        hits = retriever.retrieve(question.text, top_k=MOST)
        if place % TIMED == 0:
            turned = place // TIMED % len(ways)
            for way in (*ways[turned:], *ways[:turned]):
                forgetful._passage_states.cache_clear()
                began = time.perf_counter()
                read(forgetful, question, hits, way)
                milliseconds[way].append(1000 * (time.perf_counter() - began))
        # A sentence's score is the same whatever is read beside it, so that the longest reading tells of all.
        findings = read(reader, question, hits, str(MOST))
        as_it_is = read(reader, question, hits, AS_IT_IS)
        for way, (number, _) in WAYS.items():
            found = as_it_is if way == AS_IT_IS else [one for one in findings if one.hit.rank <= number]
            right = [is_right(question, one) for one in found[:3]]
            first[way] += any(right[:1])
            three[way] += any(right)
    return {
        way: {
            "the first sentence answers": round(first[way] / len(questions), 3),
            "one of the first three does": round(three[way] / len(questions), 3),
            "reading, p50 ms": round(statistics.median(milliseconds[way]), 1),
            "reading, mean ms": round(statistics.mean(milliseconds[way]), 1),
        }
        for way in ways
    }


def read(reader: JointReader, question: Question, hits: Sequence[SearchHit], way: str) -> Sequence[Finding]:
    number, joint_reader._SURE = WAYS[way]
    return reader.read(question.text, hits[:number])


def new_reader() -> JointReader:
    """Return the shipped reader anew, with no passage read."""
    encoder = open_encoder()
    model = JointModel.load(SHIPPED / MODEL_FILE, encoder)
    return JointReader(encoder, model, ReaderWeights.load(SHIPPED / WEIGHTS_FILE))


if __name__ == "__main__":
    main()
