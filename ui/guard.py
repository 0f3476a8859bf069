"""ASGI middleware that Gradio lacks: security headers, no pages of other sites, no files.

By default Gradio sends no Content-Security-Policy, `GET /gradio_api/file=https://…` makes the server itself
download that address, and what one visitor has uploaded is served to every other. Pure ASGI, since answers are
streamed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Gradio's own scripts are inline and compile templates, hence 'unsafe-inline' and 'unsafe-eval';
# what matters is that nothing can be loaded from, or sent to, another host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_CLOSED = ("/file=", "/file/", "/proxy=", "/gradio_api/upload", "/gradio_api/vibe", "/monitoring")


class Guard:
    """Refuse the routes this chat has no use for, and add security headers to every other response."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif is_foreign(scope["headers"]):
            await _forbid(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif is_closed(scope["path"]):
            await _forbid(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))


def is_foreign(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether a page of another site sends a request: browsers say so, and programs say nothing.

    Gradio, when it listens beyond this machine, lets pages of every site ask and read.
    """
    found = dict(headers)
    origin = found.get(b"origin")
    return origin is not None and urlsplit(origin).netloc.lower() != found.get(b"host", b"").lower()


def is_closed(path: str) -> bool:
    """Tell whether a request path is refused, however many times it was percent-encoded."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return any(part in path.lower() for part in _CLOSED)


def _with_headers(send: Send) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            headers += [header for header in _HEADERS if header[0] not in present]
            message = {**message, "headers": headers}
        await send(message)

    return send_guarded


async def _forbid(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain"), *_HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"Forbidden"})
