"""The chat's HTML, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from index.document import Document
from qa.answer import Repeat, Span
from qa.conversation import Carried
from qa.dates import find_period
from qa.spelling import Respelling
from tests.chat_app import (
    AGREEMENT,
    DOCUMENTS,
    FERTILISER,
    FERTILISER_QUESTION,
    FOLLOW_UP,
    HOSTILE,
    HOSTILE_QUESTION,
    UNKNOWN_QUESTION,
    FakeAnswerer,
)
from ui.conversation import Turn
from ui.guard import is_closed
from ui.render import clipboard, document_html, elements, message_html, panel_html, plain, turn_html, words
from ui.texts import TEXTS, Texts, preferred_language, texts_around

FRENCH, ENGLISH = TEXTS["fr"], TEXTS["en"]
FERTILISER_ANSWER = FakeAnswerer().ask(FERTILISER_QUESTION)
HOSTILE_ANSWER = FakeAnswerer().ask(HOSTILE_QUESTION)
FOLLOW_UP_ANSWER = FakeAnswerer().ask(FOLLOW_UP, history=[FERTILISER_ANSWER])
ABSTENTION = FakeAnswerer().ask(UNKNOWN_QUESTION)


class _Page(HTMLParser):
    """What a browser makes of some HTML: its elements, and the text inside chosen ones."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[int] = []
        self._texts: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open, "an element is left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._texts.append("")
        if tag not in ("br", "img"):
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self._texts[place] += data

    def texts(self, tag: str, css_class: str = "") -> list[str]:
        return [text for text, _ in self._found(tag, css_class)]

    def attributes(self, tag: str, css_class: str = "") -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self._found(tag, css_class)]

    def _found(self, tag: str, css_class: str) -> list[tuple[str, dict[str, str | None]]]:
        return [
            (text, attributes)
            for (name, attributes), text in zip(self.elements, self._texts, strict=True)
            if name == tag and (not css_class or css_class in (attributes.get("class") or "").split())
        ]


def all_html() -> dict[str, str]:
    """Everything the chat can draw, from the hostile document and a hostile question."""
    period = replace(FOLLOW_UP_ANSWER.period, words=HOSTILE.text, relative_to=HOSTILE.date)
    carried = Carried("<b>bold</b> " + HOSTILE.text, HOSTILE.text)
    respellings = (Respelling(0, "<b>bold</b> " + HOSTILE.text, "bold"),)
    answer = replace(HOSTILE_ANSWER, question=HOSTILE.text, respellings=respellings, carried=carried, period=period)
    start = HOSTILE.text.index("Indented")
    nearest = Span(start, len(HOSTILE.text), HOSTILE.text[start:])
    hits = [replace(hit, document=HOSTILE, nearest=nearest) for hit in ABSTENTION.closest]
    closest = replace(ABSTENTION, closest=tuple(hits))
    return {
        "question": message_html.question_html(HOSTILE.text),
        "answer": message_html.answer_html(1, answer, FRENCH),
        "abstention": message_html.answer_html(1, closest, FRENCH),
        "more": message_html.answer_html(1, replace(answer, carried=replace(carried, asks_for_more=True)), FRENCH),
        "problem": message_html.problem_html(HOSTILE.text),
        "panel": panel_html.sources_panel_html(1, answer, 3, FRENCH),
        "closest panel": panel_html.sources_panel_html(1, closest, 1, FRENCH),
        "documents": panel_html.documents_panel_html(DOCUMENTS, FRENCH),
    }


OURS = {
    *("a", "article", "bdi", "blockquote", "br", "button", "div", "h2", "h3", "header", "li", "mark", "ol", "p"),
    *("section", "span", "strong", "time", "ul"),
}


@pytest.mark.parametrize("name", all_html())
def test_hostile_text_adds_no_element_and_no_attribute(name: str) -> None:
    page = _Page(all_html()[name])
    assert {tag for tag, _ in page.elements} <= OURS
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "style", "action")]
        address = attributes.get("href") or "#"
        assert re.fullmatch(r"#(cite-\d+-\d+|alone-\d+)?|https?://.+", address), address


@pytest.mark.parametrize("name", ["question", "answer", "abstention", "problem"])
def test_a_message_has_no_character_that_gradio_would_change(name: str) -> None:
    assert not set("\n\r\t") & set(all_html()[name])


