from __future__ import annotations

import pytest

from qa.copies import grouped
from qa.repeats import counterparts, repeats, tells_otherwise
from tests.fakes import finding

PROMISE = "La Russie promet 300.000 tonnes d’engrais aux pays d’Afrique qui en ont le plus grand besoin."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PROMISE, PROMISE.replace("promet", "a promis")),
        (PROMISE, PROMISE.replace("300.000", "300 000")),
        (PROMISE, PROMISE.replace("300.000", "300\u202f000")),
        ("Le chef de l’O.N.U. n’y croit guère, a-t-il dit.", "Le chef de l’ONU n’y croit guère, a-t-il dit."),
        (
            "Le président Vladimir Poutine a promis du blé à six pays d’Afrique.",
            "Le président Poutine a promis du blé à six pays d’Afrique.",
        ),
        (
            "Le Zimbabwe, la Somalie et la République centrafricaine recevront chacun 25.000 tonnes de grain.",
            "Le Zimbabwe, la Somalie et la Centrafrique recevront chacun 25.000 tonnes de grain.",
        ),
        ("Inflation reached 39.4 % in Accra last year.", "Inflation reached 39,4 % in Accra last year."),
    ],
)
def test_the_same_with_small_changes(one, other):
    one, other = finding(one), finding(other)
    assert repeats(one, other) and repeats(other, one)
    assert not tells_otherwise(one, other) and not tells_otherwise(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PROMISE, PROMISE.replace("300.000", "30.000")),
        (PROMISE, PROMISE.replace("300.000 tonnes", "300.000 à 350.000 tonnes")),
        (PROMISE, PROMISE.replace("Russie", "Chine")),
        (PROMISE, PROMISE.replace("promet", "ne promet pas")),
        ("Le prix du blé a gagné 2,5 % en une semaine.", "Le prix du blé a gagné 25 % en une semaine."),
        ("Le Niger a fermé sa frontière avec le Bénin jeudi.", "Le Nigeria a fermé sa frontière avec le Bénin jeudi."),
        ("Le sommet des chefs d’État se tient en juillet.", "Le sommet des chefs d’État se tient en août."),
        (
            "Quarante-neuf soldats ivoiriens sont retenus à Bamako depuis un mois.",
            "Quarante-six soldats ivoiriens sont retenus à Bamako depuis un mois.",
        ),
        ("Dakar attend des engrais avant les pluies.", "Bamako attend des engrais avant les pluies."),
        ("Die Bank hat den Vertrag verlängert.", "Die Bank hat den Vertrag nicht verlängert."),
    ],
)
def test_another_number_name_month_or_not_is_another_statement(one, other):
    one, other = finding(one), finding(other)
    assert tells_otherwise(one, other) and tells_otherwise(other, one)
    assert not repeats(one, other) and not repeats(other, one)


def test_what_shares_a_subject_is_neither():
    one, other = finding(PROMISE), finding("La Russie livre 300.000 tonnes de blé à l’Égypte, faute de navires.")
    assert not repeats(one, other) and not tells_otherwise(one, other)


def test_sentences_without_terms_are_the_same_only_word_for_word():
    assert repeats(finding("Il y est."), finding("Il y est."))
    assert not repeats(finding("Il y est."), finding("On en a."))


def test_the_counterpart_is_the_likest_sentence_of_a_copy():
    less_like = PROMISE.replace("engrais", "urée")
    texts = (f"{PROMISE} Le port attend.", f"{less_like} {PROMISE}", f"{PROMISE} {less_like}")
    hits = [finding(text).hit for text in texts]
    without = finding("Il pleut à Bamako.").hit
    asked = finding(PROMISE, score=0.7)
    found = list(counterparts(asked, grouped([asked.hit, *hits, without]).copies))
    assert [one.text for one in found] == [PROMISE] * 3
    assert [one.hit for one in found] == hits and {one.score for one in found} == {0.7}
