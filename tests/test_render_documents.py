"""The HTML of the documents, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import chain

import pytest

from index import DocumentSummary, Filters, language
from ui.render.documents_html import (
    LONGEST_LIST,
    MOST_NAMED,
    asked_of_html,
    button_html,
    chips_html,
    form_html,
    language_in_words,
    list_html,
    outcome_html,
    problem_html,
    progress_html,
    removed_html,
)
from ui.texts import TEXTS
from ui.uploads import REASONS, Outcome, Refusal

FRENCH, ENGLISH = TEXTS["fr"], TEXTS["en"]
ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(2)> ${alert(3)} {filters} {title}'
DOCUMENT = DocumentSummary("a1", "Le riz", "/home/me/riz.txt", "2022-10", "fr", 12345)
HOSTILE = DocumentSummary(ATTACK, ATTACK, f"/home/me/{ATTACK}.txt", ATTACK, ATTACK, 1)


class Page(HTMLParser):
    """What a browser makes of HTML: the elements, their attributes, the text."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag, **wanted):
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted.items())]


@pytest.mark.parametrize("texts", [FRENCH, ENGLISH])
@pytest.mark.parametrize(
    "draw",
    [
        lambda texts: list_html([HOSTILE], 1, texts, problem=ATTACK),
        lambda texts: list_html([HOSTILE], 1, texts),
        lambda texts: form_html([ATTACK], texts, key=ATTACK, limit=5),
        lambda texts: outcome_html(Outcome((HOSTILE,), (ATTACK,), (Refusal(ATTACK, ATTACK),)), texts),
        lambda texts: removed_html([HOSTILE], texts),
        lambda texts: problem_html(ATTACK),
        lambda texts: chips_html(Filters(sources=(ATTACK,)), 0, texts),
        lambda texts: asked_of_html(Filters(sources=(ATTACK,)), texts),
    ],
)
def test_whatever_is_shown_is_text(draw, texts):
    page = Page(draw(texts))
    assert not page.all("script") and not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_a_row_says_what_a_document_is_and_not_where():
    html = list_html([DOCUMENT], 7, FRENCH)
    page = Page(html)
    assert "octobre 2022 · français · riz.txt · 12\u202f345\u00a0caractères" in page.text
    assert "1 sur 7" in page.text and "/home" not in html
    assert {button["class"] for button in page.all("button", value="a1")} == {"only", "remove", "sure", "spare"}
    assert page.all("button", **{"aria-label": "Retirer (Le riz)"})


def test_without_the_right_to_remove_there_is_nothing_to_remove_with():
    page = Page(list_html([DOCUMENT], 1, FRENCH, can_remove=False))
    assert {button["class"] for button in page.all("button")} == {"only"}
    read_only = Page(form_html(["fr"], FRENCH))
    assert not read_only.all("input", type="file") and not read_only.all("button", **{"class": "add"})


def test_a_document_without_a_source_cannot_be_asked_alone():
    page = Page(list_html([DocumentSummary("a", "", "", None, None, 3)], 1, ENGLISH))
    assert not page.all("button", **{"class": "only"}) and "undated · 3\u00a0characters" in page.text


def test_long_lists_are_cut_and_counted():
    documents = [DOCUMENT] * (LONGEST_LIST + 1234)
    page = Page(list_html(documents, 5000, ENGLISH))
    assert len(page.all("bdi", **{"class": "title"})) == LONGEST_LIST
    assert "and 1,234 more" in page.text and "1,434 of 5,000" in page.text
    outcome = Page(outcome_html(Outcome(unchanged=("a.txt",) * (MOST_NAMED + 3)), ENGLISH))
    assert len(outcome.all("li")) == MOST_NAMED + 1 and "and 3 more" in outcome.text


def test_what_an_empty_list_says():
    assert ENGLISH.no_documents in Page(list_html([], 0, ENGLISH)).text
    assert ENGLISH.none_listed in Page(list_html([], 3, ENGLISH)).text


def test_each_filter_can_be_taken_away():
    filters = Filters(after="2022", before="2022-10-04", languages=("fr",), sources=("2022/*.pdf",))
    page = Page(chips_html(filters, 3, FRENCH))
    assert [button["value"] for button in page.all("button", **{"class": "chip"})] == [
        "after",
        "before",
        "language",
        "source",
    ]
    assert "Jusqu’à 4 octobre 2022" in page.text and "2022/*.pdf" in page.text
    assert FRENCH.no_document_passes not in page.text
    assert FRENCH.no_document_passes in Page(chips_html(filters, 0, FRENCH)).text
    assert chips_html(None, 3, FRENCH) == chips_html(Filters(), 3, FRENCH) == asked_of_html(None, FRENCH) == ""


def test_a_picked_document_is_called_by_its_file():
    said = asked_of_html(Filters(sources=("/home/me/a[[]1[*].txt",)), ENGLISH)
    assert Page(said).text == "With the filters: a[1*.txt"


@pytest.mark.parametrize("texts", [FRENCH, ENGLISH])
def test_every_reason_is_a_sentence(texts):
    assert set(texts.refusals) == set(REASONS)
    page = Page(outcome_html(Outcome(refused=tuple(Refusal("a", one) for one in REASONS)), texts, limit=5))
    assert "{" not in page.text and "5\u00a0M" in page.text


def test_progress_is_told_in_words():
    assert Page(progress_html(ENGLISH, is_waiting=True)).text == ENGLISH.waiting_for_others
    assert Page(progress_html(ENGLISH)).text == ENGLISH.reading_files
    (bar,) = Page(progress_html(FRENCH)).all("progress")
    assert bar["aria-label"] == FRENCH.reading_files and "value" not in bar


def test_the_button_is_named():
    (button,) = Page(button_html(ENGLISH)).all("button")
    assert button["aria-expanded"] == "false" and button["aria-controls"] == "documents"


def test_every_language_that_is_told_has_a_name():
    told = {"ja", *language._SCRIPTS.values(), *language._FURTHER, *chain.from_iterable(language._BY_WORDS.values())}
    for texts in TEXTS.values():
        names = {code: language_in_words(code, texts) for code in told}
        assert not [code for code, name in names.items() if name == code]
        assert len(set(names.values())) == len(told)
    assert language_in_words("eo", TEXTS["fr"]) == "eo"
