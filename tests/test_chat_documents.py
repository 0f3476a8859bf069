"""The documents in a real browser, over a small index that changes."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from index import PassageIndex
from tests.browsing import DESKTOP, ENGLISH, PHONE, App, Visit, pages_of, running
from tests.documents_app import HOSTILE_NAME, HOSTILE_TITLE
from tests.fakes import FakeEmbedder
from tests.test_chat_accessibility import complaints
from ui.texts import TEXTS
from ui.uploads import uploads_folder

pytestmark = pytest.mark.browser
# Files are written and indexed meanwhile, perhaps beside other work.
expect.set_options(timeout=30_000)

QUESTION = "Combien de tonnes d'engrais pour le Mali ?"
NEWS = "Le barrage de Taoussa sera inauguré en avril 2031 par la ministre Aminata Keïta."


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("library"), "documents_app.py") as app:
        yield app


@pytest.fixture
def library(served):
    """The chat over the documents it began with, whatever a test before has left."""
    passage_index = PassageIndex.open(served.log.parent / "index", embedder=FakeEmbedder())
    if uploads(served):
        passage_index.remove(f"{uploads_folder(passage_index.folder)}/*")
        for path in uploads_folder(passage_index.folder).iterdir():
            path.unlink()
    return served


@pytest.fixture
def enter(browser, library):
    yield from pages_of(browser, library)


@pytest.fixture(scope="module")
def reading_room(tmp_path_factory):
    with running(tmp_path_factory.mktemp("reading-room"), "documents_app.py", "--read-only") as app:
        yield app


@pytest.fixture
def enter_reading_room(browser, reading_room):
    yield from pages_of(browser, reading_room)


def opened(visit: Visit) -> Any:
    """Open the documents, once they are drawn in the visitor's language."""
    expect(visit.page.locator("#documents-list .listing")).to_be_attached()
    visit.page.locator("#documents-open").click()
    expect(visit.page.locator("#documents-title")).to_be_focused()
    return visit.page


def file(name: str, text: str | bytes) -> dict[str, Any]:
    data = text if isinstance(text, bytes) else text.encode()
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def send(page: Any, *files: dict[str, Any]) -> Any:
    """Send files by the button's field; return where what became of them is told."""
    page.locator("#documents input[type=file]").set_input_files(list(files))
    return page.locator("#documents .outcome")


def titles(page: Any) -> Any:
    return page.locator("#documents .listing .title")


def row(page: Any, title: str) -> Any:
    return page.locator("#documents .listing li", has_text=title)


def remove(page: Any, title: str) -> None:
    row(page, title).locator(".remove").click()
    row(page, title).locator(".sure").click()
    expect(page.locator("#documents .outcome")).to_contain_text("a été retiré de l’index.")
    expect(row(page, title)).to_have_count(0)


def uploads(app: App) -> list[str]:
    folder = app.log.parent / "index-uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_added_asked_cited_and_removed(enter: Callable[..., Visit], library: App) -> None:
    visit = enter()
    page = opened(visit)
    outcome = send(page, file("barrage.txt", NEWS))
    expect(outcome).to_contain_text("1\u00a0document ajouté")
    expect(outcome.locator(".added .title")).to_have_text(NEWS)
    expect(titles(page)).to_have_count(5)
    assert uploads(library) == ["barrage.txt"]
    visit.ask("Quand le barrage de Taoussa sera-t-il inauguré ?")
    expect(page.locator("#chat .answer .sentence").first).to_contain_text("avril 2031")
    page.locator("a.cite").first.click()
    expect(page.locator("#documents")).not_to_be_visible()
    expect(page.locator("#panel .card.open mark")).to_have_text(NEWS)
    expect(page.locator("#panel .card.open .origin")).to_contain_text("barrage.txt")
    opened(visit)
    remove(page, "Le barrage de Taoussa")
    assert uploads(library) == []
    visit.ask("Quand le barrage de Taoussa sera-t-il inauguré ?", 2)
    expect(page.locator("#chat .answer").nth(1)).not_to_contain_text("avril 2031")
    expect(send(page, file("barrage.txt", NEWS))).to_contain_text("1\u00a0document ajouté")
    remove(page, "Le barrage de Taoussa")