def test_a_question_is_shown_as_it_was_typed() -> None:
    assert _Page(message_html.question_html(HOSTILE.text)).texts("bdi") == [HOSTILE.text]


@pytest.mark.parametrize("answer", [FERTILISER_ANSWER, HOSTILE_ANSWER], ids=["plain", "hostile"])
def test_each_sentence_is_its_quote_then_its_number(answer: object) -> None:
    sentences = _Page(message_html.answer_html(7, answer, ENGLISH)).texts("p", "sentence")
    assert sentences == [f"{c.quote}\xa0Source {c.number}" for c in answer.citations]


def test_the_number_links_to_the_turn_and_the_citation() -> None:
    links = _Page(message_html.answer_html(7, FERTILISER_ANSWER, FRENCH)).attributes("a", "cite")
    assert [link["href"] for link in links] == ["#cite-7-1", "#cite-7-2", "#cite-7-3"]
    assert links[1]["title"] == f"{AGREEMENT.title}, page\xa02"


@pytest.mark.parametrize("answer", [FERTILISER_ANSWER, HOSTILE_ANSWER], ids=["plain", "hostile"])
@pytest.mark.parametrize("active", [1, 2, 3])
def test_the_open_card_shows_the_passage_verbatim_and_lights_the_quote(answer: object, active: int) -> None:
    panel = panel_html.sources_panel_html(1, answer, active, FRENCH)
    page = _Page(panel)
    open_card = _Page(re.search(r'<article class="card open.*?</article>', panel)[0])
    citation = answer.citations[active - 1]
    assert open_card.texts("blockquote")[0] == citation.passage.text
    assert open_card.texts("mark") == [citation.quote]
    assert page.texts("mark") == [c.quote for c in answer.citations]
    assert [a["data-number"] for a in page.attributes("button", "toggle") if a["aria-expanded"] == "true"] == [
        str(active)
    ]


def test_offsets_count_code_points_beyond_the_basic_plane() -> None:
    citation = FERTILISER_ANSWER.citations[1]
    text = "🌍🌍 " + AGREEMENT.text
    document = replace(AGREEMENT, text=text)
    passage = replace(citation.passage, start=0, end=len(text), text=text)
    moved = replace(
        citation,
        document=document,
        passage=passage,
        start=citation.start + 3,
        end=citation.end + 3,
        span=replace(citation.span, start=citation.span.start + 3, end=citation.span.end + 3),
    )
    page = _Page(panel_html.sources_panel_html(1, replace(FERTILISER_ANSWER, citations=(moved,)), 2, FRENCH))
    assert page.texts("mark") == [citation.quote]
    assert page.texts("strong") == ["sans droits de douane."]
    assert page.texts("blockquote") == [text]


def test_the_span_is_bold_even_across_the_last_word() -> None:
    page = _Page(message_html.answer_html(1, FERTILISER_ANSWER, FRENCH))
    first, second = FERTILISER_ANSWER.citations[:2]
    assert page.texts("strong") == [first.span.text, "sans droits de ", "douane."]
    assert second.span.text == "sans droits de douane."


def test_a_quote_without_span_has_nothing_bold() -> None:
    citation = FERTILISER_ANSWER.citations[2]
    assert "<strong>" not in message_html.answer_html(1, replace(FERTILISER_ANSWER, citations=(citation,)), FRENCH)


def test_also_in_names_the_other_documents_and_quotes_them_in_the_panel() -> None:
    message = _Page(message_html.answer_html(1, FERTILISER_ANSWER, FRENCH))
    assert message.texts("p", "also-in") == [f"Aussi dans 1\xa0autre source\xa0: {AGREEMENT.title}"]
    repeat = _Page(panel_html.sources_panel_html(1, FERTILISER_ANSWER, 1, ENGLISH)).texts("div", "repeat")
    assert repeat == [f"Also in “{AGREEMENT.title}”:La Russie fournira au Mali 60 000 tonnes d'engrais."]


