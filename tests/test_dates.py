"""The time that a question names."""

from __future__ import annotations

import calendar
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import make_document
from qa.answer import SearchHit
from qa.answerer import is_of
from qa.dates import days_of, find_period
from tests.fakes import finding

FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


def found(question, newest="2023-08"):
    period = find_period(question, lambda: newest)
    return period and (period.start.isoformat(), period.end.isoformat(), period.words)


@pytest.mark.parametrize(
    ("question", "start", "end", "words"),
    [
        ("Que s’est-il passé en octobre 2022 ?", "2022-10-01", "2022-10-31", "en octobre 2022"),
        ("que s'est il passé en fevrier 2024", "2024-02-01", "2024-02-29", "en fevrier 2024"),
        ("What happened in October 2022?", "2022-10-01", "2022-10-31", "in October 2022"),
        ("Qui a parlé le 4 octobre 2022 ?", "2022-10-04", "2022-10-04", "le 4 octobre 2022"),
        ("Lancée le 1er août 2014 ?", "2014-08-01", "2014-08-01", "le 1er août 2014"),
        ("Who spoke on October 4th, 2022?", "2022-10-04", "2022-10-04", "on October 4th, 2022"),
        ("Who spoke on 4 October 2022?", "2022-10-04", "2022-10-04", "on 4 October 2022"),
        ("Appel du 04/10/2022", "2022-10-04", "2022-10-04", "04/10/2022"),
        ("The call of 10/25/2022", "2022-10-25", "2022-10-25", "10/25/2022"),
        ("Le 31 février 2022 ?", "2022-02-01", "2022-02-28", "février 2022"),
        ("engrais 2022-10", "2022-10-01", "2022-10-31", "2022-10"),
        ("engrais 2022-10-04", "2022-10-04", "2022-10-04", "2022-10-04"),
        ("Et en 2021 ?", "2021-01-01", "2021-12-31", "en 2021"),
        ("Combien de putschs fin 2022 ?", "2022-01-01", "2022-12-31", "fin 2022"),
        ("How many died in 2011 because of it?", "2011-01-01", "2011-12-31", "in 2011"),
        ("Who was hit by the 2022 floods?", "2022-01-01", "2022-12-31", "2022"),
        ("Qui a gagné le Tour de France 2023 ?", "2023-01-01", "2023-12-31", "2023"),
        ("Où était-ce à l’été 2023 ?", "2023-06-01", "2023-09-30", "à l’été 2023"),
        ("Les prix entre 2020 et 2022 ?", "2020-01-01", "2022-12-31", "entre 2020 et 2022"),
    ],
)
def test_a_time_named_in_full(question, start, end, words):
    assert found(question) == (start, end, words)
    assert find_period(question, lambda: pytest.fail("asked for the newest document")).relative_to is None


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("Qui a gagné l'an dernier ?", "2022-01-01", "2022-12-31"),
        ("Et l’année dernière ?", "2022-01-01", "2022-12-31"),
        ("Who won last year?", "2022-01-01", "2022-12-31"),
        ("Et cette année ?", "2023-01-01", "2023-12-31"),
        ("Et le mois dernier ?", "2023-07-01", "2023-07-31"),
        ("What happened last week?", "2023-08-21", "2023-08-27"),
        ("Qui est parti hier ?", "2023-08-30", "2023-08-30"),
        ("Qui gouvernait il y a deux ans ?", "2021-01-01", "2021-12-31"),
        ("What did it cost 8 months ago?", "2022-12-01", "2022-12-31"),
    ],
)
def test_a_time_that_counts_from_the_newest_document(question, start, end):
    assert found(question)[:2] == (start, end)
    assert find_period(question, lambda: "2023-08").relative_to == "2023-08"
    assert find_period(question, lambda: None) is None


@pytest.mark.parametrize(
    "question",
    [
        "Qui a promis 2022 tonnes ?",
        "Who lost 2000 soldiers in 2022 villages?",
        "Les 2022 soldats sont-ils partis ?",
        "The 2022 tonnes of wheat?",
        "Est-ce en 2.022 ou 2022,5 ?",
        "Depuis 2012 ?",
        "Were there more than 2000?",
        "Que s'est-il passé en octobre ?",
        "Le 4 octobre ?",
        "She may march on",
        "Le prix cette année-là ?",
        "in the last year of the war",
        "Wer ist hier und was macht er?",
        "Il y a deux camps ?",
        "",
    ],
)
def test_what_names_no_time(question):
    assert found(question) is None


@settings(deadline=None)
@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)))
def test_a_day_is_found_however_it_is_written(day):
    month = FRENCH[day.month - 1]
    for written in (f"le {day.day} {month} {day.year}", f"on {day:%B} {day.day}, {day.year}", day.isoformat()):
        period = find_period(f"Qui est venu {written} ?", lambda: None)
        assert (period.start, period.end) == (day, day)
    period = find_period(f"Et en {month} {day.year} ?", lambda: None)
    assert period.start <= day <= period.end
    assert (period.end - period.start).days + 1 == calendar.monthrange(day.year, day.month)[1]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_it_and_its_words_stand_in_the_question(question):
    period = find_period(question, lambda: "2023-08-31")
    assert period is None or (period.words in question and period.start <= period.end)


@pytest.mark.parametrize(
    ("date", "overlaps"),
    [("2022", True), ("2022-10", True), ("2022-10-31", True), ("2022-11", False), ("2021", False), (None, False)],
)
def test_a_document_s_date_overlaps_at_its_own_precision(date, overlaps):
    assert find_period("en octobre 2022", lambda: None).overlaps(date) is overlaps


@pytest.mark.parametrize("date", ["2022-13", "2022-02-30", "soon", "<i>2022</i>", "٢٠٢٢", "0000", ""])
def test_what_is_no_date_covers_no_days(date):
    assert days_of(date) is None


@pytest.mark.parametrize(
    ("text", "of_period"),
    [
        (" date 2022-10 Le Mali attend.", True),
        (" date 2022-11 Le Mali attend.", False),
        ("Le 4 octobre 2022, le Mali attend.", True),
        ("En mars 2022, le Mali attend.", False),
        ("Le Mali attend.", False),
    ],
)
def test_a_passage_is_of_its_document_s_date_or_of_one_that_it_names(text, of_period):
    assert is_of(finding(text).hit, find_period("en octobre 2022", lambda: None)) is of_period


def test_a_text_that_names_a_year_is_of_it():
    hit = SearchHit(finding("Elle date de 2021.").hit.passage, make_document("Elle date de 2021."), 1.0, 1)
    assert is_of(hit, find_period("en 2021 ?", lambda: None))
    assert is_of(hit, find_period("entre 2020 et 2022", lambda: None))
    assert not is_of(hit, find_period("en 2022 ?", lambda: None))