def test_files_of_many_kinds_and_what_is_refused(enter: Callable[..., Visit], library: App) -> None:
    page = opened(enter())
    outcome = send(
        page,
        file("../../x.txt", "Le fleuve Niger monte."),
        file("CON.md", "# Le mil\n\nLe mil manque."),
        file("n" * 250 + ".html", "<p>Le prix du riz baisse.</p>"),
        file("prix.csv", "titre,texte\nSucre,Le sucre est cher.\n"),
        file("vide.txt", ""),
        file("programme.exe", "MZ"),
        file("faux.pdf", b"\x00\x01 not a PDF"),
        file("gros.txt", "x" * (2**20 + 1)),
        file("<img src=x onerror=window.attacked=4>.txt", " "),
    )
    expect(outcome.locator(".added li")).to_have_count(4)
    refused = outcome.locator(".refused li")
    expect(outcome.locator(".refused > p")).to_have_text("5\u00a0fichiers refusés")
    said = "\n".join(refused.all_inner_texts())
    for name, reason in (
        ("vide.txt", "le fichier est vide"),
        ("programme.exe", "ce genre de fichier n’est pas lu"),
        ("gros.txt", "plus de 1\u00a0Mo"),
        ("faux.pdf", "cannot be read as a PDF"),
        ("<img src=x onerror=window.attacked=4>.txt", "is empty"),
    ):
        assert re.search(f"{re.escape(name)}.*{re.escape(reason)}", said), said
    assert str(library.log.parent) not in said, "nobody's folders are shown"
    kept = uploads(library)
    assert {"x.txt", "_CON.md", "prix.csv"} <= set(kept) and len(kept) == 4
    assert not (library.log.parent.parent / "x.txt").exists() and not (library.log.parent / "x.txt").exists()
    expect(send(page, file("encore.txt", "Le fleuve Niger monte."))).to_contain_text("1\u00a0document ajouté")
    expect(send(page, file("x.txt", "Le fleuve Niger monte."))).to_contain_text("1\u00a0fichier déjà présent")
    for title in ("Le fleuve Niger", "Le mil", "Le prix du riz", "Sucre"):
        remove(page, title)
    assert uploads(library) == []


def test_others_are_answered_while_files_are_added(enter: Callable[..., Visit], library: App) -> None:
    hold = library.log.parent / "hold"
    text = "\n\n".join(f"Le village numéro {n} a un puits. " + "Il a de l'eau toute l'année. " * 20 for n in range(8))
    first, second, third = opened(enter()), enter(), opened(enter(**ENGLISH))
    hold.touch()
    try:
        first.locator("#documents input[type=file]").set_input_files([file("villages.txt", text)])
        expect(first.locator("#documents .progress p")).to_have_text(TEXTS["fr"].reading_files)
        third.locator("#documents input[type=file]").set_input_files([file("town.txt", "The town has a hall.")])
        expect(third.locator("#documents .progress p")).to_have_text(
            "Other files are being added; yours come after them."
        )
        second.ask(QUESTION)
        expect(second.page.locator("#chat .answer .sentence").first).to_contain_text("60 000 tonnes")
        expect(first.locator("#documents .progress")).to_be_visible()
        expect(titles(first)).to_have_count(4)
    finally:
        hold.unlink()
    expect(first.locator("#documents .outcome")).to_contain_text("1\u00a0document ajouté")
    expect(third.locator("#documents .outcome")).to_contain_text("1\u00a0document added")
    remove(first, "Le village numéro 0")
    remove(first, "The town has a hall")


def test_filters_change_the_answer(enter: Callable[..., Visit]) -> None:
    visit = enter()
    page = opened(visit)
    visit.ask(QUESTION)
    expect(page.locator("#chat .answer").last.locator(".sentence").first).to_contain_text("60 000 tonnes")
    page.locator("#documents [name=before]").fill("2020")
    page.keyboard.press("Enter")
    expect(page.locator("#filters .chip")).to_have_text("Jusqu’à 2020 ✕")
    expect(titles(page)).to_have_text(["Une livraison ancienne"])
    visit.ask(QUESTION, 2)
    answer = page.locator("#chat .answer").last
    expect(answer.locator(".sentence").first).to_contain_text("9 000 tonnes")
    expect(answer).not_to_contain_text("60 000")
    expect(page.locator("#chat .asked-of")).to_have_text("Avec les filtres\u00a0: Jusqu’à 2020")
    page.locator("#filters .chip").click()
    expect(page.locator("#filters .chip")).to_have_count(0)
    expect(page.locator("#documents [name=before]")).to_have_value("")
    page.locator("#documents [name=language]").select_option("en")
    expect(titles(page)).to_have_text(["Football"])
    visit.ask(QUESTION, 3)
    expect(page.locator("#chat .answer").last).not_to_contain_text("tonnes")
    page.locator("#filters .clear").click()
    expect(titles(page)).to_have_count(4)
    page.locator("#documents [name=source]").fill("anc*.txt")
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["Une livraison ancienne"])
    visit.ask(QUESTION, 4)
    expect(page.locator("#chat .answer").last.locator(".sentence").first).to_contain_text("9 000 tonnes")