def test_what_stands_in_many_documents_is_counted_and_the_list_cut() -> None:
    quote = FERTILISER_ANSWER.citations[0].quote
    titles = ["Dépêche", "Dépêche", *(f"Journal {number}" for number in range(28))]
    documents = [Document(id=f"d{number}", text=quote, title=title) for number, title in enumerate(titles)]
    many = tuple(Repeat(quote, 0, len(quote), document) for document in documents)
    citation = replace(FERTILISER_ANSWER.citations[0], also_in=many)
    answer = replace(FERTILISER_ANSWER, citations=(citation,))
    shown = {
        texts: _Page(message_html.answer_html(1, answer, texts)).texts("p", "also-in") for texts in (FRENCH, ENGLISH)
    }
    assert shown[FRENCH] == ["Aussi dans 30\xa0autres sources\xa0: Dépêche, Journal 0, Journal 1, et 26 de plus"]
    assert shown[ENGLISH] == ["Also in 30\xa0other sources: Dépêche, Journal 0, Journal 1, and 26 more"]
    panel = _Page(panel_html.sources_panel_html(1, answer, 1, ENGLISH))
    assert len(panel.texts("div", "repeat")) == 10 and panel.texts("p", "more") == ["and 20 more"]


def test_an_abstention_says_so_and_offers_passages_that_are_not_answers() -> None:
    message = _Page(message_html.answer_html(2, ABSTENTION, FRENCH))
    assert message.texts("p", "not-said") == ["Les documents ne le disent pas."]
    assert _Page(message_html.answer_html(2, ABSTENTION, ENGLISH)).texts("p", "not-said") == [
        "The documents do not say."
    ]
    assert [link["href"] for link in message.attributes("a", "near")] == ["#cite-2-1", "#cite-2-2"]
    assert not message.texts("span", "confidence")
    panel = _Page(panel_html.sources_panel_html(2, ABSTENTION, 2, FRENCH))
    assert panel.texts("p", "badge") == ["Passage proche, pas une réponse"] * 2
    assert panel.texts("blockquote") == [hit.passage.text for hit in ABSTENTION.closest]
    nearest = ABSTENTION.closest[0].nearest
    assert message.texts("bdi", "nearest") == panel.texts("mark") == panel.texts("mark", "near") == [nearest.text]


def test_a_nearest_sentence_that_a_document_is_called_by_is_not_said_twice() -> None:
    hit = ABSTENTION.closest[0]
    called = replace(hit, document=replace(hit.document, title=hit.nearest.text))
    message = _Page(message_html.answer_html(2, replace(ABSTENTION, closest=(called,)), FRENCH))
    assert message.texts("bdi", "title") == [hit.nearest.text] and not message.texts("bdi", "nearest")


def test_thanks_are_not_told_that_the_documents_do_not_say_them() -> None:
    thanks = replace(ABSTENTION, question="Merci beaucoup !", closest=())
    message = _Page(message_html.answer_html(2, thanks, FRENCH))
    assert message.texts("p") == ["Posez une question\u00a0: les documents y répondent avec leurs propres phrases."]
    assert not message.texts("p", "not-said") and not message.texts("p", "hint")
    assert turn_html.tools_html(Turn(2, thanks.question, thanks), FRENCH) == ""
    assert FRENCH.ask_again in turn_html.tools_html(Turn(2, thanks.question, is_refused=True), FRENCH)
    assert "thumb up" in turn_html.tools_html(Turn(2, ABSTENTION.question, ABSTENTION), FRENCH)


def test_an_abstention_without_passages_offers_none() -> None:
    assert "closest" not in message_html.answer_html(1, replace(ABSTENTION, closest=()), FRENCH)


@pytest.mark.parametrize(
    ("confidence", "french", "english"),
    [
        (0.934, "Confiance élevée · 93\xa0%", "High confidence · 93%"),
        (0.7, "Confiance élevée · 70\xa0%", "High confidence · 70%"),
        (0.35, "Confiance moyenne · 35\xa0%", "Medium confidence · 35%"),
        (0.12, "Confiance faible · 12\xa0%", "Low confidence · 12%"),
    ],
)
def test_confidence_in_words(confidence: float, french: str, english: str) -> None:
    assert words.confidence_in_words(confidence, FRENCH) == french
    assert words.confidence_in_words(confidence, ENGLISH) == english


@pytest.mark.parametrize(
    ("date", "french", "english"),
    [
        ("2022", "2022", "2022"),
        ("2022-10", "octobre 2022", "October 2022"),
        ("2022-10-04", "4 octobre 2022", "4 October 2022"),
        ("2023-01-01", "1er janvier 2023", "1 January 2023"),
        ("2022-13", None, None),
        ("2022-02-30", None, None),
        ("2022-10-04T12:00", None, None),
        ("٢٠٢٢", None, None),
        ("soon", None, None),
    ],
)
def test_dates_of_any_precision_in_words(date: str, french: str | None, english: str | None) -> None:
    assert words.date_in_words(date, FRENCH) == french
    assert words.date_in_words(date, ENGLISH) == english


