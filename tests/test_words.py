from __future__ import annotations

import json

import numpy as np
import pytest

from index.passages import with_title
from index.words import WordIndex, analyse

ENTRIES = [
    (0, "L’engrais russe arrive à Bamako", "fr"),
    (1, "Les engrais manquent, les engrais flambent", "fr"),
    (2, "Fertilisers are late", "en"),
    (3, "Удобрения опаздывают", "ru"),
    (4, "xyz bamako", None),
    (5, "肥料の輸出が遅れている", "ja"),
]


def written(folder, entries):
    folder.mkdir(parents=True)
    WordIndex.write(folder, entries)
    return WordIndex.open(folder)


@pytest.fixture
def words(tmp_path):
    return written(tmp_path / "words", ENTRIES)


def test_french_elision_stemming_and_accents():
    assert analyse("L’ÉLÉPHANT d'aujourd'hui qu’il voyait", "fr") == ["eleph", "aujourd", "hui", "voi"]
    assert analyse("elephants", "fr") == analyse("Éléphant", "fr")


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("Séisme au Maroc", "La terre a tremblé.", "Séisme au Maroc. La terre a tremblé."),
        ("", "La terre a tremblé.", "La terre a tremblé."),
        ("x" * 999, "La terre a tremblé.", "x" * 200 + ". La terre a tremblé."),
        ("La terre a tremblé.", "La terre a tremblé. Il pleut.", "La terre a tremblé. Il pleut."),
        ("La terre : enfin…", "La\u00a0terre\u00a0: enfin\nun peu.", "La\u00a0terre\u00a0: enfin\nun peu."),
        ("La terre a-t-elle tremblé ?", "Il pleut.", "La terre a-t-elle tremblé ? Il pleut."),
    ],
)
def test_a_title_is_put_before_what_does_not_hold_it(title, text, expected):
    assert with_title(text, title) == expected


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
        ("肥料はいつ届く", [5]),
    ],
)
def test_finds(words, question, rows):
    found, scores = words.search(question, 10)
    assert found.tolist() == rows
    assert sorted(scores, reverse=True) == scores.tolist()


def test_k_bounds_the_result(words):
    assert words.search("engrais bamako", 1)[0].tolist() == [0]


def test_equal_scores_are_in_the_order_of_the_numbers(tmp_path):
    words = written(tmp_path / "words", [(number, "même texte", "fr") for number in range(20)])
    assert words.search("texte", 20)[0].tolist() == list(range(20))


@pytest.mark.parametrize(
    ("allowed", "numbers"), [([], []), ([4], [4]), ([0, 1, 4], [0, 1, 4]), ([1, 2, 3, 5], [1]), ([2], [])]
)
@pytest.mark.parametrize("few", [0.0, 1.0])
def test_only_the_allowed_are_found_with_the_scores_they_have_among_all(words, monkeypatch, allowed, numbers, few):
    monkeypatch.setattr("index.words._FEW", few)
    everything = dict(zip(*(both.tolist() for both in words.search("l'engrais de bamako", 10)), strict=True))
    found, scores = words.search("l'engrais de bamako", 10, np.array(allowed, dtype=np.int64))
    assert found.tolist() == numbers
    assert scores.tolist() == pytest.approx([everything[number] for number in numbers])


def test_an_extended_index_leaves_the_one_before_as_it_was(tmp_path, words):
    before = {path.name: path.read_bytes() for path in (tmp_path / "words").iterdir()}
    (tmp_path / "more").mkdir()
    WordIndex.extend(tmp_path / "words", tmp_path / "more", [(9, "Encore des engrais", "fr")], [0, 5])
    more = WordIndex.open(tmp_path / "more")
    assert more.search("engrais", 10)[0].tolist() == [1, 9]
    assert more.search("肥料", 10)[0].tolist() == [] and len(more) == 5
    assert words.search("engrais", 10)[0].tolist() == [1, 0]
    assert {path.name: path.read_bytes() for path in (tmp_path / "words").iterdir()} == before
    # Bamako is in two of five now, and was in two of six.
    assert more.question_terms("Bamako", "fr")["bamako"] < words.question_terms("Bamako", "fr")["bamako"]


def test_a_word_of_all_passages_is_found_also_after_some_are_gone(tmp_path):
    written(tmp_path / "words", [(number, "même texte", "fr") for number in range(20)])
    (tmp_path / "fewer").mkdir()
    WordIndex.extend(tmp_path / "words", tmp_path / "fewer", [], list(range(15)))
    assert WordIndex.open(tmp_path / "fewer").search("texte", 20)[0].tolist() == [15, 16, 17, 18, 19]


def test_question_terms_weigh_rare_words_more(words):
    terms = words.question_terms("Les engrais à Tombouctou", "fr")
    assert set(terms) == {"engrais", "tombouctou"}
    # ln(1 + (6 - 2 + .5) / (2 + .5)) and ln(1 + (6 + .5) / .5)
    assert terms["engrais"] == pytest.approx(1.0296, abs=1e-4)
    assert terms["tombouctou"] == pytest.approx(2.6391, abs=1e-4)


def test_a_question_is_looked_up_in_the_languages_there_are(tmp_path, words):
    used = tmp_path / "words" / "fields.json"
    assert json.loads(used.read_text()) == ["en", "fr", "ru", "pairs", "other"]
    (tmp_path / "more").mkdir()
    WordIndex.extend(tmp_path / "words", tmp_path / "more", [(6, "Der Dünger kommt an", "de")], [2])
    more = WordIndex.open(tmp_path / "more")
    assert more.search("düngers", 9)[0].tolist() == [6] and more.search("engrais", 9)[0].tolist() == [1, 0]
    assert json.loads((tmp_path / "more" / "fields.json").read_text()) == ["de", "en", "fr", "ru", "pairs", "other"]
    # As an earlier version wrote it.
    (tmp_path / "more" / "fields.json").unlink()
    assert WordIndex.open(tmp_path / "more").search("düngers", 9)[0].tolist() == [6]
