"""Measure retrieval alone, by corpus and language, and write results/retrieval.{json,md}.

    python -m tests.benchmarks.retrieval --data ../shared/data

The questions and paragraphs of `quality`, of PIAF and SQuAD also without titles and together; every second question
of each XQuAD file; for each of its languages, questions in it about paragraphs that are there in English alone, beside
as many others in that language; and PIAF's articles, each in an index of its own, by how many paragraphs it has. A
passage counts if it holds an answer whole. No reader, so it takes twenty-five minutes on two cores; `--work` keeps the
indexes for the next run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from index import PassageIndex
from qa import Retriever
from qa.baselines import halves
from qa.copies import members
from qa.questions import Question, QuestionFile, QuestionSet, load_question_file
from tests.benchmarks import RESULTS, current_commit, data_and_work, save_result
from tests.benchmarks.languages import PIVOT, reworded
from tests.benchmarks.quality import CORPORA, indexed, question_set
from ui.demo import seeds_folder

DEPTH = 20
LANGUAGES = ("ar", "de", "en", "es", "ro", "ru", "tr", "zh")


def main() -> None:
    commit = current_commit()
    results = {}
    with data_and_work() as (data, work):
        for name, sets_apart in chain(((name, [asked]) for name, asked in sets(data)), by_length(data)):
            results[name] = measure(work / name.replace(" ", "-"), sets_apart)
            print(name, results[name], flush=True)
    save_result("retrieval", commit, results=results)
    columns = ("both", "dense alone", "BM25 alone")
    lines = [
        "| | questions | passages | " + " | ".join(f"{column}: MRR@20 / R@5" for column in columns) + " |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for name, found in results.items():
        cells = [f"{found[column]['mrr@20']:.3f} / {found[column]['recall@5']:.3f}" for column in columns]
        lines.append(f"| {name} | {found['questions']} | {found['passages']} | {' | '.join(cells)} |")
    (RESULTS / "retrieval.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def sets(data: Path) -> Iterator[tuple[str, QuestionSet]]:
    corpora = {name: question_set(data, *which) for name, *which in CORPORA}
    yield from corpora.items()
    for name, asked in corpora.items():
        yield f"{name}, without titles", without_titles(asked)
    yield " and ".join(corpora), QuestionSet(tuple(file for asked in corpora.values() for file in asked.files))
    yield "seeds", QuestionSet((load_question_file(seeds_folder() / "questions.jsonl"),))
    for language in LANGUAGES:
        yield f"XQuAD {language}", question_set(data, f"xquad-train-{language}", 2, f"xquad-train-{language}")
    for language in LANGUAGES:
        if language != PIVOT:
            yield f"XQuAD {language}, answered in {PIVOT}", answered_elsewhere(data, language)


def without_titles(asked: QuestionSet) -> QuestionSet:
    """Leave out what the paragraphs of an article are called."""
    return QuestionSet(
        tuple(
            replace(file, documents=tuple(replace(document, title="") for document in file.documents))
            for file in asked.files
        )
    )


def answered_elsewhere(data: Path, language: str) -> QuestionSet:
    """Return every second article in English, the others in a language, and the questions about the former in it."""
    theirs, ours = (load_question_file(data / f"xquad-train-{code}.json", name=code) for code in (PIVOT, language))
    articles = sorted(set(ours.articles.values()))
    theirs = about(theirs, articles[1::2])
    return QuestionSet(
        (
            replace(theirs, questions=reworded(theirs.questions, ours)),
            replace(about(ours, articles[::2]), questions=()),
        )
    )


def by_length(data: Path) -> Iterator[tuple[str, list[QuestionSet]]]:
    """Yield the articles of both parts of PIAF, each a set of its own, by how many paragraphs they have."""
    files = [load_question_file(data / f"piaf-{part}.json", name=f"piaf-{part}") for part in ("train", "dev")]
    articles = [about(file, [title]) for file in files for title in sorted(set(file.articles.values()))]
    for name, fewest, most in (("two or three", 2, 3), ("four to nine", 4, 9), ("ten or more", 10, np.inf)):
        chosen = [one for one in articles if fewest <= len(one.documents) <= most]
        yield f"PIAF, an article of {name} paragraphs alone", [QuestionSet((one,)) for one in chosen]


def about(file: QuestionFile, articles: Collection[str]) -> QuestionFile:
    """Leave out the documents of other articles, and what is asked about them."""
    return replace(
        file,
        documents=tuple(one for one in file.documents if file.articles[one.id] in articles),
        questions=tuple(one for one in file.questions if one.article in articles),
    )


def measure(folder: Path, sets_apart: Sequence[QuestionSet]) -> dict:
    """Measure sets of questions, each on an index of its own documents; return figures of all questions."""
    ranks: dict[str, list[int]] = defaultdict(list)
    passages = 0
    for number, asked in enumerate(sets_apart):
        passage_index = indexed(folder / str(number), asked)
        passages += len(passage_index)
        for name, found in ranks_in(passage_index, [one for one in asked.questions if one.answers]).items():
            ranks[name] += found
    figures = {name: figures_of(of) for name, of in ranks.items()}
    return {"questions": len(ranks["both"]), "passages": passages, **figures}


def ranks_in(passage_index: PassageIndex, questions: Sequence[Question]) -> dict[str, list[int]]:
    retriever = Retriever(passage_index)
    ranks = {
        "both": [
            first(
                [
                    any(holds(question, one.passage) for one in members(hit))
                    for hit in retriever.retrieve(question.text, top_k=DEPTH)
                ]
            )
            for question in questions
        ]
    }
    for name, ranking in halves(passage_index).items():
        ranks[name] = [first([holds(q, passage) for passage in ranking(q.text, DEPTH)]) for q in questions]
    return ranks


def figures_of(ranks: list[int]) -> dict[str, float]:
    """Return the means over questions of the ranks, from 1, of the first passage that answers; 0 where none does."""
    return {
        "mrr@20": round(float(np.mean([1 / rank if rank else 0 for rank in ranks])), 4),
        "recall@1": round(float(np.mean([rank == 1 for rank in ranks])), 4),
        "recall@5": round(float(np.mean([0 < rank <= 5 for rank in ranks])), 4),
    }


def holds(question: Question, passage) -> bool:
    return question.answered_by(passage.document_id, passage.start, passage.end)


def first(held: list[bool]) -> int:
    """Return the rank, from 1, of the first passage that holds an answer; 0 if none does."""
    return held.index(True) + 1 if True in held else 0


if __name__ == "__main__":
    main()
