"""Stored answers: what comes back is what was said, or nothing."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.answer import Span
from qa.dates import find_period
from qa.restoring import Library, document_ids, restore_answer
from qa.spelling import Respelling
from tests.chat_app import (
    AGREEMENT,
    FERTILISER,
    FERTILISER_QUESTION,
    FOLLOW_UP,
    HOSTILE_QUESTION,
    TEXTS_BY_ID,
    UNKNOWN_QUESTION,
    FakeAnswerer,
)

FAKE = FakeAnswerer()
ANSWERED = FAKE.ask(FERTILISER_QUESTION)
FULL = replace(
    FAKE.ask(FOLLOW_UP, history=[ANSWERED]),
    citations=(replace(ANSWERED.citations[0], context=Span(0, 38, FERTILISER.text[:38])), *ANSWERED.citations[1:]),
)
ABSTAINED = FAKE.ask(UNKNOWN_QUESTION)
COPIED = replace(ABSTAINED, closest=(replace(ABSTAINED.closest[0], copies=(ABSTAINED.closest[1],)),))
ANSWERS = {
    "answered": ANSWERED,
    "full": FULL,
    "hostile": FAKE.ask(HOSTILE_QUESTION),
    "abstained": ABSTAINED,
    "copied": COPIED,
}


def stored(answer):
    return json.loads(json.dumps(answer.to_json()))


def restored(value, documents=TEXTS_BY_ID):
    return restore_answer(value, Library(documents))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_comes_back_as_it_was(name):
    answer = ANSWERS[name]
    assert restored(stored(answer)).to_json() == answer.to_json()


def test_the_documents_of_an_answer_are_named():
    assert document_ids(stored(ANSWERED)) == {FERTILISER.id, AGREEMENT.id}
    assert document_ids([stored(COPIED), None, {"document": 1}]) == {hit.document.id for hit in ABSTAINED.closest}


def test_a_document_that_went_or_changed_takes_the_answer_with_it():
    for gone in (FERTILISER, AGREEMENT):
        left = {id_: document for id_, document in TEXTS_BY_ID.items() if id_ != gone.id}
        changed = {**left, gone.id: replace(gone, text=gone.text + ".")}
        assert restored(stored(ANSWERED), left) is None
        assert restored(stored(ANSWERED), changed) is None


def test_a_title_is_the_documents_own():
    renamed = {**TEXTS_BY_ID, FERTILISER.id: replace(FERTILISER, title="Autre titre")}
    value = stored(ANSWERED)
    value["citations"][0]["document"]["title"] = "Titre forgé"
    assert restored(value, renamed).citations[0].document.title == "Autre titre"


@pytest.mark.parametrize(
    ("path", "forged"),
    [
        (("citations", 0, "quote"), "Vladimir Poutine a promis 90 000 tonnes d'engrais."),
        (("citations", 0, "start"), 0),
        (("citations", 0, "start"), -1),
        (("citations", 0, "end"), 10**9),
        (("citations", 0, "start"), True),
        (("citations", 0, "number"), 2),
        (("citations", 0, "span", "text"), "90 000 tonnes"),
        (("citations", 0, "passage", "text"), ""),
        (("citations", 0, "also_in", 0, "quote"), "La Russie ne fournira rien."),
        (("citations", 0, "document", "sha256"), "0" * 64),
        (("citations", 0, "document", "id"), "nowhere"),
        (("citations", 0, "document", "id"), ["engrais"]),
        (("citations",), []),
        (("citations",), {}),
        (("answered",), False),
        (("answered",), 1),
        (("confidence",), 7),
        (("confidence",), float("nan")),
        (("confidence",), "0.9"),
        (("question",), None),
        (("question",), "a" * 100_000),
        (("carried",), {"words": 1, "question": ""}),
        (("carried",), {"words": "", "question": "", "asks_for_more": 1}),
        (("respellings",), [{"start": 0, "typed": "nowhere", "read": "anything"}]),
        (("respellings",), [{"start": -5, "typed": "", "read": ""}]),
        (("respellings",), ["a word"]),
        (("period",), {"start": "2022-13-01", "end": "2022-10-31", "words": "", "relative_to": None}),
        (("period",), {"start": "2022-11-01", "end": "2022-10-31", "words": "", "relative_to": None}),
        (("timings_ms",), []),
    ],
)
def test_a_forged_answer_does_not_come_back(path, forged):
    value = stored(ANSWERED)
    *before, last = path
    place = value
    for step in before:
        place = place[step]
    place[last] = forged
    assert restored(value) is None


def test_a_quote_must_lie_in_its_passage():
    value = stored(ANSWERED)
    value["citations"][0]["passage"] = stored(ABSTAINED)["closest"][0]["passage"]
    assert restored(value) is None


@pytest.mark.parametrize("change", [{"start": -1}, {"text": "Rien."}, {"start": 0, "end": 9, "text": "La Russie"}, 1])
def test_a_nearest_sentence_must_be_one_of_its_passage(change):
    value = stored(ABSTAINED)
    one = value["closest"][0]
    one["nearest"] = {**one["nearest"], **change} if isinstance(change, dict) else change
    assert restored(value) is None


def test_an_answer_of_before_there_were_nearest_sentences_comes_back():
    value = stored(ABSTAINED)
    for one in value["closest"]:
        del one["nearest"]
    assert [hit.nearest for hit in restored(value).closest] == [None, None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*stored(FULL), "id"]), inner),
    max_leaves=8,
)


def places(value, path=()):
    """Every path into some JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


PLACES = {name: list(places(stored(answer)))[1:] for name, answer in ANSWERS.items()}


@given(data=st.data())
def test_nothing_put_anywhere_breaks_it_or_shows_what_no_document_says(data):
    name = data.draw(st.sampled_from(list(ANSWERS)))
    value = copy.deepcopy(stored(ANSWERS[name]))
    *before, last = data.draw(st.sampled_from(PLACES[name]))
    place = value
    for step in before:
        place = place[step]
    place[last] = data.draw(JSON)
    document_ids(value)
    answer = restored(value)
    if answer is not None:
        for citation in answer.citations:
            assert citation.document is TEXTS_BY_ID[citation.document.id]
            assert citation.document.text[citation.start : citation.end] == citation.quote
        json.dumps(answer.to_json(), allow_nan=False)


@given(JSON)
def test_garbage_is_no_answer(value):
    document_ids(value)
    assert restored(value) is None


def test_the_words_that_were_read_as_others_come_back():
    words = (Respelling(8, "tonness", "tonnes"), Respelling(16, "d", "de"))
    answer = replace(ANSWERED, question="Combien tonness d'engrais ?", respellings=words)
    assert restored(stored(answer)).respellings == words and answer.read_as == "Combien tonnes de'engrais ?"
    assert restored(stored(replace(answer, respellings=words[::-1]))) is None
    of_an_earlier_version = {name: value for name, value in stored(ANSWERED).items() if name != "respellings"}
    assert restored(of_an_earlier_version).respellings == ()


def test_a_period_counted_from_the_newest_document_comes_back():
    period = find_period("le mois dernier, combien de tonnes ?", lambda: "2022-10")
    assert restored(stored(replace(ANSWERED, period=period))).period == period
