"""Measure what typing in a hurry costs, and write results/noise.json.

    python -m tests.benchmarks.noise --data ../shared/data

The answerable questions of PIAF's dev part and every fourth of SQuAD 2.0's, over the same paragraphs as in `quality`:
as they are, with each of the noises of `qa.noise`, and politely. With it, of the words that the noise changed, and of
the others, how many are read as they were, and how many as another word. Takes half an hour; `--work` keeps the indexes
for the next run.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from index import PassageIndex
from index.language import detect_language, is_function_word
from index.words import exact_terms
from qa.noise import NOISES
from qa.questions import Question, QuestionSet
from qa.spelling import find_respellings, respelled
from tests.benchmarks import current_commit, data_and_work, save_result
from tests.benchmarks.quality import CORPORA, evaluated, indexed, question_set

MEASURED = ("recall@5", "hit@1", "hit@3", "needless_silences")
# What people put around a question, as it is or going on in the same sentence. The last two of each are words that
# `qa.courtesy` does not know.
POLITE_FRENCH = (
    "Bonjour, {question} Merci d'avance.",
    "Bonjour, pouvez-vous me dire {going_on}",
    "Peux-tu me dire {going_on}",
    "Bonsoir ! {question}",
    "{question} Merci !",
    "Je voudrais savoir {going_on}",
    "Dis-moi {going_on} stp",
    "D'après les documents, {going_on}",
    "Pour mon exposé : {question}",
    "Aide-moi à comprendre {going_on}",
)
POLITE_ENGLISH = (
    "Hi, {question} Thanks.",
    "Hello, can you tell me {going_on}",
    "Could you please tell me {going_on}",
    "Good morning! {question}",
    "{question} Thank you!",
    "I'd like to know {going_on}",
    "Please tell me {going_on}",
    "According to the documents, {going_on}",
    "For my homework: {question}",
    "Help me understand {going_on}",
)


def main() -> None:
    commit = current_commit()
    results = {}
    with data_and_work() as (data, work):
        for name, *which in CORPORA:
            asked = question_set(data, *which)
            passage_index = indexed(work / name.replace(" ", "-"), asked)
            results[name] = {
                noise: {
                    **evaluated(passage_index, typed(asked, make), MEASURED),
                    "words": words_read(passage_index, asked, make),
                }
                for noise, make in {"as it is": as_it_is, **NOISES, "politely": politely}.items()
            }
            print(name, results[name], flush=True)
    save_result("noise", commit, results=results)


def as_it_is(question: str, _: random.Random) -> str:
    return question


def politely(question: str, rng: random.Random) -> str:
    """Put what people say around a question around it; only words like "who" lose their capital."""
    first, _, rest = question.partition(" ")
    going_on = f"{first.lower() if is_function_word(first) else first} {rest}"
    around = rng.choice(POLITE_FRENCH if detect_language(question) == "fr" else POLITE_ENGLISH)
    return around.format(question=question, going_on=going_on)


def words_read(passage_index: PassageIndex, asked: QuestionSet, noise: Callable[[str, random.Random], str]) -> dict:
    """Count words between spaces by what became of them; none of questions that have more or fewer of those then."""
    counts = {"mistyped": 0, "of these read as meant": 0, "of these read as another": 0, "others read as another": 0}
    snapshot = passage_index.generation()
    for before, after in zip(typed(asked, as_it_is).questions, typed(asked, noise).questions, strict=True):
        read = respelled(after.text, find_respellings(after.text, snapshot))
        if len(before.text.split(" ")) != len(after.text.split(" ")):
            continue
        for meant, written, seen in zip(*(text.split(" ") for text in (before.text, after.text, read)), strict=True):
            meant, written, seen = (exact_terms(word, None) for word in (meant, written, seen))
            if meant == written:
                counts["others read as another"] += seen != meant
                continue
            counts["mistyped"] += 1
            counts["of these read as meant"] += seen == meant
            counts["of these read as another"] += seen not in (meant, written)
    return counts


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
