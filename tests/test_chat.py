"""The chat in a real browser, over the fixed answers of `chat_app`."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browsing import DESKTOP, ENGLISH, PHONE, App, Visit, start_app
from tests.chat_app import (
    AGREEMENT,
    EXAMPLES,
    FERTILISER,
    FERTILISER_QUESTION,
    FOLLOW_UP,
    HOSTILE,
    HOSTILE_QUESTION,
    UNKNOWN_QUESTION,
    FakeAnswerer,
)

pytestmark = pytest.mark.browser

SLOW_QUESTION = "Attends : combien d'engrais ?"
CITATIONS = FakeAnswerer().ask(FERTILISER_QUESTION).citations


def test_each_citation_lights_its_own_sentence(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    page = opened.page
    card = page.locator("#panel .card.open")
    for citation in (*CITATIONS, CITATIONS[0]):
        link = page.get_by_role("link", name=f"Source {citation.number}")
        link.click()
        expect(page.locator(f'#panel .panel[data-active="{citation.number}"]')).to_be_visible()
        assert card.locator("mark").evaluate("element => element.textContent") == citation.quote
        assert card.locator("blockquote").first.evaluate("e => e.textContent") == citation.passage.text
        expect(card.locator("mark")).to_be_in_viewport()
        expect(link).to_have_attribute("aria-current", "true")
        expect(page.locator("a.cite[aria-current]")).to_have_count(1)
    assert page.url.partition("#")[0] == app.url


def test_the_answer_shows_quotes_verbatim(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    page = opened.page
    assert _shown_quotes(page) == [citation.quote for citation in CITATIONS]
    expect(page.locator(".answer strong").first).to_have_text("60 000 tonnes d'engrais")
    expect(page.locator(".answer .also-in")).to_have_text(f"Aussi dans 1 autre source : {AGREEMENT.title}")
    expect(page.locator(".answer .confidence")).to_have_text("Confiance élevée · 93 %")
    expect(page.locator("#panel .card.open .where")).to_have_text("octobre 2022")
    expect(page.locator("#panel .card.open .origin")).to_have_text("Fichier : engrais.txt")


def _shown_quotes(page: Any) -> list[str]:
    join = "ps => ps.map(p => [...p.querySelectorAll('.quote')].map(q => q.textContent).join(''))"
    return page.locator("#chat .sentence").evaluate_all(join)


def test_an_older_answer_opens_again_and_a_second_click_counts(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    opened.ask(HOSTILE_QUESTION, 2)
    older = opened.page.locator("#chat .answer").first.locator("a.cite").nth(1)
    for sequence in (1, 2):
        older.click()
        expect(opened.page.locator(f'#panel .panel[data-sequence="{sequence}"]')).to_be_visible()
    expect(opened.page.locator("#panel .asked")).to_have_text(FERTILISER_QUESTION)


def test_of_many_clicks_the_last_one_counts(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    clicks = """async ([first, second, pause]) => {
        const links = document.querySelectorAll('#chat a.cite');
        for (const number of [first, second, first, second]) {
            links[number].click();
            await new Promise(done => setTimeout(done, pause));
        }
    }"""
    for pause in (0, 20, 40, 60, 80, 100):
        for first, second in ((0, 2), (2, 1)):
            opened.page.evaluate(clicks, [first, second, pause])
            expect(opened.page.locator(f'#panel .panel[data-active="{second + 1}"]')).to_be_visible()
            opened.page.wait_for_timeout(250)  # and it stays so
            expect(opened.page.locator(f'#panel .panel[data-active="{second + 1}"]')).to_be_visible()


def test_cards_of_the_panel_open_each_other(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    opened.page.locator("#panel .toggle").nth(2).click()
    expect(opened.page.locator("#panel .card.open mark")).to_have_text(CITATIONS[2].quote)
    expect(opened.page.locator("#panel .card.open")).to_have_count(1)


def test_the_whole_document_opens_at_the_sentence(visit: Callable[..., Visit]) -> None:
    page = visit(**DESKTOP).page
    Visit(page).ask(FERTILISER_QUESTION)
    page.locator("#panel .card.open .part").click()
    expect(page.locator("#panel .whole mark")).to_have_text(CITATIONS[0].quote)
    expect(page.locator("#panel .whole mark")).to_be_in_viewport()
    assert page.locator("#panel .whole blockquote").evaluate("it => it.textContent") == FERTILISER.text
    page.locator("#panel .back").click()
    expect(page.locator("#panel .panel[data-active='1'] .card.open mark")).to_be_visible()


def test_the_source_before_and_after_are_a_key_away(visit: Callable[..., Visit]) -> None:
    page = visit(**DESKTOP).page
    Visit(page).ask(FERTILISER_QUESTION)
    for key, active in (("ArrowUp", 1), ("ArrowDown", 2), ("ArrowDown", 3), ("ArrowDown", 3), ("ArrowUp", 2)):
        page.keyboard.press(f"Alt+{key}")
        expect(page.locator(f"#panel .panel[data-active='{active}'] .card.open mark")).to_be_visible()


def test_what_is_being_read_is_shown_before_the_answer(visit: Callable[..., Visit]) -> None:
    visited = visit(**DESKTOP)
    visited.send(SLOW_QUESTION)
    expect(visited.page.locator("#chat .reading li").first).to_have_text(FERTILISER.title)
    expect(visited.page.locator("#chat .answer")).to_have_count(1)
    expect(visited.page.locator("#chat .reading")).to_have_count(0)


def test_an_abstention_offers_passages_with_no_sentence_lit_as_an_answer(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(UNKNOWN_QUESTION)
    page = opened.page
    expect(page.locator(".answer .not-said")).to_have_text("Les documents ne le disent pas.")
    nearest = page.locator(".answer .closest .nearest").inner_text()
    expect(page.locator("#panel .card.open mark.near")).to_have_text(nearest)
    page.get_by_role("link", name="Passage 2").click()
    expect(page.locator("#panel .card.open blockquote")).to_have_text("The budget is not stated here.")
    expect(page.locator("#panel .card.open .badge")).to_have_text("Passage proche, pas une réponse")
    expect(page.locator("#panel .card.open mark")).to_have_count(0)
    expect(page.locator("#panel mark:not(.near)")).to_have_count(0)


def test_an_example_is_asked_by_a_click(visit: Callable[..., Visit]) -> None:
    opened = visit()
    expect(opened.page.locator("#chat .example")).to_have_count(len(EXAMPLES["fr"]))
    opened.page.locator("#chat .example").first.click()
    expect(opened.page.locator("#chat .question")).to_have_text(FERTILISER_QUESTION)
    expect(opened.page.locator("#chat a.cite")).to_have_count(3)


def test_two_visitors_never_see_each_other(visit: Callable[..., Visit]) -> None:
    first, second = visit(), visit()
    first.send(FERTILISER_QUESTION)
    second.send(HOSTILE_QUESTION)
    for opened, question in ((first, FERTILISER_QUESTION), (second, HOSTILE_QUESTION)):
        expect(opened.page.locator("#chat .answer")).to_have_count(1)
        expect(opened.page.locator("#chat .question")).to_have_text([question])
        expect(opened.page.locator("#panel .asked")).to_have_text(question)
    first.page.locator("a.cite").nth(1).click()
    expect(first.page.locator('#panel .panel[data-active="2"]')).to_be_visible()
    second.page.wait_for_timeout(300)
    expect(second.page.locator('#panel .panel[data-active="1"]')).to_be_visible()


def test_a_question_asked_while_another_waits_is_answered_too(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.send(SLOW_QUESTION)
    expect(opened.page.locator(".pending-answer")).to_have_text("Lecture des passages trouvés…")
    opened.send(UNKNOWN_QUESTION)
    opened.send(HOSTILE_QUESTION)
    expect(opened.page.locator("#chat .answer")).to_have_count(3)
    expect(opened.page.locator("#chat .question")).to_have_text([SLOW_QUESTION, UNKNOWN_QUESTION, HOSTILE_QUESTION])
    expect(opened.page.locator("#chat .answer").first.locator("a.cite")).to_have_count(3)
    expect(opened.page.locator(".pending-answer")).to_have_count(0)


def test_what_is_typed_before_the_server_has_the_question_is_kept(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.page.route("**/run/predict", lambda event: None)
    opened.send(FERTILISER_QUESTION)
    box = opened.page.locator("#box textarea")
    box.fill(UNKNOWN_QUESTION)
    opened.page.unroute("**/run/predict")  # which lets go on what was held
    expect(opened.page.locator("#chat .answer")).to_have_count(1)
    expect(opened.page.locator("#chat .question")).to_have_text([FERTILISER_QUESTION])
    expect(box).to_have_value(UNKNOWN_QUESTION)


def test_a_follow_up_asked_while_its_question_waits_follows_on_from_it(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.send(SLOW_QUESTION)
    opened.send(FOLLOW_UP)
    expect(opened.page.locator("#chat .answer")).to_have_count(2)
    expect(opened.page.locator("#chat .answer").nth(1).locator(".understood a.alone")).to_be_visible()
    opened.send(SLOW_QUESTION)
    opened.page.get_by_role("button", name="Nouvelle conversation").click()
    opened.send(FOLLOW_UP)
    expect(opened.page.locator("#chat .answer")).to_have_count(1)
    expect(opened.page.locator("#chat .understood a.alone")).to_have_count(0)


def test_a_cleared_conversation_does_not_come_back(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.send(SLOW_QUESTION)
    page = opened.page
    expect(page.locator(".pending-answer")).to_be_visible()
    page.get_by_role("button", name="Nouvelle conversation").click()
    expect(page.locator("#chat .question")).to_have_count(0)
    page.wait_for_timeout(1800)
    expect(page.locator("#chat .question")).to_have_count(0)
    expect(page.locator("#panel .documents li")).to_have_count(4)
    opened.ask(UNKNOWN_QUESTION)
    expect(page.locator("#chat .question")).to_have_text([UNKNOWN_QUESTION])


def test_a_hostile_document_stays_text(visit: Callable[..., Visit]) -> None:
    opened = visit(**ENGLISH)
    opened.ask(HOSTILE_QUESTION)
    page = opened.page
    citations = FakeAnswerer().ask(HOSTILE_QUESTION).citations
    assert _shown_quotes(page) == [citation.quote for citation in citations]
    for citation in citations:
        page.get_by_role("link", name=f"Source {citation.number}").click()
        expect(page.locator(f'#panel .panel[data-active="{citation.number}"]')).to_be_visible()
        shown = page.locator("#panel .card.open blockquote").evaluate("e => e.textContent")
        assert shown == citation.passage.text
        assert page.locator("#panel .card.open mark").evaluate("e => e.textContent") == citation.quote
    assert HOSTILE.text.endswith(citations[0].passage.text)
    strange = "img, script, iframe, b, i, svg, form, [onerror], [onmouseover]"
    assert page.locator(f"#panel :is({strange}), .answer :is({strange})").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


def test_a_hostile_question_stays_text(visit: Callable[..., Visit]) -> None:
    question = "<img src=x onerror=window.attacked=1> **b** ${window.attacked=2} {{x}} </p> C:\\users engrais"
    opened = visit()
    opened.ask(question)
    expect(opened.page.locator("#chat .question")).to_have_text(question)
    expect(opened.page.locator("#panel .asked")).to_have_text(question)
    assert opened.page.locator("#chat .message img, #panel img").count() == 0


def test_forged_events_are_refused(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    page = opened.page
    strange = (
        {"turn": 99, "number": 1, "sequence": 5},
        {"turn": 1, "number": 99, "sequence": 6},
        {"turn": "1", "number": [], "sequence": {}},
        None,
    )
    for forged in strange:
        page.locator("a.cite").first.click()
        expect(page.locator("#panel .card.open mark")).to_be_visible()
        # Gradio may drop an event that comes just when the one before it ends.
        page.wait_for_function(
            "forged => document.querySelector('#panel .hint') ?? void window.sourcier.trigger('cite', forged)",
            arg=forged,
            polling=500,
        )
        expect(page.locator("#panel .hint")).to_contain_text("Cette source n’est plus en mémoire.")


def test_errors_are_told_in_the_conversation(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    opened.send("boom")
    expect(opened.page.locator(".problem").first).to_contain_text("the question is too short")
    opened.send("crash")
    expect(opened.page.locator(".problem").nth(1)).to_contain_text("La recherche a échoué.")
    expect(opened.page.locator("body")).not_to_contain_text("a private detail")
    assert "a private detail" in app.log.read_text()
    opened.ask(FERTILISER_QUESTION)


def test_the_language_follows_the_browser_and_can_be_switched(visit: Callable[..., Visit]) -> None:
    opened = visit(**ENGLISH)
    page = opened.page
    expect(page.locator("#brand p")).to_have_text(re.compile("^Answers copied word for word"))
    expect(page.locator("#chat .example")).to_have_text([HOSTILE_QUESTION])
    opened.ask(FERTILISER_QUESTION)
    page.locator("a.cite").nth(1).click()
    expect(page.locator("#panel .card.open .where")).to_have_text("22 July 2022 · page 2")
    page.locator("#language label", has_text="FR").click()
    expect(page.locator("#brand p")).to_have_text(re.compile("^Des réponses copiées mot pour mot"))
    expect(page.locator("#panel .card.open .where")).to_have_text("22 juillet 2022 · page 2")
    expect(page.locator(".answer .confidence")).to_contain_text("Confiance élevée")
    expect(page.locator("#box textarea")).to_have_attribute("placeholder", "Posez une question…")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("button", name="Envoyer la question")).to_be_visible()


def test_an_answer_comes_in_the_language_of_its_question(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(UNKNOWN_QUESTION)
    opened.ask("What is the name of the moon?", 2)
    opened.ask("Mongolie ?", 3)
    said = ["Les documents ne le disent pas.", "The documents do not say.", "Les documents ne le disent pas."]
    expect(opened.page.locator(".answer .not-said")).to_have_text(said)
    opened.page.locator("#language label", has_text="EN").click()
    expect(opened.page.locator(".answer .not-said")).to_have_text([*said[:2], said[1]])
    assert [html.get_attribute("lang") for html in opened.page.locator(".answer").all()] == ["fr", "en", "en"]


def test_a_follow_up_says_what_it_took_over_and_is_asked_without_it(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    opened.ask(FOLLOW_UP, 2)
    page = opened.page
    second = page.locator("#chat .answer").nth(1)
    expect(second.locator("a.cite")).to_have_count(3)
    expect(second.locator(".understood")).to_contain_text("Suite de la question précédente.")
    expect(second.locator(".understood")).to_contain_text("compté depuis le document le plus récent (octobre 2022)")
    second.get_by_role("link", name="Sans « tonnes engrais Russie livrera Mali »").click()
    expect(second.locator(".not-said")).to_be_visible()
    expect(second.locator("a.alone")).to_have_count(0)
    expect(page.locator("#chat .question")).to_have_text([FERTILISER_QUESTION, FOLLOW_UP])
    expect(page.locator("#panel .asked")).to_have_text(FOLLOW_UP)
    assert "#alone" not in page.url
    opened.ask("pourquoi ?", 3)  # its turn before stands alone now, and has no subject to hand on
    expect(page.locator("#chat .answer").nth(2).locator(".not-said")).to_be_visible()


def test_forged_turns_are_not_asked_again(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    for forged in ({"turn": 1}, {"turn": 99}, {"turn": "1"}, None):
        opened.page.evaluate("forged => window.sourcier.trigger('alone', forged)", forged)
    opened.ask(UNKNOWN_QUESTION, 2)
    expect(opened.page.locator("#chat a.cite:not(.near)")).to_have_count(3)


def test_an_answer_comes_in_the_language_of_its_arrival(visit: Callable[..., Visit]) -> None:
    opened = visit()
    # In two languages, so that none is told.
    opened.send("Attends, wait : blé, engrais ?")
    opened.page.locator("#language label", has_text="EN").click()
    expect(opened.page.locator(".pending-answer")).to_have_text("Reading the passages found…")
    expect(opened.page.locator(".answer .confidence")).to_contain_text("High confidence")


def test_the_sheet_of_a_phone(visit: Callable[..., Visit]) -> None:
    opened = visit(**PHONE)
    page = opened.page
    expect(page.locator("#panel")).not_to_be_visible()
    opened.ask(FERTILISER_QUESTION)
    expect(page.locator("#panel")).not_to_be_visible()
    link = page.locator("a.cite").nth(1)
    link.tap()
    expect(page.locator("#panel .card.open mark")).to_be_in_viewport()
    expect(page.locator("#panel .card.open mark")).to_have_text(CITATIONS[1].quote)
    expect(page.locator("#panel .card.open .toggle")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert _is_on_top(page, "#panel .card.open mark"), "the shade covers the sheet"
    page.locator("#panel .close").tap()
    expect(page.locator("#panel")).not_to_be_visible()
    expect(link).to_be_focused()


def _is_on_top(page: Any, selector: str) -> bool:
    """Tell whether a tap in the middle of an element reaches it."""
    return page.locator(selector).evaluate(
        """element => {
            const box = element.getClientRects()[0];
            const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return element.contains(hit);
        }"""
    )


def test_a_tap_beside_the_sheet_closes_it(visit: Callable[..., Visit]) -> None:
    opened = visit(**PHONE)
    opened.ask(FERTILISER_QUESTION)
    opened.page.locator("a.cite").first.tap()
    expect(opened.page.locator("#panel .card.open .toggle")).to_be_focused()
    opened.page.touchscreen.tap(195, 40)
    expect(opened.page.locator("#panel")).not_to_be_visible()


def test_the_keyboard_alone_is_enough(visit: Callable[..., Visit]) -> None:
    opened = visit(**PHONE)
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    link = page.locator("a.cite").first
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel .card.open .toggle")).to_be_focused()
    for _ in range(12):  # the conversation behind the sheet cannot be reached
        page.keyboard.press("Tab")
        assert not page.evaluate("!!document.activeElement.closest('#left, #top')")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).not_to_be_visible()
    expect(link).to_be_focused()


def test_the_keyboard_moves_to_the_panel_on_a_wide_screen(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    opened.page.locator("a.cite").nth(2).focus()
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator("#panel .card.open .toggle")).to_be_focused()
    expect(opened.page.locator('#panel .panel[data-active="3"]')).to_be_visible()


def test_everything_has_a_name(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    expect(page.get_by_role("group", name="Exemples de questions")).to_be_visible()
    opened.ask(FERTILISER_QUESTION)
    expect(page.get_by_role("log", name="Conversation")).to_be_visible()
    expect(page.get_by_role("region", name="Sources")).to_be_visible()
    expect(page.get_by_role("textbox", name="Votre question", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="sourcier", level=1)).to_be_visible()
    unnamed = "buttons => buttons.filter(b => !(b.innerText.trim() || b.getAttribute('aria-label'))).length"
    assert page.locator("button:visible").evaluate_all(unnamed) == 0


def test_the_answer_and_the_citation_are_copied(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.ask(FERTILISER_QUESTION)
    page.get_by_role("button", name="Copier la réponse").click()
    expect(page.locator(".answer .copy")).to_have_text("Copié")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{CITATIONS[0].quote} [1]\n{CITATIONS[1].quote} [2]\n")
    assert copied.endswith(f"[3] {FERTILISER.title}, octobre 2022, engrais.txt")
    page.locator("#panel .card.open .copy >> nth=0").click()
    expect(page.locator("#panel .card.open .copy >> nth=0")).to_have_text("Copié")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"«\xa0{CITATIONS[0].quote}\xa0» ({FERTILISER.title}, octobre 2022, engrais.txt)"
    expect(page.locator(".answer .copy")).to_have_text("Copier la réponse")


def test_the_query_string_survives_a_citation(visit: Callable[..., Visit], app: App) -> None:
    opened = visit("?__theme=dark")
    opened.ask(FERTILISER_QUESTION)
    opened.page.locator("a.cite").nth(1).click()
    expect(opened.page.locator('#panel .panel[data-active="2"]')).to_be_visible()
    assert opened.page.url.partition("#")[0] == app.url + "?__theme=dark"


def test_the_public_endpoint_returns_the_answer_as_json(app: App) -> None:
    client = pytest.importorskip("gradio_client").Client(app.url, verbose=False)
    assert "/ask" in client.view_api(return_format="dict")["named_endpoints"]
    answer = client.predict(question=FERTILISER_QUESTION, api_name="/ask")
    assert answer == json.loads(json.dumps(FakeAnswerer().ask(FERTILISER_QUESTION).to_json()))
    with pytest.raises(Exception, match="the question is too short"):
        client.predict(question="boom", api_name="/ask")
    filtered = client.predict(question=FERTILISER_QUESTION, filters={"after": "2022"}, api_name="/ask")
    assert filtered["citations"] == answer["citations"]
    with pytest.raises(Exception, match="expected an object with some of: after"):
        client.predict(question=FERTILISER_QUESTION, filters={"since": "2022"}, api_name="/ask")


def test_responses_carry_the_policy_and_closed_routes_are_closed(app: App) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(app.url) as response:
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        direct.open(app.url + "gradio_api/file=https://example.org/a.png")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        direct.open(urllib.request.Request(app.url, headers={"Host": "attacker.example"}))


def test_a_busy_port_is_one_clear_line(app: App) -> None:
    from index.errors import InputError
    from ui.serving import Serving, launch_chat

    port = urlsplit(app.url).port
    with pytest.raises(InputError, match=rf"^port {port} is in use; choose another with --port$"):
        launch_chat(FakeAnswerer(), Serving(port))


def test_ctrl_c_ends_the_chat_quietly(tmp_path: Path) -> None:
    app = start_app(tmp_path)
    app.process.send_signal(signal.SIGINT)
    assert app.process.wait(15) == 0
    assert "Traceback" not in app.log.read_text()


def test_the_server_reached_no_other_machine(app: App) -> None:
    """Last in the file: by now the server has served every other test."""
    places = {line for line in app.connections.read_text().splitlines() if line}
    assert places, "the audit hook did not run"
    assert not [place for place in places if not re.search(r"127\.0\.0\.1|localhost|^b?'?/|^None$", place)]
    assert not [place for place in places if re.search(r"\b9\)$", place)], "the proxy was used"
