"""Measure each language, and questions in another than the documents', and write results/languages.json.

    python -m tests.benchmarks.languages --data ../shared/data

The questions of XQuAD's articles that the shipped reader was not trained on, the same in eight languages: each over
all paragraphs at hand in its language, then in English over those of the other languages, and in the others over the
English ones. Takes ten minutes on two cores; `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qa.questions import Question, QuestionFile, QuestionSet, load_question_file
from qa.training.examples import held_out_topics, topic
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import evaluated, indexed

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
            passage_index = indexed(work / language, QuestionSet((file,)))
            for other in files if language == PIVOT else (language, PIVOT):
                name = f"{other} over {language}"
                asked = QuestionSet((replace(file, questions=reworded(file.questions, files[other])),))
                results[name] = evaluated(passage_index, asked, MEASURED)
                print(name, results[name], flush=True)
    save_result("languages", commit, articles=sorted(held_out), results=results)


def reworded(questions: Sequence[Question], file: QuestionFile) -> tuple[Question, ...]:
    """Return the questions, each in the words that another file has for it."""
    words = {one.id_in_file: one for one in file.questions}
    return tuple(
        replace(one, text=words[one.id_in_file].text, language=words[one.id_in_file].language) for one in questions
    )


if __name__ == "__main__":
    main()
