"""Serving the chat: port, address, who is let in, look."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute

from index.errors import InputError
from ui.assets import beside
from ui.backend import ChatBackend
from ui.chat import build_chat
from ui.desk import CONCURRENCY, QUEUE, Desk
from ui.feedback import FeedbackLog
from ui.guard import Guard
from ui.inbox import Inbox
from ui.mcp_server import Lifespan, mcp_routes
from ui.monitoring import Metrics, health_route
from ui.originals import original_route
from ui.password import PasswordGuard
from ui.resident import answering_shell

MAX_UPLOAD = 50
_THREADS_FOR_CLICKS = 32
LOOPBACK = ("127.0.0.1", "localhost")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%230f5c63'/%3E"
    "%3Crect x='7' y='13' width='18' height='7' fill='%23ffe58a'/%3E%3C/svg%3E"
)


_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """How the chat is served.

    `root_path` is where a proxy shows it, a path or a whole address, and `host_name` the name it is known by:
    requests for any other but this machine's own are refused. `concurrency` questions are answered at
    once and `queue` may wait; `metrics` and `mcp` add `/metrics` and `/mcp`. With `read_only`, visitors can neither
    add nor remove documents; else they may send files of up to `max_upload` megabytes.
    """

    port: int
    host: str = "127.0.0.1"
    root_path: str = ""
    host_name: str = ""
    password: str | None = None
    concurrency: int = CONCURRENCY
    queue: int = QUEUE
    metrics: bool = False
    mcp: bool = False
    read_only: bool = False
    max_upload: int = MAX_UPLOAD


def launch_chat(
    backend: ChatBackend,
    serving: Serving,
    *,
    open_browser: bool = False,
    on_ready: Callable[[str], None] | None = None,
    feedback: FeedbackLog | None = None,
    folder: Path | None = None,
) -> None:
    """Serve the chat until Ctrl-C or SIGTERM; `on_ready` receives its address once it answers.

    `feedback` is where verdicts on answers are kept; without it none are asked for. With `folder`, the index
    folder, questions asked from a shell are answered too. Raises `InputError` when
    the port cannot be listened on, or a package that was asked for is missing.
    """
    _check_port(serving.host, serving.port)
    _reach_loopback_directly()
    metrics = Metrics(backend) if serving.metrics else None
    desk = Desk(
        backend, concurrency=serving.concurrency, queue=serving.queue, on_done=metrics.note if metrics else None
    )
    inbox = None if serving.read_only else Inbox(serving.max_upload)
    chat = build_chat(desk, inbox=inbox, feedback=feedback).queue(max_size=None, default_concurrency_limit=None)
    style = "".join(map(beside, ("chat.css", "history.css", "documents.css")))
    with _stopped_by_signals():
        try:
            _, address, _ = chat.launch(
                server_name=serving.host,
                server_port=serving.port,
                root_path=serving.root_path or None,
                inbrowser=open_browser,
                # Gradio's own limit must not hold questions back before the desk sees them.
                max_threads=serving.concurrency + serving.queue + _THREADS_FOR_CLICKS,
                prevent_thread_lock=True,
                theme=_theme(),
                head=f'<link rel="icon" href="{_ICON}"><style>{style}</style>',
                app_kwargs=_app_options(desk, inbox, metrics, serving, folder),
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                mcp_server=False,
                share=False,
                show_error=False,
                ssr_mode=False,
                pwa=False,
                quiet=True,
            )
            _logger.info("the chat answers at %s", address)
            if on_ready:
                on_ready(address)
            while chat.is_running:
                threading.Event().wait(0.5)
        except KeyboardInterrupt:
            _logger.info("the chat stops")
        finally:
            chat.close(verbose=False)


def _app_options(
    desk: Desk, inbox: Inbox | None, metrics: Metrics | None, serving: Serving, folder: Path | None
) -> dict[str, Any]:
    """Return what the web application has beside the chat: its own routes, and who may come in."""
    routes: list[BaseRoute] = [original_route(desk.backend), health_route(desk.backend)]
    options: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    if inbox is not None:
        routes.append(inbox.route())
    if metrics is not None:
        routes.append(metrics.route())
    lifespans: list[Lifespan] = []
    if folder is not None:
        lifespans.append(lambda _app: answering_shell(desk, folder))
    if serving.mcp:
        tools, lifespan = mcp_routes(desk)
        routes += tools
        lifespans.append(lifespan)

    @asynccontextmanager
    async def beside_the_chat(app: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for lifespan in lifespans:
                await running.enter_async_context(lifespan(app))
            yield

    return {**options, "lifespan": beside_the_chat, "routes": routes, "middleware": _middleware(serving)}


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM, by which services are stopped, do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_port(host: str, port: int) -> None:
    """Fail at once and in plain words, where Gradio would wait and suggest its own variables."""
    if not 0 < port < 65536:
        raise InputError(f"port {port} does not exist; choose one from 1024 to 65535 with --port")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # elsewhere this option would share a busy port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use; choose another with --port") from error
        reason = error.strerror or str(error)
        raise InputError(f"cannot listen on {host}, port {port}: {reason}; choose another with --port") from error


def _reach_loopback_directly() -> None:
    """Keep Gradio's own start-up check away from a proxy set for the whole machine."""
    for name in ("NO_PROXY", "no_proxy"):
        present = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(dict.fromkeys(filter(None, [*present, *LOOPBACK])))


def _middleware(serving: Serving) -> list[Middleware]:
    """Return who is let in, outermost first."""
    middleware = [Middleware(Guard)]
    is_local = serving.host in LOOPBACK
    names = [*LOOPBACK, *([serving.host_name] if serving.host_name else [])]
    if is_local or serving.host_name:
        # Or a web page could reach the chat through a name of its own that leads to this machine.
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False))
    if serving.password is not None:
        middleware.append(Middleware(PasswordGuard, password=serving.password, root_path=serving.root_path))
    elif not is_local:
        _logger.warning("the chat has no password: whoever can reach %s can read the documents", serving.host)
    return middleware


def _theme() -> gr.themes.Base:
    """Return Gradio's plainest theme in our colours; only these weights of the font have all letters."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="md",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="#faf7f2",
        body_background_fill_dark="#171614",
        body_text_color="#24211c",
        body_text_color_dark="#ece7dd",
        body_text_color_subdued="#645d52",
        body_text_color_subdued_dark="#b5ad9e",
        background_fill_primary="#fffefb",
        background_fill_primary_dark="#201f1c",
        background_fill_secondary="#f4efe6",
        background_fill_secondary_dark="#292723",
        block_background_fill="#fffefb",
        block_background_fill_dark="#201f1c",
        border_color_primary="#e3dccf",
        border_color_primary_dark="#3b3832",
        input_placeholder_color="#6e675b",
        input_placeholder_color_dark="#a39b8c",
    )