def test_one_document_alone_is_asked(enter: Callable[..., Visit]) -> None:
    visit = enter()
    page = opened(visit)
    row(page, "Une livraison ancienne").locator(".only").click()
    expect(page.locator("#filters .chip")).to_have_text("ancien.txt ✕")
    expect(titles(page)).to_have_text(["Une livraison ancienne"])
    visit.ask(QUESTION)
    expect(page.locator("#chat .answer .sentence").first).to_contain_text("9 000 tonnes")
    expect(page.locator("body")).not_to_contain_text("secret")
    page.locator("#filters .clear").click()
    expect(titles(page)).to_have_count(4)


def test_filters_that_nothing_passes_and_dates_that_are_none(enter: Callable[..., Visit]) -> None:
    visit = enter()
    page = opened(visit)
    page.locator("#documents [name=after]").fill("octobre 2040")
    page.keyboard.press("Enter")
    expect(page.locator("#filters .chip")).to_have_text("Depuis octobre 2040 ✕")
    expect(page.locator("#filters .problem")).to_have_text("Aucun document ne passe les filtres.")
    visit.send(QUESTION)
    expect(page.locator("#chat .problem")).to_have_text("Aucun document ne passe les filtres.")
    page.locator("#documents [name=before]").fill("2039")
    page.keyboard.press("Enter")
    expect(page.locator("#documents .listing .problem")).to_have_text("La première date vient après la seconde.")
    page.locator("#documents [name=before]").fill("bientôt")
    page.keyboard.press("Enter")
    expect(page.locator("#documents .listing .problem")).to_have_text("Une date s’écrit 2022, 2022-10 ou 2022-10-04.")


def test_the_list_is_searched_and_speaks_the_readers_language(enter: Callable[..., Visit]) -> None:
    page = opened(enter())
    expect(page.locator("#documents .count")).to_have_text("4 sur 4")
    page.locator("#documents [name=search]").press_sequentially("LIVRAISON ancien.t")
    expect(titles(page)).to_have_text(["Une livraison ancienne"])
    expect(row(page, "ancienne").locator(".facts")).to_have_text(
        "mars 2019 · français · ancien.txt · 88\u00a0caractères"
    )
    page.locator("#language label", has_text="EN").click()
    expect(page.locator("#documents-open")).to_have_text("Documents")
    expect(page.locator("#documents .count")).to_have_text("1 of 4")
    expect(page.locator("#documents [name=search]")).to_have_value("LIVRAISON ancien.t")
    expect(row(page, "ancienne").locator(".facts")).to_have_text(
        "March 2019 · French · ancien.txt · 88\u00a0characters"
    )
    page.locator("#documents [name=search]").fill("secret")
    expect(page.locator("#documents .count")).to_have_text("No document found.")


def test_hostile_titles_and_names_stay_text(enter: Callable[..., Visit]) -> None:
    page = opened(enter())
    expect(page.locator("#documents .title", has_text="window.attacked")).to_have_text(HOSTILE_TITLE)
    expect(page.locator("#documents .file", has_text="onerror")).to_have_text(HOSTILE_NAME)
    row(page, "window.attacked").locator(".only").click()
    expect(page.locator("#filters .chip bdi")).to_have_text(HOSTILE_NAME)
    expect(titles(page)).to_have_count(1)
    assert page.locator("#documents :is(img, script, iframe), #filters :is(img, script)").count() == 0


def test_forged_events_are_refused(enter: Callable[..., Visit]) -> None:
    page = opened(enter())

    def forge(name: str, forged: object) -> None:
        page.evaluate("([name, forged]) => window.sourcierDocuments.trigger(name, forged)", [name, forged])

    forge("seek", {"search": "not so", "sequence": "1"})
    forge("seek", [1])
    forge("seek", {"search": {}, "after": [], "language": "'; --", "source": 5, "only": "nobody", "sequence": 1})
    expect(page.locator("#documents .count")).to_have_text("Aucun document trouvé.")
    forge("seek", {"sequence": 2})
    expect(titles(page)).to_have_count(4)
    forge("discard", None)
    forge("discard", {"document": ["*"]})
    forge("discard", {"document": "*"})
    expect(page.locator("#documents .outcome")).to_have_text("Ce document n’est plus dans l’index.")
    forge("take", {"tickets": ["x", 1, None], "refused": "x"})
    forge("take", None)
    forge("take", {"tickets": {}, "refused": [{"name": 1, "reason": "kind"}, {"name": "a", "reason": "__class__"}, 7]})
    expect(page.locator("#documents .outcome")).to_have_text("Aucun fichier n’a été reçu.")
    expect(titles(page)).to_have_count(4)


