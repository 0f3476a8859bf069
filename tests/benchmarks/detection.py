"""Measure how well the language of a question is told, and write results/detection.json.

    python -m tests.benchmarks.detection --data ../shared/data

The questions of PIAF, SQuAD 2.0 and XQuAD, as they are and as they are typed in a hurry. Takes half a minute.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence

from index.language import detect_language
from qa.noise import keywords, mistyped, without_accents
from qa.questions import load_question_file
from tests.benchmarks import current_commit, data_and_work, save_result

LANGUAGES = {"piaf": "fr", "squad2": "en"}
WORDINGS: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": lambda question, _: question,
    "without accents": lambda question, _: without_accents(question),
    "mistyped": mistyped,
    "keywords": keywords,
}


def main() -> None:
    commit = current_commit()
    questions: dict[str, list[str]] = {}
    with data_and_work() as (data, _):
        for path in sorted(data.glob("*-*.json")):
            # XQuAD names the language last, the others have one.
            language = LANGUAGES.get(path.stem.partition("-")[0], path.stem.rpartition("-")[2])
            questions.setdefault(language, []).extend(one.text for one in load_question_file(path).questions)
    results = {
        wording: {language: told(language, texts, change) for language, texts in questions.items()}
        for wording, change in WORDINGS.items()
    }
    print(json.dumps(save_result("detection", commit, results=results), indent=1))


def told(language: str, questions: Sequence[str], change: Callable[[str, random.Random], str]) -> dict[str, float]:
    """Return of how many questions the language is told, and of which share rightly, wrongly, or not at all."""
    rng = random.Random(0)
    found = Counter(detect_language(change(question, rng)) for question in questions)
    counts = {"right": found[language], "none": found[None]}
    counts["wrong"] = found.total() - sum(counts.values())
    return {"questions": len(questions)} | {name: round(count / len(questions), 4) for name, count in counts.items()}


if __name__ == "__main__":
    main()