def test_the_list_of_documents_shows_dates_and_the_lack_of_one() -> None:
    page = _Page(panel_html.documents_panel_html([DOCUMENTS[0], replace(DOCUMENTS[0], date=None)], FRENCH))
    assert page.attributes("time") == [{"class": "date", "datetime": "2022-10"}]
    assert page.texts("span", "date") == ["non daté"]


def test_a_long_list_of_documents_is_cut_and_counted() -> None:
    documents = [replace(DOCUMENTS[0], id=f"d{number}", title=f"Title {number}") for number in range(73)]
    page = _Page(panel_html.documents_panel_html(documents, ENGLISH))
    assert len(page.texts("bdi", "title")) == 50
    assert page.texts("li", "more") == ["and 23 more"]
    assert page.texts("h3") == ["Indexed documents (73)"]


def test_a_title_is_clipped_and_a_quote_never() -> None:
    document = replace(FERTILISER, title="T" * 10_000, text="Q" * 10_000)
    citation = replace(
        FERTILISER_ANSWER.citations[0],
        document=document,
        quote=document.text,
        start=0,
        end=10_000,
        span=None,
        also_in=(),
        passage=replace(FERTILISER_ANSWER.citations[0].passage, start=0, end=10_000, text=document.text),
    )
    answer = replace(FERTILISER_ANSWER, citations=(citation,))
    page = _Page(panel_html.sources_panel_html(1, answer, 1, FRENCH))
    assert page.texts("bdi", "title") == ["T" * 159 + "…"]
    assert page.texts("mark") == [document.text]
    assert "T" * 160 not in message_html.answer_html(1, answer, FRENCH).partition('class="meta"')[0]


@pytest.mark.parametrize(
    ("document", "title"),
    [
        (Document(id="a1", text="", title="  ", source="/srv/notes/budget.txt"), "budget.txt"),
        (Document(id="a1", text="", source="C:\\notes\\budget.txt"), "budget.txt"),
        (Document(id="a1", text=""), "a1"),
    ],
)
def test_a_document_without_title_has_a_name(document: Document, title: str) -> None:
    assert words.title_of(document) == title


@pytest.mark.parametrize(
    "source",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JavaScript://example.org/%0aalert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "//example.org/a",
        "http:///no-host",
        "https://example.org/a\nb",
        "https://example.org/\u202egpj.exe",
        "http://[",
        "budget.txt",
        "",
    ],
)
def test_only_web_addresses_become_links(source: str) -> None:
    assert words.web_address(source) is None
    document = replace(FERTILISER, source=source)
    answer = replace(
        FERTILISER_ANSWER, citations=(replace(FERTILISER_ANSWER.citations[0], document=document, also_in=()),)
    )
    assert not _Page(panel_html.sources_panel_html(1, answer, 1, FRENCH)).texts("a")


def test_a_web_address_is_a_link_that_tells_nothing_to_the_other_side() -> None:
    page = _Page(panel_html.sources_panel_html(1, FERTILISER_ANSWER, 2, FRENCH))
    assert page.attributes("a", "origin") == [
        {
            "class": "origin",
            "href": f"{AGREEMENT.source}#:~:text=Les%20engrais%20circulent%20sans%20droits%20de%20douane.",
            "target": "_blank",
            "rel": "noopener noreferrer nofollow",
        }
    ]
    assert page.texts("a") == ["Ouvrir sur archives.example"]


def test_a_file_is_named_without_its_folders() -> None:
    panel = panel_html.sources_panel_html(1, FERTILISER_ANSWER, 1, FRENCH)
    assert _Page(panel).texts("span", "origin")[0] == "Fichier\xa0: engrais.txt"
    assert "secret-folder" not in panel


