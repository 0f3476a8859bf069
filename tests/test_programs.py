"""The served chat as programs see it: endpoints, MCP, figures for machines, and what is closed."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from playwright.sync_api import expect

from index import DocumentSummary
from tests.browsing import running, start_app
from tests.chat_app import FERTILISER_QUESTION, UNKNOWN_QUESTION, FakeAnswerer
from tests.loops import run
from tests.test_chat_accessibility import complaints
from ui.listing import listed

PASSWORD = "sésame, ouvre-toi"


def served(tmp_path_factory, **options):
    with running(tmp_path_factory.mktemp("programs"), "chat_app.py", json.dumps(options)) as app:
        yield app


@pytest.fixture(scope="module")
def open_app(tmp_path_factory):
    yield from served(tmp_path_factory, metrics=True, mcp=True, concurrency=1, queue=1)


@pytest.fixture(scope="module")
def closed_app(tmp_path_factory):
    yield from served(tmp_path_factory, metrics=True, mcp=True, password=PASSWORD)


@pytest.fixture
def web(open_app):
    with httpx.Client(base_url=open_app.url, trust_env=False, timeout=30) as client:
        yield client


DEFAULTS = {"ask": ["", None], "retrieve": ["", 5, None], "documents": ["", 0, 100]}


def call(web, name, *data):
    """Call an endpoint; on this route every value must be given."""
    return web.post(f"gradio_api/run/{name}", json={"data": [*data, *DEFAULTS[name][len(data) :]]})


def answered(question):
    return json.loads(json.dumps(FakeAnswerer().ask(question).to_json()))


def test_the_endpoints_return_what_the_commands_print(open_app):
    client = Client(open_app.url, verbose=False)
    assert client.predict(question=FERTILISER_QUESTION, api_name="/ask") == answered(FERTILISER_QUESTION)
    found = client.predict(question="engrais", top_k=1, api_name="/retrieve")
    assert found == {
        "question": "engrais",
        "hits": json.loads(json.dumps([hit.to_json() for hit in FakeAnswerer().retrieve("engrais", top_k=1)])),
    }
    documents = client.predict(search="ENGRAIS", api_name="/documents")
    assert (documents["generation"], documents["total"]) == ("gen-7", 2)
    assert documents["documents"][0] == {
        "id": "engrais",
        "title": "Engrais russes : une nouvelle livraison",
        "source": "/home/someone/secret-folder/engrais.txt",
        "date": "2022-10",
        "language": "fr",
        "characters": len(documents_text()),
    }
    assert [one["id"] for one in client.predict(offset=1, limit=1, api_name="/documents")["documents"]] == ["accord"]


def documents_text():
    from tests.chat_app import FERTILISER

    return FERTILISER.text


def test_curl_is_enough(open_app):
    asked = json.dumps({"data": [FERTILISER_QUESTION, {"after": "2022"}]})
    command = ["curl", "-s", "--noproxy", "*", "-H", "Content-Type: application/json", "-d", asked]
    said = subprocess.run([*command, f"{open_app.url}gradio_api/run/ask"], capture_output=True, check=True, timeout=30)
    assert json.loads(said.stdout)["data"] == [answered(FERTILISER_QUESTION)]


def test_the_endpoints_are_documented(web):
    endpoints = web.get("gradio_api/info").json()["named_endpoints"]
    assert list(endpoints) == ["/ask", "/retrieve", "/documents"]
    assert "sentences copied" in endpoints["/ask"]["description"]
    assert [one["parameter_name"] for one in endpoints["/retrieve"]["parameters"]] == ["question", "top_k", "filters"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("ask", ["boom"], "the question is too short"),
        ("ask", [5], "question is 5: expected a text"),
        ("ask", ["x", {"since": "2022"}], "expected an object with some of: after"),
        ("ask", ["x", "2022"], "expected an object"),
        ("ask", ["crash"], None),
        ("retrieve", ["x", 101], "top_k is 101: expected a whole number, from 1 to 100"),
        ("retrieve", ["x", 0], "top_k is 0: expected"),
        ("retrieve", ["x", "5"], "top_k is '5': expected"),
        ("retrieve", ["x", True], "top_k is True: expected"),
        ("documents", ["", -1], "offset is -1: expected a whole number, 0 or more"),
        ("documents", ["", 0, 1001], "limit is 1001: expected a whole number, from 1 to 1000"),
        ("documents", [None], "search is None: expected a text"),
    ],
)
def test_a_caller_s_mistake_is_told_and_nothing_else_is(web, name, data, message):
    response = call(web, name, *data)
    assert response.status_code >= 400
    if message:
        assert message in response.json()["error"]
    for private in ("Traceback", "a private detail", ".py"):
        assert private not in response.text
    assert call(web, "ask", UNKNOWN_QUESTION).json()["data"] == [answered(UNKNOWN_QUESTION)], "and it goes on"


def test_too_many_at_once_are_told_so(web):
    # One is answered at a time here, and one may wait.
    def ask(number):
        return call(web, "ask", f"attends {number} : combien d'engrais ?")

    with ThreadPoolExecutor(6) as pool:
        began = time.monotonic()
        responses = list(pool.map(ask, range(6)))
    right = [response for response in responses if response.status_code == 200]
    assert 2 <= len(right) < 6
    assert all("ask again in a moment" in one.json()["error"] for one in responses if one not in right)
    assert all(
        one.json()["data"][0]["question"] == f"attends {number} : combien d'engrais ?"
        for number, one in enumerate(responses)
        if one in right
    )
    assert time.monotonic() - began < 25


def test_health_and_figures(web):
    assert web.get("healthz").json() == {"status": "ok", "generation": "gen-7", "documents": 4}
    before = figures(web)
    call(web, "ask", FERTILISER_QUESTION)
    call(web, "ask", UNKNOWN_QUESTION)
    call(web, "ask", "boom")
    call(web, "retrieve", "x")
    after = figures(web)
    for outcome in ("answered", "silent", "refused", "retrieved"):
        name = f'sourcier_questions_total{{outcome="{outcome}"}}'
        assert after[name] == before.get(name, 0) + 1
    assert after["sourcier_question_seconds_count"] == before["sourcier_question_seconds_count"] + 3
    assert (after["sourcier_documents"], after["sourcier_passages"]) == (4, 11)
    assert after['sourcier_index_info{generation="gen-7"}'] == 1
    assert not [name for name in after if "engrais" in name]


def figures(web):
    lines = web.get("metrics").text.splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_an_mcp_client_asks_and_retrieves(open_app):
    async def scene():
        from mcp import Client

        async with Client(open_app.url + "mcp") as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"ask", "retrieve"}
            assert "sentences copied" in tools["ask"].description
            assert set(tools["retrieve"].input_schema["properties"]) == {"question", "top_k", "filters"}
            answer = await client.call_tool("ask", {"question": FERTILISER_QUESTION})
            assert answer.structured_content == answered(FERTILISER_QUESTION) and not answer.is_error
            found = await client.call_tool("retrieve", {"question": "engrais", "top_k": 1})
            assert len(found.structured_content["hits"]) == 1
            for bad in ({"question": "boom"}, {"question": "x", "filters": {"since": "2022"}}):
                refused = await client.call_tool("ask", bad)
                assert refused.is_error and "expected" in refused.content[0].text
            crashed = await client.call_tool("ask", {"question": "crash"})
            assert crashed.is_error and "a private detail" not in crashed.content[0].text

    run(scene())


def test_pages_of_other_sites_may_neither_ask_nor_read(web, open_app):
    own = f"http://{urlsplit(open_app.url).netloc}"
    for origin, allowed in ((own, True), ("https://evil.example", False), ("null", False), (f"{own}.evil", False)):
        for method, path in (("GET", "config"), ("POST", "gradio_api/run/ask"), ("POST", "mcp"), ("OPTIONS", "config")):
            response = web.request(method, path, headers={"origin": origin}, json={"data": ["engrais"]})
            assert (response.status_code != 403) is allowed, (origin, method, path)
            assert response.headers.get("access-control-allow-origin", own) == own or not allowed


OUTSIDE = (
    "/etc/passwd",
    "../../../../etc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "file:///etc/passwd",
    "C:\\boot.ini",
)


def test_no_file_is_reached_through_any_route(web, open_app):
    folder = open_app.log.parent
    (folder / "gradio").mkdir(exist_ok=True)
    (folder / "gradio" / "left-there.txt").write_text("secret", encoding="utf-8")
    wanted = [*OUTSIDE, str(folder / "app.log"), str(folder / "gradio" / "left-there.txt"), str(folder)]
    for path in wanted:
        for route in (
            "file=",
            "file/",
            "gradio_api/file=",
            "gradio_api/file/",
            "gradio_api/stream/",
            "static/",
            "assets/",
        ):
            response = web.get(route + path)
            assert response.status_code >= 400, route + path
            assert "root:" not in response.text and "secret" not in response.text
    for route in (
        "proxy=https://example.org/",
        "gradio_api/proxy=https://example.org/",
        "monitoring",
        "gradio_api/vibe",
    ):
        assert web.get(route).status_code >= 400
    for upload in ("gradio_api/upload", "upload", "gradio_api/UPLOAD", "gradio_api/%75pload"):
        assert web.post(upload, files={"files": ("a.txt", b"a")}).status_code >= 400


def test_the_password_guards_what_is_served(closed_app):
    with httpx.Client(base_url=closed_app.url, trust_env=False, timeout=30) as web:
        for path in ("", "config", "gradio_api/info", "metrics", "mcp", "original/engrais", "gradio_api/heartbeat/x"):
            assert web.get(path).status_code == 401, path
        assert call(web, "ask", FERTILISER_QUESTION).status_code == 401
        assert web.get("healthz").status_code == 200
        basic = ("me", PASSWORD)
        assert web.get("metrics", auth=basic).status_code == 200
        asked = web.post("gradio_api/run/ask", json={"data": [FERTILISER_QUESTION, None]}, auth=basic)
        assert asked.json()["data"] == [answered(FERTILISER_QUESTION)]


@pytest.mark.browser
def test_a_browser_logs_in(browser, closed_app):
    page = browser.new_context(locale="fr-FR").new_page()
    page.goto(closed_app.url)
    page.get_by_label("Mot de passe").fill("faux")
    page.get_by_role("button", name="Entrer").click()
    page.get_by_role("alert").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not complaints(page)
    assert page.get_by_role("alert").inner_text() == "Ce n’est pas le mot de passe."
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#box textarea").fill(FERTILISER_QUESTION)
    page.locator("#box textarea").press("Enter")
    page.locator("#chat .answer a.cite").first.wait_for()
    page.context.close()


def test_behind_a_proxy_it_answers_to_its_name_and_to_no_other(tmp_path):
    options = json.dumps({"root_path": "/qa", "host_name": "docs.example.org"})
    with running(tmp_path, "chat_app.py", options) as app:
        for name, status in (("docs.example.org", 200), ("evil.example", 400), ("www.docs.example.org", 400)):
            page = httpx.get(app.url, headers={"host": name}, trust_env=False)
            assert page.status_code == status, name
        assert "/qa" in httpx.get(app.url, headers={"host": "docs.example.org"}, trust_env=False).text
        own = {"host": "docs.example.org", "origin": "https://docs.example.org"}
        asked = {"data": [FERTILISER_QUESTION, None]}
        assert httpx.post(f"{app.url}gradio_api/run/ask", headers=own, json=asked, trust_env=False).is_success


@pytest.mark.browser
def test_a_visitor_is_told_to_come_back(browser, web, open_app):
    page = browser.new_context(locale="en-GB").new_page()
    page.goto(open_app.url)
    page.locator("html[lang=en] #box textarea").wait_for()
    seen = threading.Event()

    def keep_asking(number):
        while not seen.is_set():
            call(web, "ask", f"attends {number}, engrais ?")

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(keep_asking, number) for number in range(4)]
        try:
            for turn in range(1, 6):  # now and then there is a place for it
                page.locator("#box textarea").fill("What do the rules say?")
                page.locator("#box textarea").press("Enter")
                expect(page.locator("#chat .again")).to_have_count(turn, timeout=20_000)
                if page.locator("#chat .problem").count():
                    break
            said = page.locator("#chat .problem").inner_text()
        finally:
            seen.set()
        for one in asking:
            one.result()
    assert said == "Too many questions at once. Try again in a moment."
    page.locator("#chat .again").last.click()
    expect(page.locator("#chat .problem")).to_have_count(0)
    expect(page.locator("#chat .answer")).to_have_count(turn)
    page.context.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(tmp_path, how):
    app = start_app(tmp_path)
    app.process.send_signal(how)
    assert app.process.wait(15) == 0
    assert "Traceback" not in app.log.read_text()


def test_beyond_this_machine_without_a_password_is_warned_of(tmp_path):
    with running(tmp_path, "chat_app.py", json.dumps({"host": "0.0.0.0"})) as app:
        pass
    assert "the chat has no password" in app.log.read_text()


def test_words_find_documents_whatever_their_case_and_accents():
    titles = ["Été à Dakar", "L’hiver", "Ete"]
    documents = [DocumentSummary(title, title, f"/a/{title}.txt", None, None, 1) for title in titles]
    documents.append(DocumentSummary("x", "", "/secret/Rapport.pdf", None, None, 1))
    assert [one.id for one in listed(documents, "été")] == ["Été à Dakar", "Ete"]
    assert [one.id for one in listed(documents, "dakar ETE")] == ["Été à Dakar"]
    assert [one.id for one in listed(documents, "rapport")] == ["x"]
    assert listed(documents, "secret") == [] and listed(documents, " ") == documents
