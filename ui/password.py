"""One password for everything: a login page for browsers, HTTP Basic for programs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from index import InputError
from ui.guard import App, Receive, Scope, Send
from ui.render.login_html import login_html
from ui.texts import TEXTS, preferred_language

VARIABLE = "SOURCIER_PASSWORD"
COOKIE = "sourcier-session"

_SESSION_S = 7 * 24 * 3600
# /healthz tells nothing of the documents; the other is how Gradio finds out, at start, that it serves.
_OPEN = ("/healthz", "/gradio_api/startup-events")
_LONGEST_FORM = 4096
# Wrong passwords from one address before it has to wait, and the longest wait.
_FREE_ATTEMPTS = 5
_LONGEST_WAIT_S = 60.0
_ADDRESSES_KEPT = 10_000


def find_password(path: Path | None) -> str | None:
    """Return the password in a file's first line, else in the environment, else None.

    Raises InputError for a file that cannot be read, and for an empty password.
    """
    if path is not None:
        try:
            first = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the password in {path} ({error}): expected a text file") from error
        if not first:
            raise InputError(f"{path} is empty: expected the password in its first line")
        return first
    found = os.environ.get(VARIABLE)
    if found == "":
        raise InputError(f"{VARIABLE} is empty: expected a password, or no such variable")
    return found


class PasswordGuard:
    """ASGI middleware that lets in who has logged in or sends the password with the request."""

    def __init__(self, app: App, *, password: str, root_path: str = "") -> None:
        self._app = app
        self._key = secrets.token_bytes(32)
        self._digest = self._hashed(password)
        self._home = urlsplit(root_path).path.rstrip("/") + "/"
        self._failures = _Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "lifespan" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        address = _neighbourhood((scope.get("client") or ("", 0))[0])
        wait = 0.0
        given = _basic_password(headers.get(b"authorization", ""))
        if self._is_logged_in(headers.get(b"cookie", "")):
            is_let_in = True
        else:
            wait = self._failures.wait(address)
            is_let_in = given is not None and not wait and self._is_right(given, address)
        if is_let_in:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] == "POST" and scope["path"].endswith("/login"):
            form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
            typed = form.get("password", [""])[0]
            if not wait and self._is_right(typed, address):
                await self._welcome(scope, headers, send)
            else:
                await self._refuse(headers, send, wait=self._failures.wait(address), was_wrong=True)
        else:
            await self._refuse(headers, send, wait=wait, was_wrong=False)

    def _hashed(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode("utf-8", "surrogatepass"), key=self._key).digest()

    def _is_right(self, password: str, address: str) -> bool:
        is_right = hmac.compare_digest(self._hashed(password), self._digest)
        self._failures.note(address, is_right=is_right)
        return is_right

    def _signature(self, expiry: str) -> str:
        return hmac.new(self._key, expiry.encode(), hashlib.sha256).hexdigest()

    def _is_logged_in(self, cookie: str) -> bool:
        try:
            value = SimpleCookie(cookie)[COOKIE].value
        except (CookieError, KeyError):
            return False
        expiry, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(expiry).encode()):
            return False
        return int(expiry) > time.time()

    async def _welcome(self, scope: Scope, headers: dict[bytes, str], send: Send) -> None:
        expiry = str(int(time.time()) + _SESSION_S)
        # A proxy that speaks https to the browser says so; it can only make the cookie stricter.
        is_secure = "https" in (scope.get("scheme"), headers.get(b"x-forwarded-proto"))
        cookie = (
            f"{COOKIE}={expiry}.{self._signature(expiry)}; Path={self._home};"
            f" Max-Age={_SESSION_S}; HttpOnly; SameSite=Strict{'; Secure' if is_secure else ''}"
        )
        await _respond(send, 303, b"", [(b"location", self._home.encode()), (b"set-cookie", cookie.encode())])

    async def _refuse(self, headers: dict[bytes, str], send: Send, *, wait: float, was_wrong: bool) -> None:
        status = 429 if wait else 401
        extra = [(b"retry-after", str(int(wait) + 1).encode())] if wait else []
        if "text/html" in headers.get(b"accept", ""):
            texts = TEXTS[preferred_language(headers.get(b"accept-language"))]
            page = login_html(texts, self._home + "login", wait=wait, was_wrong=was_wrong)
            # Under "no-referrer" a browser would not say that its form is of this site.
            extra += [(b"content-type", b"text/html; charset=utf-8"), (b"referrer-policy", b"same-origin")]
            await _respond(send, status, page.encode(), extra)
            return
        # A browser that was asked for this on behalf of a page would show a window of its own.
        if b"sec-fetch-mode" not in headers:
            extra.append((b"www-authenticate", b'Basic realm="sourcier", charset="UTF-8"'))
        body = b'{"detail":"a password is needed: log in, or send it by HTTP Basic"}'
        await _respond(send, status, body, [(b"content-type", b"application/json"), *extra])


class _Failures:
    """Wrong passwords in a row, by the address they came from; the newest addresses only."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note(self, address: str, *, is_right: bool) -> None:
        count, _ = self._counts.pop(address, (0, 0.0))
        if not is_right:
            self._counts[address] = (count + 1, time.monotonic())
            if len(self._counts) > _ADDRESSES_KEPT:
                self._counts.popitem(last=False)

    def wait(self, address: str) -> float:
        """Return for how many seconds an address is not listened to: twice as long each time."""
        count, last = self._counts.get(address, (0, 0.0))
        if count < _FREE_ATTEMPTS:
            return 0.0
        wait = min(_LONGEST_WAIT_S, 2.0 ** (count - _FREE_ATTEMPTS))
        return max(0.0, last + wait - time.monotonic())


def _neighbourhood(address: str) -> str:
    """Return what one who guesses has one of: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def _basic_password(header: str) -> str | None:
    """Return the password of an Authorization header; any user name will do."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= _LONGEST_FORM:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
    return b""


async def _respond(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    always = [(b"cache-control", b"no-store"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *always]})
    await send({"type": "http.response.body", "body": body})