def test_the_copied_citation_is_verbatim_with_its_reference() -> None:
    citation = FERTILISER_ANSWER.citations[1]
    source = words.sources_of(FERTILISER_ANSWER)[1]
    drawn = _Page(panel_html.sources_panel_html(1, FERTILISER_ANSWER, 2, FRENCH)).attributes("button", "copy")
    # Each of the three sources is copied as text, Markdown and BibTeX.
    text, markdown, bibtex = (button["value"] for button in drawn[3:6])
    assert text == f"«\xa0{citation.quote}\xa0» ({AGREEMENT.title}, 22 juillet 2022, page\xa02, {AGREEMENT.source})"
    assert markdown == (
        f"> {citation.quote}\n>\n> [{AGREEMENT.title}](<{words.address_of(source)}>), 22 juillet 2022, page\xa02"
    )
    assert bibtex.splitlines() == [
        f"@misc{{sourcier-{AGREEMENT.sha256[:12]},",
        f"  title = {{{{{AGREEMENT.title}}}}},",
        "  year = {2022},",
        "  month = {7},",
        "  pages = {2},",
        f"  url = {{{words.address_of(source)}}},",
        f"  note = {{{citation.quote}}},",
        "}",
    ]


def test_markup_of_a_document_is_escaped_in_what_is_copied() -> None:
    source = words.sources_of(HOSTILE_ANSWER)[2]
    assert r"\*\*bold\*\* \[link\]" in clipboard.citation_as_markdown(source, FRENCH)
    assert "\n" not in clipboard.citation_as_markdown(source, FRENCH).splitlines()[-1]
    assert r"\$\$x\textasciicircum{}2\$\$" in clipboard.citation_as_bibtex(source)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "https://a.example/x",
            "https://a.example/x#:~:text=Vladimir%20Poutine%20a%20promis%2060,35%20000%20tonnes%20de%20carburant.",
        ),
        ("https://a.example/x.PDF#top", "https://a.example/x.PDF#page=1"),
        ("/home/a/x.pdf", None),
    ],
)
def test_an_address_leads_to_the_sentence_or_the_page(address: str, expected: str | None) -> None:
    citation = replace(FERTILISER_ANSWER.citations[0], document=replace(FERTILISER, source=address, pages=(0,)))
    answer = replace(FERTILISER_ANSWER, citations=(citation,))
    assert words.address_of(words.sources_of(answer)[0]) == expected


@pytest.mark.parametrize(
    ("source", "pages", "expected"),
    [
        ("/home/someone/a.PDF", (0,), ["original/a%2Fb#page=1"]),
        ("/home/someone/a.pdf", (), []),
        ("/home/someone/a.txt", (0,), []),
        ("https://example.org/a.pdf", (0,), ["https://example.org/a.pdf#page=1"]),
        ("javascript:window.attacked=1//a.pdf", (0,), ["original/a%2Fb#page=1"]),
    ],
)
def test_a_pdf_on_this_machine_opens_at_the_page(source: str, pages: tuple[int, ...], expected: list[str]) -> None:
    document = replace(FERTILISER, id="a/b", source=source, pages=pages)
    answer = replace(FERTILISER_ANSWER, citations=(replace(FERTILISER_ANSWER.citations[0], document=document),))
    page = _Page(panel_html.sources_panel_html(1, answer, 1, FRENCH))
    assert [link["href"] for link in page.attributes("a", "origin")] == expected


def test_a_whole_document_is_shown_verbatim_in_parts_with_its_sentence_lit_and_its_pages() -> None:
    text = "Début. " + "x" * document_html.PART + " La phrase citée. " + "y" * 50
    start = text.index("La phrase")
    document = Document(id="long", text=text, pages=(0, start))
    shown = []
    for part in range(2):
        page = _Page(document_html.document_html(document, FRENCH, part=part, lit=(start, start + 16)))
        shown += page.texts("blockquote")
        assert page.texts("mark") == (["La phrase citée."] if part else [])
        assert [span["title"] for span in page.attributes("span", "page-begins")] == [f"page\xa0{part + 1}"]
        assert [button["value"] for button in page.attributes("button", "part")] == [str(1 - part)] * 2
    assert "".join(shown) == text
    beyond = document_html.document_html(document, FRENCH, part=99)
    assert beyond == document_html.document_html(document, FRENCH, part=1)


def test_a_sentence_on_the_border_of_two_parts_is_lit_in_both() -> None:
    document = Document(id="long", text="z" * (document_html.PART + 10))
    lit = (document_html.PART - 5, document_html.PART + 5)
    drawn = [_Page(document_html.document_html(document, FRENCH, part=part, lit=lit)).texts("mark") for part in (0, 1)]
    assert drawn == [["zzzzz"], ["zzzzz"]]


