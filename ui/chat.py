"""The browser chat: a question box, cited answers, and the passage behind each citation.

The only module that imports Gradio. It draws what an answerer returns and decides nothing about
answers; the drawing itself is in `render`.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

# Gradio and the hub client read these while they are imported: no telemetry, no look-ups.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr
from gradio.events import api
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from index.document import Document
from index.errors import InputError, SourcierError
from index.filters import Filters
from qa.answer import Answer
from qa.retriever import LONGEST_QUESTION
from ui import render
from ui.conversation import Conversation, Turn
from ui.guard import Guard
from ui.texts import DEFAULT_LANGUAGE, TEXTS, Texts, preferred_language, texts_around

MOST_EXAMPLES = 4
LOOPBACK = ("127.0.0.1", "localhost")

_ANSWERING = {"concurrency_limit": 2, "concurrency_id": "answering"}
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%230f5c63'/%3E"
    "%3Crect x='7' y='13' width='18' height='7' fill='%23ffe58a'/%3E%3C/svg%3E"
)

_logger = logging.getLogger(__name__)


class ChatBackend(Protocol):
    """What the chat needs to know: answers, and what they can come from."""

    def ask(self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None) -> Answer:
        """Answer a question that may follow on from others; raise `SourcierError` for a mistake of who asked."""
        ...

    def documents(self) -> Sequence[Document]:
        """Return the indexed documents."""
        ...

    def examples(self) -> Mapping[str, Sequence[str]]:
        """Return example questions by interface language; may be empty."""
        ...


class _Handlers:
    """The chat's events; each takes the session's conversation and returns what to draw."""

    def __init__(self, answerer: ChatBackend) -> None:
        self._answerer = answerer

    def open_page(self, conversation: Conversation, request: gr.Request) -> tuple[Any, ...]:
        conversation.language = preferred_language(request.headers.get("accept-language"))
        return conversation.language, *self.redraw(conversation)

    def switch_language(self, language: str, conversation: Conversation) -> tuple[Any, ...]:
        conversation.language = language if language in TEXTS else DEFAULT_LANGUAGE
        return self.redraw(conversation)

    def redraw(self, conversation: Conversation) -> tuple[Any, ...]:
        """Update every component that holds words: header, clear button, chat, box, panel."""
        texts = conversation.texts
        return (
            render.header_html(texts),
            gr.Button(value=texts.new_conversation),
            gr.Chatbot(
                value=_messages(conversation),
                placeholder=render.welcome_html(texts),
                examples=self.examples(conversation.language),
            ),
            gr.Textbox(label=texts.question_label, placeholder=texts.question_placeholder),
            self.panel(conversation),
        )

    def examples(self, language: str) -> list[Any]:
        return [{"text": question} for question in self._answerer.examples().get(language, ())[:MOST_EXAMPLES]]

    def add_question(self, question: object, conversation: Conversation) -> tuple[Any, ...]:
        """Show a question at once, before it is answered, and empty the box."""
        cleaned = question.strip()[:LONGEST_QUESTION] if isinstance(question, str) else ""
        if not cleaned:
            return gr.skip(), gr.skip()
        conversation.add(cleaned)
        return _messages(conversation), ""

    def add_example(self, conversation: Conversation, event: gr.SelectData) -> object:
        example = event.value if isinstance(event.value, dict) else {}
        return self.add_question(example.get("text"), conversation)[0]

    def answer_next(self, conversation: Conversation) -> tuple[Any, ...]:
        turn = conversation.next_waiting()
        if turn is None or not conversation.fill(self._finish(turn, conversation.before(turn))):
            return gr.skip(), gr.skip()
        return _messages(conversation), self.panel(conversation)

    def show_source(self, conversation: Conversation, event: gr.EventData) -> object:
        wanted = event._data if isinstance(event._data, dict) else {}
        sequence = wanted.get("sequence")
        if not isinstance(sequence, int) or not conversation.show(wanted.get("turn"), wanted.get("number")):
            return render.gone_panel_html(conversation.texts)
        return self.panel(conversation, sequence)

    def ask_alone(self, conversation: Conversation, event: gr.EventData) -> object:
        """Ask a follow-up again without what it took over."""
        wanted = event._data if isinstance(event._data, dict) else {}
        return _messages(conversation) if conversation.ask_alone(wanted.get("turn")) else gr.skip()

    def clear(self, conversation: Conversation) -> tuple[Any, ...]:
        conversation.clear()
        return [], self.panel(conversation)

    def panel(self, conversation: Conversation, sequence: int = 0) -> str:
        if conversation.shown:
            turn, number = conversation.shown
            if turn.answer and render.sources_of(turn.answer):
                return render.sources_panel_html(
                    turn.number, turn.answer, number, conversation.texts, sequence=sequence
                )
        return render.documents_panel_html(self._answerer.documents(), conversation.texts)

    def _finish(self, turn: Turn, history: Sequence[Answer]) -> Turn:
        try:
            return replace(turn, answer=self._answerer.ask(turn.question, history=history))
        except SourcierError as error:
            return replace(turn, problem=str(error))
        except Exception:  # whatever it is, the visitor is told and the chat goes on
            _logger.exception("a question could not be answered")
            return replace(turn, problem="")


def build_chat(answerer: ChatBackend) -> gr.Blocks:
    """Lay out the chat over an answerer, with the public endpoint `/ask` beside it."""
    handlers = _Handlers(answerer)
    texts = TEXTS[DEFAULT_LANGUAGE]
    chat = gr.Blocks(title="sourcier", fill_width=True, fill_height=True, analytics_enabled=False)
    with chat:
        conversation = gr.State(Conversation())
        with gr.Row(elem_id="top"):
            header = gr.HTML(render.header_html(texts), elem_id="brand", js_on_load=None)
            clear = gr.Button(texts.new_conversation, elem_id="clear", size="sm", min_width=0)
            language = gr.Radio(
                [("FR", "fr"), ("EN", "en")],
                value=DEFAULT_LANGUAGE,
                label="Langue / Language",
                show_label=False,
                container=False,
                elem_id="language",
                min_width=0,
            )
        with gr.Row(elem_id="main"):
            with gr.Column(scale=3, elem_id="left", min_width=0):
                messages = gr.Chatbot(
                    elem_id="chat",
                    label=texts.conversation,
                    show_label=False,
                    height=None,
                    render_markdown=False,  # a quote is text, whatever it looks like
                    latex_delimiters=[],
                    sanitize_html=True,  # second layer: everything is escaped already
                    allow_tags=False,
                    allow_file_downloads=False,
                    buttons=[],
                    group_consecutive_messages=False,
                    placeholder=render.welcome_html(texts),
                    examples=handlers.examples(DEFAULT_LANGUAGE),
                )
                box = gr.Textbox(
                    elem_id="box",
                    label=texts.question_label,
                    show_label=False,
                    placeholder=texts.question_placeholder,
                    submit_btn=True,
                    max_lines=5,
                    max_length=LONGEST_QUESTION,
                )
            with gr.Column(scale=2, elem_id="right", min_width=0):
                panel = gr.HTML(
                    handlers.panel(Conversation()),
                    elem_id="panel",
                    js_on_load=_beside("panel.js"),
                    apply_default_css=False,
                )

        # Events that search wait in the queue; the others are quick and never wait behind them.
        quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        search: dict[str, Any] = {
            "fn": handlers.answer_next,
            "inputs": [conversation],
            "outputs": [messages, panel],
            "trigger_mode": "multiple",  # or a second question asked meanwhile would never be answered
            "show_progress": "hidden",
            "api_visibility": "private",
            **_ANSWERING,
        }
        face = [header, clear, messages, box, panel]
        box.submit(handlers.add_question, [box, conversation], [messages, box], trigger_mode="multiple", **quick).then(
            **search
        )
        messages.example_select(handlers.add_example, [conversation], [messages], **quick).then(**search)
        clear.click(handlers.clear, [conversation], [messages, panel], **quick)
        language.input(handlers.switch_language, [language, conversation], face, **quick)
        panel.cite(handlers.show_source, [conversation], [panel], trigger_mode="always_last", **quick)
        panel.alone(handlers.ask_alone, [conversation], [messages], trigger_mode="multiple", **quick).then(**search)
        chat.load(handlers.open_page, [conversation], [language, *face], **quick)
        api(_public_ask(answerer), api_name="ask", **_ANSWERING)
    return chat


def launch_chat(
    answerer: ChatBackend,
    *,
    port: int,
    host: str = "127.0.0.1",
    open_browser: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the chat until Ctrl-C; `on_ready` receives its address once it answers.

    Raises `InputError` when the port cannot be listened on.
    """
    _check_port(host, port)
    _reach_loopback_directly()
    chat = build_chat(answerer).queue(max_size=64)
    try:
        _, address, _ = chat.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            theme=_theme(),
            head=f'<link rel="icon" href="{_ICON}"><style>{_beside("chat.css")}</style>',
            app_kwargs={
                "middleware": _middleware(host),
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
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


def _messages(conversation: Conversation) -> list[Any]:
    texts = conversation.texts
    messages: list[Any] = []
    for turn in conversation:
        messages.append({"role": "user", "content": render.question_html(turn.question)})
        messages.append({"role": "assistant", "content": _outcome_html(turn, texts)})
    return messages


def _outcome_html(turn: Turn, texts: Texts) -> str:
    if turn.answer:
        return render.answer_html(turn.number, turn.answer, texts_around(turn.answer, texts))
    if turn.problem is not None:
        return render.problem_html(turn.problem or texts.failed)
    return render.pending_html(texts)


def _public_ask(answerer: ChatBackend) -> Callable[[str, dict[str, Any] | None], dict[str, Any]]:
    def ask(question: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer a question with sentences copied from the indexed documents, each with its source.

        Args:
            question: The question, in any language the documents are written in.
            filters: Which documents to ask: an object with some of after, before, sources, languages, metadata.
        """
        try:
            wanted = Filters.from_json(filters) if filters else None
            return answerer.ask(question, filters=wanted).to_json()
        except SourcierError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return ask


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


def _middleware(host: str) -> list[Middleware]:
    middleware = [Middleware(Guard)]
    if host in LOOPBACK:  # or a web page could reach the chat through a name that resolves to this machine
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK)))
    else:
        _logger.warning("the chat has no password: whoever can reach %s can read the documents", host)
    return middleware


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


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
