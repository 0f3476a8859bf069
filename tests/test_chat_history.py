"""Conversations kept in a real browser, and what is done about a question or an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from qa.replay import read_answers
from tests.browsing import DESKTOP, ENGLISH, PHONE, App, Visit
from tests.chat_app import (
    FERTILISER_QUESTION,
    FOLLOW_UP,
    HOSTILE_QUESTION,
    UNKNOWN_QUESTION,
    FakeAnswerer,
)
from tests.test_chat_accessibility import SCREENS, complaints
from ui.feedback import FILE_NAME, LONGEST_COMMENT, read_log
from ui.texts import TEXTS

pytestmark = pytest.mark.browser

QUOTES = [citation.quote for citation in FakeAnswerer().ask(FERTILISER_QUESTION).citations]
HOSTILE_TITLE = "<img src=x onerror=window.attacked=1> **b** ${window.attacked=2} engrais"
SLOW_QUESTION = "Attends : combien d'engrais ?"


def asked(page: Any) -> list[str]:
    return page.locator("#chat .question").all_text_contents()


def expect_asked(page: Any, *questions: str) -> None:
    expect(page.locator("#chat .question")).to_have_text(list(questions))


def kept(page: Any) -> list[dict[str, Any]]:
    """The conversations in the browser's storage, newest first."""
    ours = "Object.keys(localStorage).filter(key => key.startsWith('sourcier-conversation-'))"
    found = page.evaluate(f"{ours}.map(key => localStorage[key])")
    return sorted(map(json.loads, found), key=lambda one: -one["changed"])


def expect_kept(page: Any, answers: int) -> None:
    """Wait until the newest conversation is stored with so many answers."""
    page.wait_for_function(
        """answers => Object.keys(localStorage).some(key => key.startsWith('sourcier-conversation-')
            && JSON.parse(localStorage[key]).turns.filter(turn => turn.answer).length === answers)""",
        arg=answers,
    )


def start_new(page: Any) -> None:
    page.locator("#clear").click()
    expect_asked(page)
    # The address changes a moment after the chat; going back before that would go too far.
    expect(page).not_to_have_url(re.compile("#c="))


def open_list(page: Any) -> Any:
    page.locator("#history-open").click()
    drawer = page.locator("#history-list")
    expect(drawer).to_be_visible()
    return drawer


def names(drawer: Any) -> Any:
    return drawer.locator(".name")


# --- Reload, addresses, back and forward ---