def test_what_is_being_read_is_named_once_and_at_most_three() -> None:
    hits = [*ABSTENTION.closest, *ABSTENTION.closest]
    assert _Page(message_html.pending_html(hits, FRENCH)).texts("li") == [
        words.title_of(hit.document) for hit in ABSTENTION.closest
    ]


def test_the_copied_answer_has_numbered_quotes_then_references() -> None:
    copied = _Page(message_html.answer_html(1, FERTILISER_ANSWER, ENGLISH)).attributes("button", "copy")[0]["value"]
    first, second, third = FERTILISER_ANSWER.citations
    assert copied == (
        f"{first.quote} [1]\n{second.quote} [2]\n{third.quote} [3]\n\n"
        f"[1] {FERTILISER.title}, October 2022, engrais.txt\n"
        f"[2] {AGREEMENT.title}, 22 July 2022, page\xa02, {AGREEMENT.source}\n"
        f"[3] {FERTILISER.title}, October 2022, engrais.txt"
    )


def test_a_lone_surrogate_can_still_be_sent() -> None:
    assert elements.escape("a\ud800b") == "a?b"


def test_both_languages_fill_the_same_braces() -> None:
    for name in FRENCH.__slots__:
        french, english = getattr(FRENCH, name), getattr(ENGLISH, name)
        if isinstance(french, str):
            assert set(re.findall(r"{\w+}", french)) == set(re.findall(r"{\w+}", english)), name


def test_french_punctuation_never_begins_a_line() -> None:
    for name in FRENCH.__slots__:
        value = getattr(FRENCH, name)
        if isinstance(value, str):
            assert not re.search(r"(?<!\u202f)[?!;]", value), name
            assert not re.search(r"(?<!\u00a0)[:%»]|«(?!\u00a0)", value), name
            assert "'" not in value, name


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "fr"),
        ("", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB", "en"),
        ("fr;q=0.1, en;q=0.9", "en"),
        ("de-DE,de;q=0.9,fr;q=0.5,en;q=0.3", "fr"),
        ("de", "en"),
        ("en;q=0, fr;q=0.2", "fr"),
        ("en;q=nonsense,fr", "fr"),
    ],
)
def test_the_language_follows_the_browser(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        ("/gradio_api/file=https://example.org/a", True),
        ("/gradio_api/file=HTTP%3A//example.org", True),
        ("/gradio_api/file=%2568ttp://example.org", True),
        ("/gradio_api/proxy=https://x.hf.space/", True),
        ("/gradio_api/upload", True),
        ("/monitoring", True),
        ("/gradio_api/queue/join", False),
        ("/theme.css", False),
        ("/", False),
    ],
)
def test_the_guard_closes_what_the_chat_does_not_use(path: str, closed: bool) -> None:
    assert is_closed(path) is closed


def test_sources_are_counted_by_document():
    documents = {citation.document.id for citation in FERTILISER_ANSWER.citations}
    assert len(documents) < len(FERTILISER_ANSWER.citations)
    assert ENGLISH.many_sources.format(count=len(documents)) in message_html.answer_html(1, FERTILISER_ANSWER, ENGLISH)


def test_a_follow_up_says_what_it_took_over_and_links_to_itself_without_it() -> None:
    page = _Page(message_html.answer_html(2, FOLLOW_UP_ANSWER, ENGLISH))
    assert page.attributes("a", "alone") == [{"class": "alone", "href": "#alone-2"}]
    assert page.texts("a", "alone") == ["Without “tonnes engrais Russie livrera Mali”"]
    assert page.texts("p", "understood")[0].endswith(
        "Passages of that date first: September 2022. “le mois dernier” counts from the newest document (October 2022)."
    )
    assert "understood" not in message_html.answer_html(1, FERTILISER_ANSWER, ENGLISH)


@pytest.mark.parametrize(
    ("question", "french"),
    [
        ("en 2022 ?", "2022"),
        ("en octobre 2022 ?", "octobre 2022"),
        ("le 4 octobre 2022 ?", "4 octobre 2022"),
        ("entre 2020 et 2022 ?", "1er janvier 2020 – 31 décembre 2022"),
    ],
)
def test_a_period_in_words(question: str, french: str) -> None:
    assert words.period_in_words(find_period(question, lambda: None), FRENCH) == french


