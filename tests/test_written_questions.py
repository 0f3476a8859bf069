"""The questions written for this project, to train readers with."""

from collections import Counter
from pathlib import Path

import pytest

from index.sentences import split_sentences
from qa.questions import load_question_file

FILES = sorted((Path(__file__).parents[1] / "qa" / "training" / "questions").glob("*.json"))


@pytest.fixture(scope="module")
def files():
    return [load_question_file(path) for path in FILES]


def test_every_answer_stands_where_the_file_says(files):
    assert len(files) == 3
    assert [file.skipped for file in files] == [(), (), ()]


def test_every_paragraph_is_asked_what_it_answers_and_what_it_does_not(files):
    for file in files:
        answered = {question.group: False for question in file.questions if question.answers}
        silent = {question.group for question in file.questions if not question.answers}
        assert answered.keys() == silent == {document.id for document in file.documents}


def test_no_question_and_no_paragraph_stands_twice(files):
    asked = Counter(question.text for file in files for question in file.questions)
    told = Counter(document.text for file in files for document in file.documents)
    assert asked.most_common(1)[0][1] == told.most_common(1)[0][1] == 1


def test_nearly_every_answer_stands_in_one_sentence(files):
    """One that runs over the end of a sentence teaches nothing about which sentence answers."""
    for file in files:
        sentences = {document.id: split_sentences(document.text) for document in file.documents}
        answers = [answer for question in file.questions for answer in question.answers]
        whole = sum(any(s <= start and end <= e for s, e in sentences[i]) for i, start, end in answers)
        assert whole / len(answers) > 0.99
