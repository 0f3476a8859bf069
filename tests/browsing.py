"""A chat in a process of its own, and pages of a real browser that look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

HERE = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "fr-FR"}
ENGLISH = {**DESKTOP, "locale": "en-GB"}
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "fr-FR", "is_mobile": True, "has_touch": True}

# Writes down every address that the server process connects to or looks up.
AUDIT = """
import sys
_log = open({path!r}, "a", buffering=1)
def _note(event, details):
    if event == "socket.connect":
        _log.write(f"{{details[1]}}\\n")
    elif event == "socket.getaddrinfo":
        _log.write(f"{{details[0]}}\\n")
sys.addaudithook(_note)
"""


CUT_OFF = (
    "AbortError: BodyStreamBuffer was aborted",
    "AbortError: signal is aborted without reason",
    "Unexpected error Connection errored out.",
)


@dataclass
class App:
    """The chat in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    connections: Path


@dataclass
class Visit:
    """An open page, and what a page must not do."""

    page: Any
    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def ask(self, question: str, answers: int = 1) -> None:
        self.send(question)
        expect(self.page.locator("#chat .answer")).to_have_count(answers)

    def reload(self) -> None:
        """Load the page again; what Gradio reports of a stream that this cuts off is no error of ours."""
        self.page.reload()
        self.errors[:] = [error for error in self.errors if not error.startswith(CUT_OFF)]

    def send(self, question: str) -> None:
        box = self.page.locator("#box textarea")
        box.fill(question)
        box.press("Enter")
        expect(box).to_have_value("")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(folder: Path, script: str = "chat_app.py", *arguments: str) -> App:
    """Start a script of this folder that serves the chat on a port, where an outside proxy leads nowhere."""
    port, connections = free_port(), folder / "connections.txt"
    (folder / "sitecustomize.py").write_text(AUDIT.format(path=str(connections)), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(folder), str(HERE.parent))),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE", "NO_PROXY", "no_proxy"):
        environment.pop(name, None)
    log = folder / "app.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(port), *arguments],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    app = App(f"http://127.0.0.1:{port}/", process, log, connections)
    _wait_until_it_answers(app)
    return app


@contextmanager
def running(folder: Path, script: str = "chat_app.py", *arguments: str) -> Iterator[App]:
    """Start the chat as `start_app` does, and end it."""
    app = start_app(folder, script, *arguments)
    try:
        yield app
    finally:
        app.process.terminate()
        app.process.wait(15)


def _wait_until_it_answers(app: App) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(240):
        try:
            direct.open(app.url + "healthz", timeout=2).close()
            return
        except OSError:
            if app.process.poll() is not None:
                break
            time.sleep(0.25)
    app.process.kill()
    app.process.wait()
    raise RuntimeError(f"the chat did not start:\n{app.log.read_text()}")


def expect_drawn(page: Any, language: str) -> None:
    """Wait until the server has drawn the whole page in this language."""
    expect(page.locator(f"html[lang={language}] #panel .panel[data-language={language}]")).to_be_attached()
    expect(page.locator("#box textarea")).to_be_visible()


def pages_of(browser: Any, app: App) -> Iterator[Callable[..., Visit]]:
    """Open pages; at the end none may have reported an error or asked another host for anything."""
    visits: list[Visit] = []

    def open_page(query: str = "", **options: Any) -> Visit:
        page = browser.new_context(**(options or DESKTOP)).new_page()
        page.set_default_timeout(10_000)
        visit = Visit(page)
        visits.append(visit)
        page.on("request", lambda request: visit.addresses.append(request.url))
        page.on("websocket", lambda socket: visit.addresses.append(socket.url))
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on("console", lambda line: visit.errors.append(line.text) if line.type == "error" else None)
        page.goto(app.url + query)
        expect_drawn(page, "en" if options.get("locale", "fr").startswith("en") else "fr")
        return visit

    yield open_page
    for opened in visits:
        assert not opened.errors, opened.errors
        hosts = {urlsplit(url).netloc for url in opened.addresses if not url.startswith(("data:", "blob:"))}
        assert hosts == {urlsplit(app.url).netloc}
        assert opened.page.evaluate("window.attacked") is None
        opened.page.context.close()


def chromium() -> str:
    """Return where the system's Chromium is; without one, skip here and fail in continuous integration."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    return path
