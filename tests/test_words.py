from __future__ import annotations

import pytest

from index.words import WordIndex, analyse


@pytest.fixture
def words(tmp_path):
    return WordIndex.build(
        tmp_path,
        [
            ("L’engrais russe arrive à Bamako", "fr"),
            ("Les engrais manquent, les engrais flambent", "fr"),
            ("Fertilisers are late", "en"),
            ("Удобрения опаздывают", "ru"),
            ("xyz bamako", None),
        ],
    )


def test_french_elision_stemming_and_accents():
    assert analyse("L’ÉLÉPHANT d'aujourd'hui qu’il voyait", "fr") == ["eleph", "aujourd", "hui", "voi"]
    assert analyse("elephants", "fr") == analyse("Éléphant", "fr")


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("engrais ?", [1, 0]),
        ("l'engrais de bamako", [0, 1, 4]),
        ("fertiliser", [2]),
        ("удобрение", [3]),
        ("les de la", []),
        ('"engrais" AND (bamako', [0, 1, 4]),
        ("inconnu", []),
    ],
)
def test_finds(words, question, rows):
    found, scores = words.search(question, 10)
    assert found.tolist() == rows
    assert sorted(scores, reverse=True) == scores.tolist()


def test_k_bounds_the_result(words):
    assert words.search("engrais bamako", 1)[0].tolist() == [0]


def test_equal_scores_are_in_row_order(tmp_path):
    words = WordIndex.build(tmp_path, [("même texte", "fr")] * 20)
    assert words.search("texte", 20)[0].tolist() == list(range(20))


def test_an_index_opens_again(tmp_path, words):
    assert WordIndex.open(tmp_path).search("engrais", 10)[0].tolist() == [1, 0]


def test_question_terms_weigh_rare_words_more(words):
    terms = words.question_terms("Les engrais à Tombouctou", "fr")
    assert set(terms) == {"engrais", "tombouctou"}
    # ln(1 + (5 - 2 + .5) / (2 + .5)) and ln(1 + (5 + .5) / .5)
    assert terms["engrais"] == pytest.approx(0.8755, abs=1e-4)
    assert terms["tombouctou"] == pytest.approx(2.4849, abs=1e-4)