def test_a_reload_keeps_the_conversation(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    opened.ask(FOLLOW_UP, 2)
    expect_kept(page, 2)
    address = page.url
    assert "#c=" in address
    opened.reload()
    expect(page.locator("#chat .answer")).to_have_count(2)
    assert page.url == address
    expect_asked(page, FERTILISER_QUESTION, FOLLOW_UP)
    expect(page.locator("#chat .answer").nth(1).locator(".understood")).to_contain_text("Suite de la question")
    page.locator("#chat .answer").first.get_by_role("link", name="Source 2").click()
    expect(page.locator("#panel .card.open mark")).to_have_text(QUOTES[1])
    # It goes on from where it was, carrying over what was said.
    opened.ask("Et en 2021 ?", 3)
    expect(page.locator("#chat .answer").nth(2).locator(".understood")).to_contain_text("Suite de la question")
    expect_kept(page, 3)
    assert len(kept(page)) == 1


def test_back_and_forward_lead_through_the_conversations(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    first = page.url
    start_new(page)
    expect(page).not_to_have_url(first)
    opened.ask(UNKNOWN_QUESTION)
    expect(page).to_have_title(f"{UNKNOWN_QUESTION} – sourcier")
    second = page.url
    page.go_back()
    expect_asked(page, FERTILISER_QUESTION)
    expect(page.locator("#chat .answer .quote")).not_to_have_count(0)
    expect(page).to_have_title(f"{FERTILISER_QUESTION} – sourcier")
    assert page.url == first
    page.go_forward()
    expect_asked(page, UNKNOWN_QUESTION)
    assert page.url == second
    assert [one["turns"][0]["question"] for one in kept(page)] == [UNKNOWN_QUESTION, FERTILISER_QUESTION]


def test_an_address_that_leads_nowhere_opens_an_empty_chat(visit: Callable[..., Visit], app: App) -> None:
    for fragment in ("#c=0123456789abcdef", "#c=<script>", "#other"):
        page = visit(fragment).page
        expect(page).to_have_url(app.url)
        expect(page.locator("#chat .welcome")).to_be_visible()


def test_a_question_that_waited_at_a_reload_is_asked_again(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.send(SLOW_QUESTION)
    opened.send(f"{SLOW_QUESTION} Bis")
    page.wait_for_function("Object.values(localStorage).some(kept => kept.includes('Bis'))")
    opened.reload()
    expect_asked(page, SLOW_QUESTION, f"{SLOW_QUESTION} Bis")
    expect(page.locator("#chat .answer")).to_have_count(2)
    expect(page.locator("#chat .answer a.cite")).to_have_count(6)
    expect_kept(page, 2)


def test_news_that_got_lost_are_sent_again(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    expect_kept(page, 1)
    page.evaluate("() => { Object.assign(sourcierHistory.current, {numbers: [], turns: []}); }")
    opened.ask(UNKNOWN_QUESTION, 2)
    expect_kept(page, 2)
    page.evaluate("() => { sourcierHistory.sequence -= 1; delete sourcierHistory.current.turns[0].answer; }")
    opened.ask(HOSTILE_QUESTION, 3)
    expect_kept(page, 3)


def test_a_conversation_opens_though_the_first_word_of_it_got_lost(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(UNKNOWN_QUESTION)
    expect_kept(page, 1)
    start_new(page)
    page.evaluate(
        """() => {
            const {trigger} = sourcierHistory;
            sourcierHistory.trigger = () => { sourcierHistory.trigger = trigger; };
        }"""
    )
    page.go_back()
    expect_asked(page, UNKNOWN_QUESTION)


def test_an_answer_that_comes_late_stays_out_of_another_conversation(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(UNKNOWN_QUESTION)
    start_new(page)
    opened.send(SLOW_QUESTION)
    expect_kept(page, 0)
    page.go_back()
    expect_asked(page, UNKNOWN_QUESTION)
    page.go_forward()
    expect_asked(page, SLOW_QUESTION)
    expect(page.locator("#chat .answer a.cite")).to_have_count(3)
    expect_kept(page, 1)
    assert sorted(len(one["turns"]) for one in kept(page)) == [1, 1]


def test_two_visitors_keep_their_own(visit: Callable[..., Visit]) -> None:
    first, second = visit(), visit()
    first.ask(FERTILISER_QUESTION)
    second.ask(UNKNOWN_QUESTION)
    address = first.page.url
    for opened, question in ((first, FERTILISER_QUESTION), (second, UNKNOWN_QUESTION)):
        opened.reload()
        expect_asked(opened.page, question)
        expect(names(open_list(opened.page))).to_have_text([question])
    second.page.goto(address)
    second.reload()
    expect(second.page.locator("#chat .welcome")).to_be_visible()
    assert [one["turns"][0]["question"] for one in kept(second.page)] == [UNKNOWN_QUESTION]


def test_two_tabs_share_the_list_and_mix_nothing(visit: Callable[..., Visit], app: App) -> None:
    first = visit()
    first.ask(FERTILISER_QUESTION)
    drawer = open_list(first.page)
    other = Visit(first.page.context.new_page())
    other.page.goto(app.url)
    expect(other.page.locator("html[lang=fr] #panel .panel[data-language=fr]")).to_be_attached()
    other.ask(UNKNOWN_QUESTION)
    expect(names(drawer)).to_have_text([UNKNOWN_QUESTION, FERTILISER_QUESTION])
    expect_asked(first.page, FERTILISER_QUESTION)
    drawer.locator(".close").click()
    first.ask(HOSTILE_QUESTION, 2)
    expect_kept(first.page, 2)
    assert sorted(len(one["turns"]) for one in kept(other.page)) == [1, 2]
    expect_asked(other.page, UNKNOWN_QUESTION)


# --- What was kept is not trusted ---


def test_an_answer_that_no_document_holds_is_not_shown(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    expect_kept(page, 1)
    page.evaluate(
        """() => {
            const key = Object.keys(localStorage).find(key => key.startsWith('sourcier-conversation-'));
            localStorage[key] = localStorage[key].replaceAll('60 000', '90 000');
        }"""
    )
    before = kept(page)
    opened.reload()
    expect(page.locator("#chat .stale")).to_have_text(
        "Les documents ont changé depuis cette réponse. Reposez la question."
    )
    expect(page.locator("#chat")).not_to_contain_text("90 000")
    assert kept(page) == before
    page.evaluate("() => { sourcierHistory.sequence -= 1; }")  # as if news got lost: all of it is sent again
    opened.ask(UNKNOWN_QUESTION)
    expect_kept(page, 2)
    assert kept(page)[0]["turns"][0] == before[0]["turns"][0]
    page.get_by_role("button", name="Reposer la question").first.click()
    expect(page.locator("#chat .answer a.cite:not(.near)")).to_have_count(3)
    expect(page.locator("#chat")).to_contain_text("60 000")


def test_whatever_lies_in_the_storage_the_chat_works(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    expect_kept(page, 1)
    page.evaluate(
        """() => {
            const key = (n) => 'sourcier-conversation-' + String(n).padStart(16, '0');
            ['', 'null', '[]', '{', '{"id":"0000000000000005","turns":[{}]}',
             '{"id":"0000000000000006","turns":[{"question":""}],"created":1,"changed":9e99}',
             '{"id":"0000000000000007","turns":[{"question":"ici"}],"created":1,"changed":-9e99}',
             '{"id":"0000000000000008","turns":[{"question":"là","answer":{"citations":7}}],"created":1,"changed":2}',
            ].forEach((value, n) => { localStorage[key(n + 1)] = value; });
        }"""
    )
    opened.reload()
    expect(page.locator("#chat .answer")).to_have_count(1)
    drawer = open_list(page)
    drawer.locator(".name", has_text="là").click()
    expect(page.locator("#chat .stale")).to_be_visible()
    page.goto(app.url + "#c=0000000000000006")
    opened.reload()
    expect(page.locator("#chat .welcome")).to_be_visible()
    opened.ask(FERTILISER_QUESTION)


def test_a_browser_that_keeps_nothing_can_be_used(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }")
    opened.ask(FERTILISER_QUESTION)
    opened.ask(UNKNOWN_QUESTION, 2)
    expect(open_list(page).locator(".hint")).to_contain_text("Ce navigateur ne garde rien")


def test_what_finds_no_room_takes_nothing_else_away(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    expect_kept(page, 1)
    start_new(page)
    page.evaluate(
        """() => {
            const put = Storage.prototype.setItem;
            Storage.prototype.setItem = function (key, text) {
                if (text.includes('Mongolie')) throw new DOMException('', 'QuotaExceededError');
                put.call(this, key, text);
            };
        }"""
    )
    opened.ask(UNKNOWN_QUESTION)
    expect(page.locator("#history-said")).to_contain_text("cette conversation n’est pas gardée")
    drawer = open_list(page)
    expect(drawer.locator(".hint")).to_contain_text("Ce navigateur n’a plus de place")
    expect(names(drawer)).to_have_text([FERTILISER_QUESTION])


def test_the_oldest_conversations_make_room(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    page.evaluate(
        """() => { for (let n = 1; n <= 60; n++) {
            const id = String(n).padStart(16, '0');
            localStorage['sourcier-conversation-' + id] = JSON.stringify(
                {id, title: 'n' + n, created: n, changed: n, turns: [{question: 'q' + n, problem: ''}]});
        } }"""
    )
    opened.ask(FERTILISER_QUESTION)
    expect_kept(page, 1)
    titles = [one["title"] or one["turns"][0]["question"] for one in kept(page)]
    assert titles == [FERTILISER_QUESTION, *(f"n{n}" for n in range(60, 11, -1))]
    page.evaluate(
        """() => { localStorage.clear(); for (let n = 1; n <= 4; n++) {
            const id = String(n).padStart(16, '0');
            localStorage['sourcier-conversation-' + id] = JSON.stringify(
                {id, title: 'n' + n, created: n, changed: n, turns: [{question: 'q', problem: 'x'.repeat(1.1e6)}]});
        } }"""
    )
    opened.ask(UNKNOWN_QUESTION, 2)
    expect_kept(page, 2)
    assert [one["title"] for one in kept(page)] == ["", "n4", "n3", "n2"]


# --- The list ---


def test_the_list_opens_renames_and_marks(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    start_new(page)
    opened.ask(UNKNOWN_QUESTION)
    drawer = open_list(page)
    expect(names(drawer)).to_have_text([UNKNOWN_QUESTION, FERTILISER_QUESTION])
    expect(drawer.locator("[aria-current=true]")).to_have_text(UNKNOWN_QUESTION)
    row = drawer.locator("li").nth(1)
    row.get_by_role("button", name="Renommer").click()
    row.get_by_role("textbox", name="Nouveau titre").fill("Les engrais")
    page.keyboard.press("Enter")
    expect(names(drawer)).to_have_text([UNKNOWN_QUESTION, "Les engrais"])
    drawer.get_by_role("button", name="Les engrais").click()
    expect(drawer).not_to_be_visible()
    expect_asked(page, FERTILISER_QUESTION)
    expect(page).to_have_title("Les engrais – sourcier")
    opened.ask(FOLLOW_UP, 2)
    expect_kept(page, 2)
    page.go_back()
    expect_asked(page, UNKNOWN_QUESTION)
    opened.reload()
    expect(names(open_list(page))).to_have_text(["Les engrais", UNKNOWN_QUESTION])


def test_the_list_speaks_the_interfaces_language(visit: Callable[..., Visit]) -> None:
    opened = visit(**ENGLISH)
    opened.ask(FERTILISER_QUESTION)
    drawer = open_list(opened.page)
    expect(drawer).to_contain_text("Kept in this browser, and nowhere else.")
    drawer.locator(".close").click()
    opened.page.locator("#language label", has_text="FR").click()
    expect(opened.page.get_by_role("button", name="Modifier la question")).to_be_visible()
    drawer = open_list(opened.page)
    expect(drawer).to_contain_text("Gardées dans ce navigateur, et nulle part ailleurs.")
    expect(drawer.get_by_role("button", name="Supprimer")).to_be_visible()


def test_a_deletion_can_be_taken_back(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    start_new(page)
    opened.ask(UNKNOWN_QUESTION)
    drawer = open_list(page)
    drawer.locator("li").nth(1).get_by_role("button", name="Supprimer").click()
    expect(drawer.locator(".deleted")).to_contain_text(f"« {FERTILISER_QUESTION} » est supprimée.")
    expect(drawer.get_by_role("button", name="Rétablir")).to_be_focused()
    assert len(kept(page)) == 1
    page.keyboard.press("Enter")
    expect(names(drawer)).to_have_text([UNKNOWN_QUESTION, FERTILISER_QUESTION])
    assert len(kept(page)) == 2
    # The open one goes from the page too.
    drawer.locator("li").first.get_by_role("button", name="Supprimer").click()
    page.keyboard.press("Escape")
    expect_asked(page)
    opened.reload()
    expect(names(open_list(page))).to_have_text([FERTILISER_QUESTION])


def test_all_are_deleted_after_a_second_question(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    start_new(page)
    opened.ask(UNKNOWN_QUESTION)
    drawer = open_list(page)
    drawer.get_by_role("button", name="Tout supprimer").click()
    expect(drawer.get_by_role("button", name="Annuler")).to_be_focused()
    page.keyboard.press("Enter")
    assert len(kept(page)) == 2
    drawer.get_by_role("button", name="Tout supprimer").click()
    drawer.locator(".sure").get_by_role("button", name="Supprimer").click()
    expect(drawer.locator(".none")).to_have_text("Aucune conversation pour l’instant.")
    assert kept(page) == []
    expect_asked(page)


def test_both_files_are_saved(visit: Callable[..., Visit], tmp_path: Path) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    opened.ask(UNKNOWN_QUESTION, 2)
    expect_kept(page, 2)
    drawer = open_list(page)
    files = {}
    for name in ("Markdown", "JSON"):
        with page.expect_download() as download:
            drawer.get_by_role("button", name=f"Enregistrer en {name}").click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    name = "combien-de-tonnes-d-engrais-la-russie-livrera-t-elle-au-mali"
    assert [path.name for path in files.values()] == [f"{name}.md", f"{name}.json"]
    markdown = files["Markdown"].read_text(encoding="utf-8")
    assert markdown.startswith(f"# {FERTILISER_QUESTION}\n\n## {FERTILISER_QUESTION}\n\n> {QUOTES[0].splitlines()[0]}")
    assert "Les documents ne le disent pas." in markdown
    saved = json.loads(files["JSON"].read_text(encoding="utf-8"))
    assert [turn["question"] for turn in saved["turns"]] == [FERTILISER_QUESTION, UNKNOWN_QUESTION]
    answers = read_answers(files["JSON"])
    assert [citation["quote"] for citation in answers[0]["citations"]] == QUOTES


def test_hostile_words_stay_text_everywhere(visit: Callable[..., Visit], tmp_path: Path) -> None:
    opened = visit()
    page = opened.page
    opened.ask(HOSTILE_TITLE)
    opened.ask(HOSTILE_QUESTION, 2)
    expect(page).to_have_title(f"{HOSTILE_TITLE} – sourcier")
    expect_kept(page, 2)
    opened.reload()
    expect_asked(page, HOSTILE_TITLE, HOSTILE_QUESTION)
    drawer = open_list(page)
    expect(names(drawer)).to_have_text([HOSTILE_TITLE])
    drawer.get_by_role("button", name="Renommer").click()
    page.keyboard.type("<script>window.attacked=3</script>$&")
    page.keyboard.press("Enter")
    expect(names(drawer)).to_have_text(["<script>window.attacked=3</script>$&"])
    with page.expect_download() as download:
        drawer.get_by_role("button", name="Enregistrer en Markdown").click()
    assert download.value.suggested_filename == "script-window-attacked-3-script.md"
    download.value.save_as(tmp_path / "x.md")
    first = (tmp_path / "x.md").read_text(encoding="utf-8").splitlines()[0]
    assert first == r"# \<script\>window.attacked=3\</script\>$\&"
    drawer.get_by_role("button", name="Supprimer").click()
    expect(drawer.locator(".deleted bdi")).to_have_text("« <script>window.attacked=3</script>$& » est supprimée.")
    assert drawer.locator("img, script, b").count() == 0


# --- Asking again, editing ---


def test_what_else_there_is_can_be_asked_of_the_newest_quotes(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    more = page.get_by_role("button", name="Quoi d’autre")
    opened.ask(UNKNOWN_QUESTION)
    expect(more).to_have_count(0)
    opened.ask(FERTILISER_QUESTION, 2)
    more.click()
    expect(page.locator("#chat .answer")).to_have_count(3)
    expect_asked(page, UNKNOWN_QUESTION, FERTILISER_QUESTION, TEXTS["fr"].what_else)
    expect(page.locator("#chat .answer .understood")).to_have_text(
        TEXTS["fr"].more.format(question=FERTILISER_QUESTION)
    )
    expect(more).to_have_count(1)  # a hidden one has no role
    opened.ask(UNKNOWN_QUESTION, 4)
    expect(more).to_have_count(0)


def test_an_answer_is_asked_again_in_its_place(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(SLOW_QUESTION)
    opened.ask(UNKNOWN_QUESTION, 2)
    page.get_by_role("button", name="Reposer la question").first.click()
    expect(page.locator("#chat .answer")).to_have_count(1)
    expect(page.locator("#chat .answer")).to_have_count(2)
    expect_asked(page, SLOW_QUESTION, UNKNOWN_QUESTION)
    expect(page.locator("#chat .answer").first.locator("a.cite")).to_have_count(3)
    opened.send("boom")
    expect(page.locator(".problem")).to_be_visible()
    expect(page.get_by_role("button", name="Reposer la question")).to_have_count(3)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_pencil_stands_beside_its_question(visit: Callable[..., Visit], size: dict[str, Any]) -> None:
    opened = visit(**size)
    opened.ask("Qui ?")
    opened.ask("Combien de tonnes d'engrais " * 12 + "?", 2)
    for number in (0, 1):
        question = opened.page.locator("#chat .question").nth(number).bounding_box()
        pencil = opened.page.locator("#chat .edit").nth(number).bounding_box()
        assert question and pencil and pencil["x"] >= question["x"] + question["width"]
        assert pencil["y"] < question["y"] + 20


def test_a_question_is_edited_in_its_place_by_keyboard(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    opened.ask(HOSTILE_QUESTION, 2)
    opened.ask(UNKNOWN_QUESTION, 3)
    pencil = page.get_by_role("button", name="Modifier la question").nth(1)
    pencil.focus()
    page.keyboard.press("Enter")
    area = page.get_by_role("textbox", name="Modifier la question")
    expect(area).to_be_focused()
    expect(area).to_have_value(HOSTILE_QUESTION)
    page.keyboard.press("Escape")
    expect(area).to_have_count(0)
    expect(pencil).to_be_focused()
    expect_asked(page, FERTILISER_QUESTION, HOSTILE_QUESTION, UNKNOWN_QUESTION)
    page.keyboard.press("Enter")
    area.fill("  ")
    page.keyboard.press("Enter")
    expect(area).to_be_focused()
    area.fill("engrais")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("<b>")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .question")).to_have_count(2)
    expect(page.locator("#chat .answer")).to_have_count(2)
    assert asked(page) == [FERTILISER_QUESTION, "engrais\n<b>"]
    expect(page.locator("#box textarea")).to_be_focused()
    page.wait_for_function("Object.values(localStorage).some(kept => kept.includes('<b>'))")
    opened.reload()
    expect(page.locator("#chat .answer")).to_have_count(2)
    assert asked(page) == [FERTILISER_QUESTION, "engrais\n<b>"]


def test_forged_events_change_nothing(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    forged = [
        None,
        7,
        [],
        {},
        {"turn": 99},
        {"turn": "1"},
        {"turn": 1, "question": ["x"]},
        {"turn": 99, "verdict": "up"},
    ]
    for name in ("again", "more", "edited", "rated", "save_file"):
        for data in forged:
            if name not in ("again", "more") or data != {"turn": 1, "question": ["x"]}:
                page.evaluate("([name, data]) => window.sourcierHistory.trigger(name, data)", [name, data])
    expect(page.locator("#history-said")).to_have_text("Cette conversation n’a pas pu être relue.")
    opened.ask(UNKNOWN_QUESTION, 2)
    expect_asked(page, FERTILISER_QUESTION, UNKNOWN_QUESTION)
    page.evaluate("window.sourcierHistory.trigger('restore', {id: 'x', turns: 7})")
    expect_asked(page)
    opened.ask(UNKNOWN_QUESTION)


# --- Feedback ---


def verdicts(app: App) -> list[tuple[str, str, str, str]]:
    log = app.log.parent / FILE_NAME
    return [(one["question"], one["verdict"], one.get("reason", ""), one.get("comment", "")) for one in read_log(log)]


def test_a_thumb_is_kept_and_taken_back(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    page = opened.page
    question = f"{UNKNOWN_QUESTION} 1"
    opened.ask(question)
    up, down = (page.get_by_role("button", name=name) for name in ("Bonne réponse", "Mauvaise réponse"))
    expect(up).to_have_attribute("aria-pressed", "false")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#history-said")).to_have_text("Votre avis est noté.")
    page.wait_for_function("Object.values(localStorage).some(kept => JSON.parse(kept).turns?.[0].feedback)")
    opened.reload()
    expect(up).to_have_attribute("aria-pressed", "true")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    assert [one for one in verdicts(app) if one[0] == question] == [
        (question, "up", "", ""),
        (question, "none", "", ""),
        (question, "down", "", ""),
    ]
    log = list(read_log(app.log.parent / FILE_NAME))
    assert {one["generation"] for one in log} == {"gen-7"}
    assert len({one["conversation"] for one in log if one["question"] == question}) == 1


def test_a_thumb_down_may_say_why_by_keyboard(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    page = opened.page
    question = "Combien d'engrais, dites ?"
    opened.ask(question)
    down = page.get_by_role("button", name="Mauvaise réponse")
    down.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_be_visible()
    expect(page.locator(".why")).to_contain_text("Votre avis reste sur la machine")
    for _ in range(2):
        page.keyboard.press("Tab")  # to « Quoi d’autre ? » and « Reposer la question », before the form
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Source dépassée")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Source dépassée")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("textbox", name="Votre remarque").focus()
    page.keyboard.type("C'est <b>vieux</b>")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_have_count(0)
    expect(down).to_be_focused()
    page.wait_for_function("Object.values(localStorage).some(kept => kept.includes('vieux'))")
    assert verdicts(app)[-1] == (question, "down", "outdated", "C'est <b>vieux</b>")
    long = {"turn": 1, "verdict": "down", "reason": "<b>", "comment": "x" * 5000}
    page.evaluate("data => window.sourcierHistory.trigger('rated', data)", long)
    page.wait_for_function("Object.values(localStorage).some(kept => kept.includes('xxx'))")
    assert verdicts(app)[-1] == (question, "down", "", "x" * LONGEST_COMMENT)


def test_a_verdict_that_cannot_be_kept_is_not_shown(visit: Callable[..., Visit], app: App) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    log = app.log.parent / FILE_NAME
    aside = log.rename(log.with_suffix(".aside")) if log.exists() else None
    log.mkdir()
    try:
        up = page.get_by_role("button", name="Bonne réponse")
        up.click()
        expect(page.locator("#history-said")).to_contain_text("Votre avis n’a pas pu être noté.")
        expect(up).to_have_attribute("aria-pressed", "false")
    finally:
        log.rmdir()
        if aside:
            aside.rename(log)
    opened.ask(UNKNOWN_QUESTION, 2)


# --- Keyboard, phone ---


def test_the_list_is_used_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    start_new(page)
    opened.ask(UNKNOWN_QUESTION)
    opener = page.get_by_role("button", name="Conversations")
    opener.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Conversations")
    expect(drawer.get_by_role("button", name="Fermer les conversations")).to_be_focused()
    for _ in range(25):  # the page behind cannot be reached
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    drawer.get_by_role("button", name="Renommer").nth(1).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Autre chose")
    page.keyboard.press("Escape")  # leaves the title as it was, and the list open
    expect(names(drawer)).to_have_text([UNKNOWN_QUESTION, FERTILISER_QUESTION])
    expect(drawer.get_by_role("button", name="Renommer").nth(1)).to_be_focused()
    drawer.get_by_role("button", name=FERTILISER_QUESTION, exact=True).focus()
    page.keyboard.press("Enter")
    expect_asked(page, FERTILISER_QUESTION)
    expect(page.locator("#box textarea")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_serious(visit: Callable[..., Visit], screen: str, scheme: str) -> None:
    opened = visit(**SCREENS[screen], color_scheme=scheme)
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    start_new(page)
    opened.ask(UNKNOWN_QUESTION)
    page.locator("#chat .thumb.down").click()
    page.locator(".why .choice").first.click()
    expect(page.locator("#history-said")).to_have_text("Votre avis est noté.")
    page.locator("#chat .edit").click()
    assert not complaints(page), "the forms"
    drawer = open_list(page)
    drawer.evaluate("it => Promise.all(it.getAnimations().map(one => one.finished))")
    assert not complaints(page), "the list"
    drawer.get_by_role("button", name="Renommer").first.click()
    assert not complaints(page), "a title"
    page.keyboard.press("Escape")
    drawer.get_by_role("button", name="Supprimer", exact=True).nth(1).click()
    assert not complaints(page), "a deletion"
    drawer.get_by_role("button", name="Rétablir").click()
    drawer.get_by_role("button", name="Tout supprimer").click()
    assert not complaints(page), "all of them"


def test_everything_on_a_phone(visit: Callable[..., Visit]) -> None:
    opened = visit(**PHONE)
    page = opened.page
    opened.ask(FERTILISER_QUESTION)
    page.get_by_role("button", name="Mauvaise réponse").tap()
    page.get_by_role("button", name="Mauvaise phrase").tap()
    page.locator(".why").get_by_role("button", name="Envoyer").tap()
    expect(page.locator(".why")).to_have_count(0)
    page.locator("#history-open").tap()
    drawer = page.locator("#history-list")
    expect(names(drawer)).to_have_text([FERTILISER_QUESTION])
    small = """buttons => buttons.filter(button => {
        const box = button.getBoundingClientRect();
        return box.height < 40 && box.width > 0;
    }).map(button => button.textContent)"""
    assert drawer.locator("li .row button, header button").evaluate_all(small) == []
    page.touchscreen.tap(380, 600)
    expect(drawer).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#chat .tools button, #chat .edit").evaluate_all(small) == []


def test_without_feedback_no_thumb_is_shown(visit: Callable[..., Visit]) -> None:
    opened = visit(**DESKTOP)
    opened.ask(FERTILISER_QUESTION)
    expect(opened.page.locator(".thumb")).to_have_count(2)
    opened.page.evaluate("delete document.querySelector('.history').dataset.reasons")
    opened.ask(UNKNOWN_QUESTION, 2)
    # Drawn again by the server, which asks for verdicts here.
    expect(opened.page.locator(".thumb:visible")).to_have_count(4)
