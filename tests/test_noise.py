from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.noise import NOISES, hasty, keywords, mistyped, without_apostrophes

RNG = random.Random(1)


@pytest.mark.parametrize(
    ("noise", "question", "expected"),
    [
        (hasty, "Où est Bamako\u202f?", "où est bamako"),
        (NOISES["without accents"], "Où l’été a-t-il été tué ?", "Ou l’ete a-t-il ete tue ?"),
        (without_apostrophes, "Qu’est-ce que l'ONU a dit d' « hier » ?", "Quest-ce que lONU a dit d' « hier » ?"),
        (keywords, "Combien de tonnes d'engrais le Mali reçoit-il ?", "tonnes engrais Mali reçoit-il"),
        (keywords, "Où est-ce ?", "Où est-ce ?"),
    ],
)
def test_worked_examples(noise, question, expected):
    assert noise(question, RNG) == expected


def test_a_slip_of_the_finger_touches_one_word_or_two():
    question = "Combien de tonnes la Russie promet-elle ?"
    seen = {mistyped(question, random.Random(seed)) for seed in range(50)}
    assert len(seen) > 20
    for typed in seen:
        changed = [1 for one, other in zip(question.split(" "), typed.split(" "), strict=True) if one != other]
        assert len(changed) <= 2


@given(st.text(), st.integers())
def test_any_text_can_be_asked_badly(question, seed):
    for noise in NOISES.values():
        assert isinstance(noise(question, random.Random(seed)), str)
