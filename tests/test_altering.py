from __future__ import annotations

import random

import pytest

from qa.training.altering import altered, names_in


def ways(question: str, names: tuple[str, ...] = ()) -> set[str | None]:
    return {altered(question, names, random.Random(seed)) for seed in range(60)}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Où Marie Curie a-t-elle étudié ?", ["Marie Curie"]),
        ("Who commanded the army of the Duchy of Normandy in 1066?", ["Duchy of Normandy"]),
        ("Berlin liegt wo?", []),
        ("¿Cuándo llegó Núñez de Balboa a Panamá?", ["Núñez de Balboa", "Panamá"]),
        ("de quoi parle-t-on ?", []),
    ],
)
def test_names_are_runs_of_capitals_after_the_first_word(question, names):
    assert [question[start:end] for start, end in names_in(question)] == names


def test_another_name_takes_the_place_of_one_but_never_one_that_is_there():
    assert ways("Qui épousa Binta ?", ("Awa", "Binta")) == {"Qui épousa Awa ?"}
    assert ways("Qui épousa Binta ?", ("binta",)) == {None}


def test_a_year_becomes_another_one_nearby():
    years = {int(question[-5:-1]) for question in ways("Who reigned in 1998?")}
    assert len(years) > 5 and 1998 not in years and all(1958 <= year <= 2038 for year in years)


def test_a_small_number_becomes_another_one():
    numbers = {question.split()[1] for question in ways("Les 3 frères ?")}
    assert numbers and "3" not in numbers and all(number.isdecimal() for number in numbers)
    assert ways("Que vaut le 3,5 ?") == {None}


def test_words_become_their_opposites():
    assert ways("Quel fut son premier livre ?") == {
        "Quel fut son dernier livre ?",
        "Quel ne fut pas son premier livre ?",
    }
    assert ways("Who was his son?") == {"Who was his daughter?", "Who wasn't his son?"}
    assert ways("Before what did they come?") == {"After what did they come?", "Before what didn't they come?"}


def test_what_happened_is_asked_as_if_it_had_not():
    assert ways("Why was the gate painted?") == {"Why wasn't the gate painted?"}
    assert ways("Qui a écrit ce livre ?") == {"Qui n’a pas écrit ce livre ?"}
    # Neither a verb that is denied already, nor one with its pronoun behind it, nor an English article.
    assert ways("Pourquoi le chat n’a pas répondu ?") == ways("Quand a-t-il fui ?") == {None}
    assert ways("What makes a river flow?") == {None}
