"""The few numbers that are fitted on top of the joint model."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from qa.features import CONFIDENCE, RANKING, ReadSentence, SentenceFeatures
from qa.training.fitting import Case, fit, fit_confidence, fit_sentences
from tests.fakes import finding


def case(answers, right, *, other_subject=False, share=1.0):
    """Return a question whose sentences differ in what the joint model says of them, by chance otherwise."""
    rng = np.random.default_rng(abs(int(1000 * sum(answers))))
    names = {*RANKING, *CONFIDENCE} - {"answers"}
    columns = {"answers": np.array(answers), **{name: rng.random(len(answers)) for name in sorted(names)}}
    hit = finding("Un. Deux. Trois.").hit
    read = tuple(ReadSentence(hit, n, n + 1, n, None, 0.0, 0.0, 0.0, 0.0, 0.0) for n in range(len(answers)))
    return Case("a", SentenceFeatures(read, columns), np.array(right), not other_subject, other_subject, share)


def several():
    """Return questions whose answer the model is mostly surer of than of another subject's sentences."""
    rng = random.Random(5)
    answered = [case([rng.gauss(2, 1), rng.gauss(0, 1), rng.gauss(0, 1)], [True, False, False]) for _ in range(40)]
    return answered + [case([rng.gauss(-1, 1) for _ in range(3)], [False] * 3, other_subject=True) for _ in range(40)]


def test_what_tells_the_answer_weighs_most():
    cases = several()
    weights = fit(cases, false_answers=0.1)
    assert max(weights.sentence, key=weights.sentence.get) == "answers" and weights.sentence["answers"] > 0
    assert weights.confidence["answers"] > 0 and set(weights.confidence) == {*CONFIDENCE, "bias"}


@pytest.mark.parametrize("fitted", [fit_sentences, lambda cases: fit_confidence(cases, fit_sentences(cases))])
def test_a_question_in_sixteen_forms_counts_as_one(fitted):
    *others, one = [one for one in several() if not one.other_subject]
    wrong = replace(one, right=one.right[::-1])
    expected = fitted([*others, wrong])

    def distance(cases):
        found = fitted([*others, *cases])
        return sum(abs(found[name] - expected[name]) for name in expected)

    assert distance([replace(wrong, share=1 / 16)] * 16) < 0.3 * distance([wrong] * 16)


def test_the_threshold_lets_through_the_share_that_was_asked_for():
    cases = several()
    thresholds = [fit(cases, false_answers=share).threshold for share in (0.05, 0.2, 0.5)]
    assert thresholds == sorted(thresholds, reverse=True) and len(set(thresholds)) == 3