def test_the_keyboard_is_enough(enter: Callable[..., Visit]) -> None:
    visit = enter()
    page = visit.page
    expect(page.locator("#documents-list .listing")).to_be_attached()
    send(page, file("clavier.txt", "Le clavier suffit à tout."))
    page.locator("#documents-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#documents-title")).to_be_focused()
    expect(row(page, "Le clavier suffit")).to_have_count(1)
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name || document.activeElement.className"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"{seen[-1]} does not show that it has the focus"
    assert seen[:7] == ["shut", "add", "search", "after", "before", "language", "source"]
    row(page, "Le clavier suffit").locator(".remove").focus()
    page.keyboard.press("Enter")
    expect(row(page, "Le clavier suffit").locator(".spare")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row(page, "Le clavier suffit").locator(".remove")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(row(page, "Le clavier suffit")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#documents")).not_to_be_visible()
    expect(page.locator("#documents-open")).to_be_focused()


def test_files_are_dropped_on_the_page(enter: Callable[..., Visit]) -> None:
    page = enter().page
    expect(page.locator("#documents-list .listing")).to_be_attached()
    page.evaluate(
        """() => {
            const carried = new DataTransfer();
            carried.items.add(new File(['Le vent se lève.'], 'vent.txt'));
            for (const kind of ['dragenter', 'dragover', 'drop']) {
                const event = new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true});
                document.querySelector('#left').dispatchEvent(event);
            }
        }"""
    )
    expect(page.locator("#documents .outcome .added")).to_contain_text("Le vent se lève.")
    remove(page, "Le vent se lève")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE])
def test_axe_finds_nothing_serious(enter: Callable[..., Visit], screen: dict[str, Any], scheme: str) -> None:
    page = opened(enter(**screen, color_scheme=scheme))
    send(page, file("a.exe", "x"))
    row(page, "Football").locator(".remove").click()
    page.locator("#documents [name=language]").select_option("en")
    expect(titles(page)).to_have_count(1)
    row(page, "Football").locator(".remove").click()
    expect(page.locator("#documents .refused")).to_be_visible()
    assert not complaints(page)
    page.locator("#documents .shut").click()
    expect(page.locator("#filters .chip")).to_be_visible()
    assert not complaints(page)


def test_the_sheet_of_a_phone(enter: Callable[..., Visit]) -> None:
    visit = enter(**PHONE)
    page = opened(visit)
    expect(page.locator("#documents .add")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for _ in range(30):  # the conversation behind the sheet cannot be reached
        page.keyboard.press("Tab")
        assert not page.evaluate("!!document.activeElement.closest('#left, #top')")
    page.locator("#documents .shut").tap()
    expect(page.locator("#documents")).not_to_be_visible()
    visit.ask(QUESTION)
    page.locator("a.cite").first.tap()
    expect(page.locator("#panel .card.open mark")).to_be_in_viewport()


def test_a_reading_room_has_nothing_to_change(enter_reading_room: Callable[..., Visit], reading_room: App) -> None:
    visit = enter_reading_room()
    page = opened(visit)
    expect(titles(page)).to_have_count(4)
    assert page.locator("#documents :is(.add, .adding, .remove, .sure, input[type=file])").count() == 0
    page.locator("#documents [name=language]").select_option("en")
    expect(titles(page)).to_have_text(["Football"])
    listening = page.evaluate("window.gradio_config.dependencies.flatMap(one => one.targets.map(target => target[1]))")
    assert "seek" in listening and not {"take", "discard"} & set(listening)
    for method, address in (("PUT", "upload?name=a.txt"), ("POST", "upload"), ("POST", "gradio_api/upload")):
        assert status(reading_room, method, address) in (403, 404, 405), address
    assert not (reading_room.log.parent / "index-uploads").exists()


def test_only_a_page_of_this_server_can_send(library: App) -> None:
    assert status(library, "PUT", "upload?name=a.txt") == 403
    assert status(library, "POST", "gradio_api/upload") == 403
    assert status(library, "GET", "index-uploads/barrage.txt") == 404


def status(app: App, method: str, address: str) -> int:
    request = urllib.request.Request(app.url + address, data=b"x", method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_nothing_that_was_sent_lies_about(served: App) -> None:
    """Last in the file: by now a lot was sent."""
    folder = served.log.parent
    assert not [*folder.rglob("*.part"), *folder.glob("gradio/**/*.txt")]
