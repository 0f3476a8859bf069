from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sentences import LONGEST, byte_length, split_sentences

ODD = "\r\n\n\t \u00a0\u202f«»?!:;.…’'\"-#*1aéZçÀ\u0301\u200d😀👩🏽中文ар،"
odd_text = st.text(alphabet=st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8", exclude_characters="\0")))


def sentences(text, **options):
    return [text[start:end] for start, end in split_sentences(text, **options)]


@given(odd_text)
def test_sentences_are_ordered_disjoint_trimmed_and_cover_all_letters_outside_headings(text):
    found = split_sentences(text)
    at = 0
    for start, end in found:
        assert at <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert byte_length(text[start:end]) <= LONGEST
        at = end
    if "#" not in text:
        covered = "".join(text[start:end] for start, end in found)
        assert "".join(covered.split()) == "".join(text.split())


@given(odd_text, odd_text)
def test_a_part_of_the_text_gives_offsets_into_the_whole(before, text):
    shifted = [(start - len(before), end - len(before)) for start, end in split_sentences(before + text, len(before))]
    assert shifted == split_sentences(text)


def test_french_abbreviations_do_not_end_a_sentence():
    assert sentences("M. Poutine a appelé Mme. Diallo, cf. p. 12. J.-C. Dupont et M. X. Petit sont là. Fin.") == [
        "M. Poutine a appelé Mme. Diallo, cf. p. 12.",
        "J.-C. Dupont et M. X. Petit sont là.",
        "Fin.",
    ]


def test_an_acronym_ends_a_sentence_only_before_a_word_that_opens_one():
    assert sentences("Né avant J.-C. Dupont. Mort en 44 av. J.-C. Il est seul.", language="fr") == [
        "Né avant J.-C. Dupont.",
        "Mort en 44 av. J.-C.",
        "Il est seul.",
    ]
    assert sentences("Le siège de l’O.N.U. António parle.", language="fr") == ["Le siège de l’O.N.U. António parle."]


def test_a_quotation_keeps_its_attribution():
    text = "« C’est gagnant\u202f! », a-t-il dit. Oui\u202f? Non."
    assert sentences(text, language="fr") == ["« C’est gagnant\u202f! », a-t-il dit.", "Oui\u202f?", "Non."]


def test_numbers_with_points_stay_whole():
    assert sentences("Quelque 300.000 tonnes, soit 1.5 million. Oui.") == [
        "Quelque 300.000 tonnes, soit 1.5 million.",
        "Oui.",
    ]


def test_headings_are_not_sentences_and_list_items_are_apart():
    assert sentences("# Titre\nUn. Deux.\n- trois\n- quatre\n\n## Fin ##\n") == ["Un.", "Deux.", "- trois", "- quatre"]


def test_a_wrapped_line_is_one_sentence_and_a_blank_line_parts():
    assert sentences("une phrase\r\nsur deux lignes\r\n\r\nune autre") == ["une phrase\r\nsur deux lignes", "une autre"]


@pytest.mark.parametrize("unit", ["mot ", "é", "e\u0301", "👩🏽\u200d🚀", "中", "а"])
def test_a_line_of_50000_characters_is_cut_without_loss(unit):
    text = (unit * 50_000)[:50_000]
    if unicodedata.combining(text[0]):
        text = text[1:]
    found = split_sentences(text)
    assert "".join(text[start:end] for start, end in found).replace(" ", "") == text.replace(" ", "")
    for start, end in found[1:]:
        assert not unicodedata.combining(text[start])
        assert text[start] not in "\u200d\ufe0f🏽" and text[start - 1] != "\u200d"
        assert byte_length(text[start:end]) <= LONGEST
