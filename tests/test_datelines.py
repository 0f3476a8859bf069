"""Dates that a text states on a line of their own, and dates in fields."""

from __future__ import annotations

import pytest

from index import make_document
from index.dates import find_dateline, parse_date
from index.language import stated_language


def dated(line, language="fr"):
    text = f"Un titre\n\n{line}\n\nLe texte suit."
    found = find_dateline(text, language=language)
    assert found is None or text[found.start : found.end] == line
    return found and found.date


@pytest.mark.parametrize(
    "line",
    [
        "mardi 4 octobre 2022",
        "Dakar, le 04/10/2022",
        "Publié le 4 octobre 2022 à 10h30",
        "Publié le mardi 4 octobre 2022",
        "Publié le 4 octobre 2022 à 10h30, mis à jour le 5 octobre 2022 à 8h",
        "Mis à jour le : 4 octobre 2022 - 10:30",
        "Le 4 octobre 2022",
        "Fait à Dakar, le 4 octobre 2022",
        "BAMAKO (AFP) – 4 octobre 2022",
        "Port-au-Prince, mar. 4 oct. 2022",
        "**Publié le 4 octobre 2022**",
        "4 October 2022",
        "October 4, 2022",
        "Posted on Tuesday, October 4th, 2022 at 10:30 am",
        "Last updated: 4 Oct. 2022, 10:30 GMT",
        "2022-10-04",
        "2022-10-04T10:30:00Z",
    ],
)
def test_a_line_that_is_nothing_but_a_date(line):
    assert dated(line) == "2022-10-04"


def test_a_dateline_may_state_a_month():
    assert dated("Dakar, octobre 2022") == "2022-10"


@pytest.mark.parametrize(
    "line",
    [
        "Le président a parlé le 4 octobre 2022",
        "Le 4 octobre 2022, le président a parlé.",
        "Né le 4 octobre 1960",
        "Réunion du 4 octobre 2022",
        "31/02/2022",
        "2022",
        "Le 4 octobre",
        "04/10/22",
    ],
)
def test_a_line_that_says_something_else_is_none(line):
    assert dated(line) is None


@pytest.mark.parametrize(
    ("line", "language", "date"),
    [
        ("04/10/2022", "fr", "2022-10-04"),
        ("04/10/2022", "de", "2022-10-04"),
        ("04/10/2022", "en", None),
        ("04.04.2022", "en", "2022-04-04"),
        ("25/10/2022", "en", "2022-10-25"),
        ("10/25/2022", "en", "2022-10-25"),
    ],
)
def test_figures_are_day_first_and_in_english_only_where_that_is_certain(line, language, date):
    assert dated(line, language) == date


@pytest.mark.parametrize(
    "text",
    [
        "Le président a parlé le\n4 octobre 2022\nà Bamako.",
        "Il est arrivé le\n4 octobre 2022\nLe texte.",
        "À Bamako,\n4 octobre 2022\nLe texte.",
        "Un.\n\nDeux.\n\nTrois.\n\nQuatre.\n\nCinq.\n\nSix.\n\n4 octobre 2022",
    ],
)
def test_a_date_in_running_text_or_far_below_is_never_the_document_s(text):
    assert make_document(text).date is None


def test_a_text_that_opens_with_its_date_is_not_named_by_it():
    document = make_document("mardi 4 octobre 2022\n\nLe Mali attend. Il pleut.")
    assert (document.title, document.date) == ("Le Mali attend.", "2022-10-04")
    assert make_document("mardi 4 octobre 2022").title == "mardi 4 octobre 2022"


def test_what_is_stated_comes_before_what_is_found():
    text = " date 2022-10 4 octobre 2021\n\nThe text of the report is in English and it is long."
    assert make_document(text).date == "2022-10"
    document = make_document(text, date="2020", language="fr", title="Oui")
    assert (document.date, document.language, document.title) == ("2020", "fr", "Oui")
    assert document.id != make_document(text).id


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2022", "2022"),
        ("2022-10", "2022-10"),
        ("20221004", "2022-10-04"),
        ("2022-10-04T23:30:00-05:00", "2022-10-04"),
        ("2022-10-04 10:00:00", "2022-10-04"),
        ("Tue, 4 Oct 2022 00:30:00 +0200 (CEST)", "2022-10-04"),
        ("04/10/2022", "2022-10-04"),
        ("4 octobre 2022", "2022-10-04"),
        ("2022-13", None),
        ("2022-00", None),
        ("2022-02-30", None),
        ("bientôt", None),
        ("", None),
    ],
)
def test_dates_in_fields(value, date):
    assert parse_date(value) == date


@pytest.mark.parametrize(
    ("tag", "code"),
    [("fr", "fr"), ("fr-FR", "fr"), ("EN_us", "en"), ("fra", None), ("xx", None), ("", None), (None, None)],
)
def test_languages_in_fields(tag, code):
    assert stated_language(tag) == code
