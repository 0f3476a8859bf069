"""What axe-core and a keyboard find in the chat: light and dark, desktop and phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browsing import DESKTOP, ENGLISH, PHONE, Visit, expect_drawn
from tests.chat_app import FERTILISER_QUESTION, FOLLOW_UP, HOSTILE_QUESTION, UNKNOWN_QUESTION

pytestmark = pytest.mark.browser

SCREENS = {"desktop": DESKTOP, "phone": PHONE}


def complaints(page: Any) -> list[str]:
    """Return what axe-core finds serious, with the elements, once nothing fades in any more."""
    page.wait_for_function(
        """() => document.getAnimations().every(
            (one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity
        )"""
    )
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes']][:5]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_serious(visit: Callable[..., Visit], screen: str, scheme: str) -> None:
    opened = visit(**SCREENS[screen], color_scheme=scheme)
    page = opened.page
    assert (page.locator("body.dark").count() > 0) is (scheme == "dark")
    assert not complaints(page), "empty"
    opened.ask(FERTILISER_QUESTION)
    opened.ask(FOLLOW_UP, 2)
    opened.ask(UNKNOWN_QUESTION, 3)
    opened.send("boom")
    expect(page.locator(".problem")).to_be_visible()
    assert not complaints(page), "answered"
    page.locator("a.cite").first.click()
    expect(page.locator("#panel .card.open mark")).to_be_in_viewport()
    page.locator(".flash").first.evaluate("it => Promise.all(it.getAnimations().map(one => one.finished))")
    assert not complaints(page), "a source"
    page.locator("#panel .card.open .part").click()
    expect(page.locator("#panel .whole mark")).to_be_in_viewport()
    assert not complaints(page), "a whole document"


def test_an_answer_is_announced(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.ask(FERTILISER_QUESTION)
    log = opened.page.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "polite")
    expect(log.locator(".answer")).to_be_visible()


def test_every_control_is_reached_by_tab_and_shows_it(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    opened.ask(HOSTILE_QUESTION)
    page.locator("body").evaluate("it => { it.tabIndex = -1; it.focus(); it.removeAttribute('tabindex'); }")
    outlines: dict[str, str] = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUSED)
        if name in outlines or name.startswith("body"):
            break
        outlines[name] = seen
    reached = " ".join(outlines)
    for wanted in ("clear", "theme", "language", "cite", "copy", "textarea", "toggle", "part"):
        assert wanted in reached, f"{wanted} is not among {list(outlines)}"
    assert not [name for name, seen in outlines.items() if not seen], outlines


# A name for the focused element, and how its focus shows: on itself, or on what draws the frame around it.
FOCUSED = """() => {
    const it = document.activeElement;
    const shown = [it, it.closest('label'), it.closest('#box')].filter(Boolean).map(e => getComputedStyle(e))
        .filter(s => parseFloat(s.outlineWidth) > 0 && s.outlineStyle !== 'none' || s.boxShadow !== 'none');
    const place = [...document.querySelectorAll('*')].indexOf(it);
    const own = [it.tagName, it.id, it.className, it.closest('[id]')?.id].join(' ').toLowerCase();
    return [`${own} ${place}`, shown.length ? shown[0].outline : ''];
}"""


def test_the_theme_is_switched_and_kept(visit: Callable[..., Visit]) -> None:
    page = visit(**DESKTOP, color_scheme="dark").page
    switch = page.get_by_role("button", name="Thème sombre")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(page.locator("body.dark")).to_have_count(0)
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(page.locator("body.dark")).to_have_count(0)


def test_the_language_is_kept(visit: Callable[..., Visit]) -> None:
    page = visit(**ENGLISH).page
    page.locator("#language label", has_text="FR").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("#language label.selected")).to_have_text("FR")


def test_the_language_is_kept_where_the_switch_is_drawn_last(visit: Callable[..., Visit]) -> None:
    page = visit(**ENGLISH).page
    page.add_init_script(
        """const find = document.getElementById.bind(document);
        document.getElementById = (id) => (id === 'language' ? null : find(id));"""
    )
    page.reload()
    expect_drawn(page, "en")
    page.locator("#language label", has_text="FR").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert [one["value"] for one in page.context.cookies() if one["name"] == "sourcier-language"] == ["fr"]


def test_the_language_can_be_switched_before_the_server_has_drawn_the_page(visit: Callable[..., Visit]) -> None:
    page = visit(**ENGLISH).page
    opening: list[Any] = []

    def hold_the_opening(event: Any) -> None:
        if '"trigger_id":0' in event.request.post_data and not opening:
            opening.append(event)
        else:
            event.continue_()

    page.route("**/run/predict", hold_the_opening)
    with page.expect_request(lambda request: '"trigger_id":0' in (request.post_data or "")):
        page.reload()
    page.locator("#language label", has_text="EN").click()
    page.locator("#language label", has_text="FR").click()
    expect_drawn(page, "fr")
    page.context.clear_cookies()  # the opening was sent before there was one
    # Another event follows on it, once it is drawn.
    with page.expect_request("**/run/predict"):
        opening[0].continue_()
    expect(page.locator("#language label.selected")).to_have_text("FR")
    expect_drawn(page, "fr")


def test_a_forged_language_is_none(visit: Callable[..., Visit]) -> None:
    page = visit(**ENGLISH).page
    page.context.add_cookies([{"name": "sourcier-language", "value": "<b>", "url": page.url}])
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#language label.selected")).to_have_text("EN")
