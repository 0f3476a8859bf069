from __future__ import annotations

import random

import pytest

from qa.training.restating import restated


def ways(question: str) -> set[str | None]:
    return {restated(question, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Quand l'armée a-t-elle quitté le Mali ?", "Par la suite l'armée a quitté le Mali."),
        ("Quand l'armée a-t-elle quitté le Mali ?", "Reste à savoir quand l'armée a quitté le Mali."),
        ("Où sont-ils partis en exil ?", "Quelque part sont partis en exil."),
        ("Qui a signé l'accord de paix ?", "Quelqu'un a signé l'accord de paix."),
        ("De quel pays vient le président ?", "D'un certain pays vient le président."),
        ("Dans quelles villes a-t-on voté ?", "Dans plusieurs villes on a voté."),
        ("Combien d'habitants compte la ville ?", "Beaucoup d'habitants compte la ville."),
        ("Quelle est la capitale du Niger ?", "Tous connaissent la capitale du Niger."),
        ("Que dit le porte-parole du roi ?", "Nul n'ignore ce que dit le porte-parole du roi."),
        ("Qu'est-ce qui a causé la panne ?", "La presse a raconté ce qui a causé la panne."),
        ("Qu'est-ce que le ministre a promis ?", "Tout le monde sait ce que le ministre a promis."),
        ("Qu'annonce le ministre des finances ?", "Tout le monde sait ce qu'annonce le ministre des finances."),
        ("Who signed the peace treaty?", "A woman signed the peace treaty."),
        ("When did the soldiers leave the town?", "At some point, the soldiers leave the town."),
        ("Who was the first president?", "Everybody knows the first president."),
        ("How many people lost their homes?", "A certain number of people lost their homes."),
        ("Which country sent the most soldiers?", "A certain country sent the most soldiers."),
        ("What did the minister promise?", "It is well known what did the minister promise."),
    ],
)
def test_a_question_is_said_as_a_statement(question, said):
    assert said in ways(question)


@pytest.mark.parametrize(
    "question",
    [
        "Wann hat die Armee das Land verlassen?",
        "Et en 2021 ?",
        "Le roi est-il mort de faim ?",
        "Did the king die of hunger?",
    ],
)
def test_what_cannot_be_said_is_left(question):
    assert ways(question) == {None}


def test_what_is_said_ends_as_a_sentence_and_asks_nothing():
    for sentence in ways("Pourquoi le pont a-t-il été fermé ? ") | ways("Why did the bridge close ?"):
        assert sentence[0].isupper() and sentence.endswith(".") and "?" not in sentence and " ." not in sentence