MORE = replace(ABSTENTION, question="Quoi d'autre ?", carried=Carried("tonnes", "Combien <de> tonnes ?", True))


def test_more_tells_what_it_is_more_of_and_has_no_question_to_ask_alone() -> None:
    for answer in (MORE, replace(FERTILISER_ANSWER, question=MORE.question, carried=MORE.carried)):
        page = _Page(message_html.answer_html(2, answer, FRENCH))
        assert page.texts("p", "understood") == ["Ce qu’il y a d’autre sur «\u00a0Combien <de> tonnes ?\u00a0»."]
        assert not page.attributes("a", "alone")


def test_where_there_is_no_more_it_says_so_and_offers_what_is_near() -> None:
    page = _Page(message_html.answer_html(2, MORE, FRENCH))
    assert page.texts("p", "not-said") == [FRENCH.no_more] and page.texts("p", "closest-label") == [FRENCH.read_on]
    assert not page.texts("p", "hint") and "more" not in turn_html.tools_html(Turn(1, MORE.question, MORE), FRENCH)
    printed = plain.printed_answer(MORE, as_json=False)
    assert f"{FRENCH.no_more} Confiance" in printed and f"\n\n{FRENCH.read_on}\n" in printed


@pytest.mark.parametrize(("question", "texts"), [("Que peux-tu faire ?", FRENCH), ("What can you do?", ENGLISH)])
def test_asked_about_itself_it_says_what_it_does(question: str, texts: Texts) -> None:
    answer = replace(ABSTENTION, question=question, closest=(), confidence=0.0)
    assert plain.printed_answer(answer, as_json=False) == texts.about
    page = _Page(message_html.answer_html(1, answer, texts))
    assert page.texts("p") == [texts.about]


def test_words_that_were_read_as_others_are_told_but_not_missing_accents() -> None:
    words_read = (Respelling(0, "presidnet", "président"), Respelling(20, "evenement", "événement"))
    told = "Lu «\u00a0président\u00a0» pour «\u00a0presidnet\u00a0». Un mot entre guillemets est laissé tel quel."
    assert words.respellings_as_text(words_read, FRENCH) == told
    assert words.respellings_as_text(words_read[1:], FRENCH) == ""
    answer = replace(ABSTENTION, question="Qui est le presidnet ?", respellings=words_read)
    assert plain.printed_answer(answer, as_json=False).startswith(f"{told}\n\n")
    assert f'<p class="understood">{told}</p>' in message_html.answer_html(1, answer, FRENCH)


def test_of_many_and_long_words_that_were_read_as_others_a_few_are_told_and_clipped() -> None:
    told = words.respellings_as_text([Respelling(0, "a" * 60, "b" * 60)] * 300, FRENCH)
    assert len(told) < 550 and "a" * 39 + "…" in told


@pytest.mark.parametrize(
    ("question", "before", "language"),
    [
        ("Qui a gagné la coupe ?", "", "fr"),
        ("Who won the cup?", "", "en"),
        ("¿Quién ganó la copa?", "", "en"),
        ("Mali 2022", "", "en"),
        ("Et en 2021 ?", "Qui a gagné la coupe ?", "fr"),
        ("And Mali?", "Qui a gagné la coupe ?", "en"),
        ("Peter Obi?", "Qui a gagné la coupe ?", "fr"),
    ],
)
def test_words_around_an_answer_are_in_the_question_s_language(question: str, before: str, language: str) -> None:
    answer = replace(ABSTENTION, question=question, carried=Carried("coupe", before) if before else None)
    assert texts_around(answer, ENGLISH).language == language


def test_the_sentence_before_is_drawn_apart_from_the_quote_and_escaped() -> None:
    (citation, *_) = HOSTILE_ANSWER.citations
    text = citation.document.text
    before = Span(0, citation.start, text[: citation.start])
    answer = replace(HOSTILE_ANSWER, citations=(replace(citation, context=before),))
    drawn = _Page(message_html.answer_html(1, answer, FRENCH))
    assert drawn.texts("bdi", "before") == [before.text]
    assert drawn.texts("bdi", "before") != _Page(message_html.answer_html(1, HOSTILE_ANSWER, FRENCH)).texts(
        "bdi", "before"
    )
