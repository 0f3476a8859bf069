"""Measure follow-ups and dated questions over the demo corpus, and write results/conversations.json.

    python -m tests.benchmarks.conversations

Every conversation of `seeds/conversations.jsonl` is held twice: with its history, and with each
question asked alone. Those with an odd number were used to choose how a follow-up is searched for;
those with an even number are held out. `dated_questions.jsonl` holds questions that only their date
tells apart, with the documents that answer.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from index import PassageIndex
from qa import Answerer, Retriever, open_reader
from qa.answerer import IN_PERIOD, PASSAGES_READ, PASSAGES_WEIGHED, in_time
from qa.dates import find_period
from tests.benchmarks import current_commit, save_result
from tests.benchmarks.turns import CONVERSATIONS, Conversation, load_conversations


class NotingReader:
    """Reads as the shipped reader does, and remembers what it was given and found."""

    def __init__(self) -> None:
        self._inner = open_reader()
        self.threshold = self._inner.threshold

    def read(self, question, hits):
        self.hits, self.findings = hits, self._inner.read(question, hits)
        return self.findings


def main() -> None:
    commit = current_commit()
    documents, conversations = load_conversations()
    odd, even = ([one for one in conversations if int(one.id[1:]) % 2 == rest] for rest in (1, 0))
    with tempfile.TemporaryDirectory() as scratch:
        passage_index = PassageIndex.build(Path(scratch) / "index", documents)
        found = {
            "held out (even)": summary(measure(passage_index, even)),
            "held out, each question alone": summary(measure(passage_index, even, with_history=False)),
            "chosen on (odd)": summary(measure(passage_index, odd)),
        }
        dated = {
            "as shipped": dated_summary(passage_index, IN_PERIOD),
            "without the preference": dated_summary(passage_index, 0.0),
        }
    digest = hashlib.sha256(CONVERSATIONS.read_bytes()).hexdigest()
    result = save_result("conversations", commit, data_sha256=digest, follow_ups=found, dated_questions=dated)
    print(json.dumps(result, indent=1, ensure_ascii=False))


def measure(passage_index, conversations: Sequence[Conversation], *, with_history: bool = True) -> list[dict]:
    """Return a row for every turn after the first."""
    reader = NotingReader()
    answerer = Answerer(passage_index, reader=reader)
    rows = []
    for conversation in conversations:
        history = []
        for turn in conversation.turns:
            question = turn.question
            answer = answerer.ask(question.text, history=history if with_history else ())
            gold = {document for document, _, _ in question.answers}
            shown = [place for citation in answer.citations for place in (citation, *citation.also_in)]
            row = {
                "carries": turn.carries,
                "carried": answer.carried is not None,
                "answerable": bool(gold),
                "document": any(hit.document.id in gold for hit in reader.hits),
                "sentence": any(
                    question.answered_by(found.hit.document.id, found.start, found.end) for found in reader.findings[:3]
                ),
                "right": any(question.answered_by(place.document.id, place.start, place.end) for place in shown)
                if gold
                else not answer.answered,
            }
            if history:
                rows.append(row)
            history.append(answer)
    return rows


def summary(rows: Sequence[dict]) -> dict[str, float | int]:
    """Return the share of the follow-ups for which each thing holds; of those with an answer for the first two."""
    leaning = [row for row in rows if row["carries"]]
    answerable = [row for row in leaning if row["answerable"]]
    others = [row for row in rows if not row["carries"]]
    return {
        "follow-ups": len(leaning),
        "new subjects": len(others),
        "document among the first five": _share(answerable, "document"),
        "sentence among the reader's first three": _share(answerable, "sentence"),
        "cited, or silent where it should be": _share(leaning, "right"),
        "carried when it should": _share(leaning, "carried"),
        "carried when it should not": _share(others, "carried"),
    }


def dated_summary(passage_index, weight: float) -> dict[str, float]:
    """Return the share of dated questions whose document is found first, and among the first five."""
    retriever = Retriever(passage_index)
    lines = Path(__file__).with_name("dated_questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for asked in map(json.loads, lines):
        period = find_period(asked["question"], passage_index.newest_date)
        hits = retriever.retrieve(asked["question"], top_k=PASSAGES_WEIGHED)
        found = [Path(hit.document.source).name in asked["documents"] for hit in in_time(hits, period, weight)]
        rows.append({"first": found[0], "five": any(found[:PASSAGES_READ])})
    return {"document first": _share(rows, "first"), "document among the first five": _share(rows, "five")}


def _share(rows: Sequence[dict], name: str) -> float:
    """Return the share of rows that hold; 0 where there are none."""
    return round(sum(row[name] for row in rows) / len(rows), 3) if rows else 0.0


if __name__ == "__main__":
    main()
