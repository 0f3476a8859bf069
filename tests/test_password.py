"""The password: every door, browsers and programs, wrong guesses."""

from __future__ import annotations

import base64
import itertools

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from index import InputError
from tests.loops import run
from ui import password
from ui.guard import Guard
from ui.password import COOKIE, PasswordGuard, find_password

RIGHT = "une phrase à soi : ça"
PAGE = {"accept": "text/html,*/*", "accept-language": "en"}


async def secret(_request):
    return PlainTextResponse("secret")


async def talk(socket):
    await socket.accept()
    await socket.send_text("secret")
    await socket.close()


def client_of(root_path="", **options):
    routes = [Route("/{path:path}", secret, methods=["GET", "POST"]), WebSocketRoute("/socket", talk)]
    guards = [Middleware(Guard), Middleware(PasswordGuard, password=RIGHT, root_path=root_path)]
    return TestClient(Starlette(routes=routes, middleware=guards), follow_redirects=False, **options)


def basic(typed, user="x"):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{typed}".encode()).decode()}


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    time = {"now": 1_000.0}
    monkeypatch.setattr(password.time, "monotonic", lambda: time["now"])
    monkeypatch.setattr(password.time, "time", lambda: time["now"])
    return time


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/mcp", "/metrics", "/original/a", "/a.js"])
def test_no_door_opens_without_it(path):
    client = client_of()
    for response in (client.get(path), client.post(path), client.get(path, headers=PAGE)):
        assert response.status_code == 401 and "secret" not in response.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket") as socket:
        socket.receive_text()
    assert client.get("/healthz").text == "secret", "a proxy asks for it"


def test_a_browser_logs_in_and_stays(clock):
    client = client_of()
    page = client.get("/", headers=PAGE)
    assert 'action="/login"' in page.text and "Password" in page.text and 'lang="en"' in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    welcome = client.post("/login", data={"password": RIGHT})
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/;"):
        assert part in welcome.headers["set-cookie"]
    assert "Secure" not in welcome.headers["set-cookie"]
    assert client.get("/").text == "secret"
    with client.websocket_connect("/socket") as socket:
        assert socket.receive_text() == "secret"
    # A browser forgets the cookie by itself; whoever kept it is not let in either.
    cookie = welcome.headers["set-cookie"].partition(";")[0]
    clock["now"] += 6 * 24 * 3600
    assert client.get("/", headers={"cookie": cookie}).text == "secret"
    clock["now"] += 2 * 24 * 3600
    assert client.get("/", headers={"cookie": cookie}).status_code == 401


def test_behind_a_proxy_the_cookie_is_for_its_path_and_for_https():
    client = client_of("https://example.org/qa/")
    assert 'action="/qa/login"' in client.get("/", headers=PAGE).text
    welcome = client.post("/login", data={"password": RIGHT}, headers={"x-forwarded-proto": "https"})
    assert welcome.headers["location"] == "/qa/"
    assert "Path=/qa/;" in welcome.headers["set-cookie"] and "; Secure" in welcome.headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["", "9999999999.", "9999999999.0" * 3, "x.y", "9999999999.é", '"'])
def test_a_forged_cookie_opens_nothing(cookie):
    client = client_of()
    headers = {"cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert client.get("/", headers=headers).status_code == 401


def test_the_cookie_of_another_server_opens_nothing():
    other = client_of()
    other.post("/login", data={"password": RIGHT})
    client = client_of()
    client.cookies = other.cookies
    assert client.get("/").status_code == 401


def test_programs_send_it_with_each_request():
    client = client_of()
    assert client.get("/", headers=basic(RIGHT)).text == "secret"
    assert client.get("/", headers=basic(RIGHT, user="")).text == "secret"
    refused = client.get("/", headers=basic("wrong"))
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic ")
    for odd in ("Basic", "Basic !", "Bearer " + RIGHT.encode().hex(), "Basic " + base64.b64encode(b"\xff").decode()):
        assert client.get("/", headers={"authorization": odd}).status_code == 401
    browser = client.get("/x.js", headers={"sec-fetch-mode": "cors"})
    assert browser.status_code == 401 and "www-authenticate" not in browser.headers, "no window of the browser's own"


def test_guessing_gets_slower_and_slower(clock):
    client = client_of()
    for _ in range(5):
        wrong = client.post("/login", data={"password": "wrong"}, headers=PAGE)
        assert "secret" not in wrong.text
    assert wrong.status_code == 429 and "Too many attempts" in wrong.text
    assert client.post("/login", data={"password": RIGHT}).status_code == 429, "not even the right one is listened to"
    assert client.get("/", headers=basic(RIGHT)).status_code == 429
    clock["now"] += 1.1
    assert client.get("/", headers=basic("wrong")).status_code == 401
    clock["now"] += 1.1
    assert client.get("/", headers=basic(RIGHT)).status_code == 429, "twice as long"
    clock["now"] += 1
    assert client.get("/", headers=basic(RIGHT)).text == "secret"
    statuses = [client.get("/", headers=basic("wrong")).status_code for _ in range(5)]
    assert statuses == [401] * 5, "and all is forgotten"


def test_one_who_guesses_keeps_nobody_else_out(clock):
    guesser, other = client_of(), None
    for _ in range(9):
        guesser.post("/login", data={"password": "wrong"})
    other = TestClient(guesser.app, client=("10.0.0.9", 1))
    assert other.get("/", headers=basic(RIGHT)).text == "secret"


def test_the_addresses_of_one_network_count_as_one(clock):
    app = client_of().app
    statuses = []
    for last in range(7):
        neighbour = TestClient(app, client=(f"2001:db8::{last}", 1))
        statuses.append(neighbour.get("/", headers=basic("wrong")).status_code)
    assert statuses == [401] * 5 + [429] * 2


def test_those_who_guess_fill_no_memory(monkeypatch):
    monkeypatch.setattr(password, "_ADDRESSES_KEPT", 3)
    failures = password._Failures()
    for number in range(10):
        failures.note(str(number), is_right=False)
    assert list(failures._counts) == ["7", "8", "9"]


def test_a_form_of_any_size_is_refused():
    client = client_of()
    assert client.post("/login", data={"password": "x" * 100_000}).status_code == 401
    assert client.post("/login", content=b"\xff\x00").status_code == 401


def test_a_form_without_end_is_read_no_further():
    sent = itertools.count()

    async def receive():
        next(sent)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": next(sent) < 1000}

    assert run(password._body(receive)) == b""
    assert next(sent) < 20


def test_it_comes_from_a_file_or_from_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "password"
    path.write_text(f"{RIGHT}\r\nnothing else counts\n", encoding="utf-8")
    monkeypatch.delenv("SOURCIER_PASSWORD", raising=False)
    assert find_password(None) is None
    monkeypatch.setenv("SOURCIER_PASSWORD", "other")
    assert (find_password(path), find_password(None)) == (RIGHT, "other")
    monkeypatch.setenv("SOURCIER_PASSWORD", "")
    with pytest.raises(InputError, match="SOURCIER_PASSWORD is empty"):
        find_password(None)
    path.write_text("\nsecond line", encoding="utf-8")
    with pytest.raises(InputError, match="expected the password in its first line"):
        find_password(path)
    with pytest.raises(InputError, match="cannot read the password"):
        find_password(tmp_path / "none")
