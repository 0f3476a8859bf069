from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.spans import tidied


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("un partenariat « gagnant-gagnant| », dit-il.", "un partenariat « gagnant-gagnant »"),
        ("le «\u00a0bon élève|\u00a0» de la classe", "le «\u00a0bon élève\u00a0»"),
        ("User Datagram Protocol (UDP|) is one.", "User Datagram Protocol (UDP)"),
        ('the "Blue Nile|" runs on', 'the "Blue Nile"'),
        ("(29,53| jours environ)", "29,53"),
        ("paléo-volcan »| constitué de tufs", "paléo-volcan"),
        ("en 2006,| puis", "en 2006"),
        (" : à Dakar | et à Thiès", "à Dakar"),
        ("« Faso »| aussi", "« Faso »"),
        ("\u3000在达喀尔\u2009|，1960年", "在达喀尔"),
        ("Rome (Roma| en italien)", "Rome (Roma"),
        ("au Togo.|", "au Togo."),
        (",| rien", ","),
        ("«| rien", "«"),
    ],
)
def test_what_is_shown_of_what_was_found(found, shown):
    text = found.replace("|", "")
    start, end = tidied(text, 0, found.index("|"), within=(0, len(text)))
    assert text[start:end] == shown


def test_nothing_is_taken_in_from_the_next_sentence():
    text = "Il dit « oui. » Puis il part."
    assert tidied(text, 7, 13, within=(0, 13)) == (9, 13)
    assert tidied(text, 7, 13, within=(0, 15)) == (7, 15)


@given(st.text(alphabet='ab «»“”()[]",;:\u00a0', min_size=1), st.data())
def test_a_part_of_the_sentence_comes_back_with_something_in_it(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    begin, stop = tidied(text, start, end, within=(0, len(text)))
    assert start <= begin < stop <= len(text)
    assert text[begin:stop].strip() or (begin, stop) == (start, end)
