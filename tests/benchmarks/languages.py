"""Measure each language, and questions in another than the documents', and write results/languages.json.

    python -m tests.benchmarks.languages --data ../shared/data

The questions of XQuAD's articles that the shipped reader was not trained on, the same in eight languages: each over
all paragraphs at hand in its language, then in English over those of the other languages, and in the others over the
English ones. Takes ten minutes on two cores; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index import PassageIndex
from qa import open_reader
from qa.evaluation import evaluate
from qa.measures import figures
from qa.questions import Question, QuestionFile, QuestionSet, load_question_file
from qa.training.examples import held_out_topics, topic
from tests.benchmarks import current_commit, data_and_work, save_result

PIVOT = "en"
MEASURED = ("recall@5", "hit@1", "hit@3", "cited", "needless_silences")


def main() -> None:
    commit = current_commit()
    results = {}
    with data_and_work() as (data, work):
        paths = sorted(data.glob("xquad-train-*.json"))
        whole = {path.stem.rpartition("-")[2]: load_question_file(path, name=path.stem) for path in paths}
        held_out = held_out_topics(list(whole.values()))
        files = {
            language: replace(file, questions=tuple(one for one in file.questions if topic(one) in held_out))
            for language, file in whole.items()
        }
        for language, file in files.items():
            passage_index = PassageIndex.open_or_create(work / language)
            passage_index.add(file.documents)
            for other in files if language == PIVOT else (language, PIVOT):
                name = f"{other} over {language}"
                results[name] = measure(passage_index, file, reworded(file.questions, files[other]))
                print(name, results[name], flush=True)
    save_result("languages", commit, articles=sorted(held_out), results=results)


def reworded(questions: Sequence[Question], file: QuestionFile) -> tuple[Question, ...]:
    """Return the questions, each in the words that another file has for it."""
    words = {one.id_in_file: one for one in file.questions}
    return tuple(
        replace(one, text=words[one.id_in_file].text, language=words[one.id_in_file].language) for one in questions
    )


def measure(passage_index: PassageIndex, file: QuestionFile, questions: tuple[Question, ...]) -> dict[str, float]:
    reader = open_reader()
    asked = QuestionSet((replace(file, questions=questions),))
    records = evaluate(passage_index, asked, reader=reader, threshold=reader.threshold).records
    found = figures(records, samples=2)
    return {"questions": len(questions), **{name: round(found[name].value, 3) for name in MEASURED}}


if __name__ == "__main__":
    main()
