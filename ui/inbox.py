"""Where browsers send files: each lies apart under a ticket until the page that sent it hands it in.

Gradio's own upload route stays closed: what it takes in, it also serves again.
"""

from __future__ import annotations

import hmac
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ui.uploads import Received, is_readable, shown_name

# Of all visitors together, on disk and not handed in.
MOST_FILES = 500
MOST_BYTES = 2 * 2**30
_PATIENCE_S = 3600.0
_LONGEST_NAME = 4096


class Inbox:
    """Files that were sent and not yet handed in, each under a ticket that only its sender knows.

    `key` is what a page has to show in order to send: one that was not read from this server has none,
    so no other site can send files through a visitor's browser.
    """

    def __init__(self, most_megabytes: int) -> None:
        self.most_megabytes = most_megabytes
        self.key = secrets.token_urlsafe(24)
        self.folder = Path(tempfile.mkdtemp(prefix="sourcier-inbox-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._waiting: dict[str, tuple[Received, int, float]] = {}
        self._lock = threading.Lock()

    def route(self) -> Route:
        """Return the route `PUT /upload?name=…`, which answers with a ticket."""
        return Route("/upload", self._receive, methods=["PUT"])

    def hand_in(self, tickets: Iterable[str]) -> list[Received]:
        """Give out the files of these tickets, each once; who takes them deletes them."""
        with self._lock:
            return [self._waiting.pop(ticket)[0] for ticket in dict.fromkeys(tickets) if ticket in self._waiting]

    async def _receive(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("x-upload-key", "").encode(), self.key.encode()):
            return PlainTextResponse("This page is of another time: load it again.", 403)
        name = request.query_params.get("name", "")[-_LONGEST_NAME:]
        if not is_readable(name):
            return PlainTextResponse("The index does not read files of this kind.", 415)
        limit = self.most_megabytes * 2**20
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            return PlainTextResponse(f"A file may have {self.most_megabytes} MB.", 413)
        if self._is_full():
            return PlainTextResponse("Too many files are waiting.", 507)
        ticket = secrets.token_urlsafe(24)
        path = self.folder / ticket
        size = 0
        try:
            with path.open("xb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit:
                        path.unlink()
                        return PlainTextResponse(f"A file may have {self.most_megabytes} MB.", 413)
                    file.write(chunk)
        except (OSError, ClientDisconnect):
            path.unlink(missing_ok=True)
            return PlainTextResponse("The file could not be kept.", 507)
        with self._lock:
            self._waiting[ticket] = (Received(shown_name(name), path), size, time.monotonic())
        return JSONResponse({"ticket": ticket})

    def _is_full(self) -> bool:
        """Whether no more can be taken, once what nobody asks for any more is thrown away."""
        now = time.monotonic()
        with self._lock:
            for ticket in [one for one, (_, _, since) in self._waiting.items() if now - since > _PATIENCE_S]:
                self._waiting.pop(ticket)[0].path.unlink(missing_ok=True)
            held = sum(size for _, size, _ in self._waiting.values())
            return len(self._waiting) >= MOST_FILES or held >= MOST_BYTES
