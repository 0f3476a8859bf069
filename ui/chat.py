"""The browser chat: a question box, cited answers, and the passage behind each citation.

It lays out what an answerer returns and decides nothing about answers; the drawing itself is in `render`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool

from index.errors import SourcierError
from qa.answer import Answer
from qa.retriever import LONGEST_QUESTION
from ui.assets import beside
from ui.conversation import Conversation, Turn
from ui.desk import BusyError, Desk
from ui.documents import DocumentsView
from ui.events import QUICK, sent
from ui.feedback import FeedbackLog
from ui.history_events import History
from ui.inbox import Inbox
from ui.programs import add_endpoints
from ui.render import message_html, panel_html, turn_html, words
from ui.texts import DEFAULT_LANGUAGE, TEXTS, Texts, preferred_language, texts_around

MOST_EXAMPLES = 4

# By the page itself, and at once: what is typed until the server answers is the next question already.
_EMPTY_THE_BOX = """(question, conversation) => {
  const box = document.querySelector('#box textarea');
  box.value = '';
  box.dispatchEvent(new Event('input', {bubbles: true}));
  return [question, conversation];
}"""

_logger = logging.getLogger(__name__)


class _Handlers:
    """The chat's events; each takes the session's conversation and returns what to draw."""

    def __init__(self, desk: Desk, history: History) -> None:
        self._desk = desk
        self._answerer = desk.backend
        self._history = history

    def open_page(self, conversation: Conversation, request: gr.Request) -> tuple[Any, ...]:
        chosen = request.cookies.get("sourcier-language")
        conversation.begin_in(chosen if chosen in TEXTS else preferred_language(request.headers.get("accept-language")))
        return self.redraw(conversation)

    def switch_language(self, language: str, conversation: Conversation) -> tuple[Any, ...]:
        conversation.switch_to(language if language in TEXTS else DEFAULT_LANGUAGE)
        return self.redraw(conversation)

    def redraw(self, conversation: Conversation) -> tuple[Any, ...]:
        """Update the switch and every component that holds words: header, buttons, chat, box, panel, conversations."""
        texts = conversation.texts
        # An empty chat is left as it is: where the page opens a kept conversation meanwhile, this may come after it.
        messages = _messages(conversation)
        shown: dict[str, Any] = {"value": messages} if messages else {}
        return (
            conversation.language,
            message_html.header_html(texts),
            gr.Button(value=texts.new_conversation),
            message_html.theme_html(texts),
            gr.Chatbot(
                **shown,
                placeholder=message_html.welcome_html(texts),
                examples=self.examples(conversation.language),
            ),
            gr.Textbox(label=texts.question_label, placeholder=texts.question_placeholder),
            self.panel(conversation),
            self._history.draw(conversation),
        )

    def draw(self, conversation: Conversation) -> tuple[list[Any], str]:
        return _messages(conversation), self.panel(conversation)

    def examples(self, language: str) -> list[Any]:
        return [{"text": question} for question in self._answerer.examples().get(language, ())[:MOST_EXAMPLES]]

    def add_question(self, question: object, conversation: Conversation) -> object:
        """Show a question at once, before it is answered."""
        cleaned = question.strip()[:LONGEST_QUESTION] if isinstance(question, str) else ""
        if not cleaned:
            return gr.skip()
        conversation.add(cleaned)
        return _messages(conversation)

    def add_example(self, conversation: Conversation, event: gr.SelectData) -> object:
        example = event.value if isinstance(event.value, dict) else {}
        return self.add_question(example.get("text"), conversation)

    async def answer_next(self, conversation: Conversation) -> AsyncIterator[tuple[Any, ...]]:
        """Answer the oldest question that waits; what is being read is drawn before the answer is."""
        async with conversation.answering:
            turn = conversation.next_waiting()
            if turn is None:
                yield gr.skip(), gr.skip()
                return
            async with aclosing(self._stages(turn, conversation)) as stages:
                async for stage in stages:
                    if not conversation.fill(stage):
                        yield gr.skip(), gr.skip()
                        return
                    yield _messages(conversation), gr.skip() if stage.found else self.panel(conversation)

    def show_source(self, conversation: Conversation, event: gr.EventData) -> object:
        wanted = sent(event)
        sequence, part = wanted.get("sequence"), wanted.get("part")
        if not isinstance(sequence, int) or not conversation.show(wanted.get("turn"), wanted.get("number"), part):
            return panel_html.gone_panel_html(conversation.texts)
        return self.panel(conversation, sequence)

    def ask_alone(self, conversation: Conversation, event: gr.EventData) -> object:
        """Ask a follow-up again without what it took over."""
        wanted = sent(event)
        return _messages(conversation) if conversation.ask_alone(wanted.get("turn")) else gr.skip()

    def clear(self, conversation: Conversation) -> tuple[Any, ...]:
        conversation.clear()
        return self.draw(conversation)

    def panel(self, conversation: Conversation, sequence: int = 0) -> str:
        shown, texts = conversation.shown, conversation.texts
        if shown is None or shown.turn.answer is None or not words.sources_of(shown.turn.answer):
            return panel_html.documents_panel_html(self._answerer.documents(), texts)
        turn, answer = shown.turn.number, shown.turn.answer
        if shown.part is None:
            return panel_html.sources_panel_html(turn, answer, shown.number, texts, sequence=sequence)
        return panel_html.document_panel_html(turn, answer, shown.number, texts, part=shown.part, sequence=sequence)

    async def _stages(self, turn: Turn, conversation: Conversation) -> AsyncGenerator[Turn, None]:
        """Yield a turn with the passages found for it, and then with what became of it."""
        try:
            if turn.filters and not await run_in_threadpool(self._desk.backend.documents, turn.filters):
                yield replace(turn, problem=conversation.texts.no_document_passes)
                return
            history = conversation.before(turn)
            asked = self._desk.stages(turn.question, history=history, filters=turn.filters)
            async with aclosing(asked) as stages:
                async for stage in stages:
                    if isinstance(stage, Answer):
                        yield replace(turn, answer=stage)
                    elif stage:
                        yield replace(turn, found=tuple(stage))
        except BusyError:
            yield replace(turn, is_refused=True)
        except SourcierError as error:
            yield replace(turn, problem=str(error))
        except Exception:  # whatever it is, the visitor is told and the chat goes on
            _logger.exception("a question could not be answered")
            yield replace(turn, problem="")


def build_chat(desk: Desk, *, inbox: Inbox | None = None, feedback: FeedbackLog | None = None) -> gr.Blocks:
    """Lay out the chat, with the endpoints for programs beside it.

    Without an inbox to send files to, visitors can neither add nor remove documents; without a log they are
    asked for no verdicts.
    """
    history = History(desk.backend, feedback)
    handlers = _Handlers(desk, history)
    documents = DocumentsView(desk.backend, inbox)
    texts = TEXTS[DEFAULT_LANGUAGE]
    chat = gr.Blocks(title="sourcier", fill_width=True, fill_height=True, analytics_enabled=False)
    with chat:
        conversation = gr.State(Conversation())
        with gr.Row(elem_id="top"):
            conversations = history.component(texts)
            header = gr.HTML(message_html.header_html(texts), elem_id="brand", js_on_load=None)
            documents.lay_out_button(texts)
            clear = gr.Button(texts.new_conversation, elem_id="clear", size="sm", min_width=0)
            theme = gr.HTML(
                message_html.theme_html(texts),
                elem_id="theme",
                js_on_load=beside("settings.js"),
                apply_default_css=False,
            )
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
                    placeholder=message_html.welcome_html(texts),
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
                documents.lay_out_filters()
            with gr.Column(scale=2, elem_id="right", min_width=0):
                panel = gr.HTML(
                    handlers.panel(Conversation()),
                    elem_id="panel",
                    js_on_load=beside("panel.js"),
                    apply_default_css=False,
                )
                documents.lay_out_list(texts)

        # Events that search wait in the queue; the others are quick and never wait behind them.
        search: dict[str, Any] = {
            "fn": handlers.answer_next,
            "inputs": [conversation],
            "outputs": [messages, panel],
            "trigger_mode": "multiple",  # or a second question asked meanwhile would never be answered
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": None,  # the desk lets in so many at once, whoever asks
        }
        face = [language, header, clear, theme, messages, box, panel, conversations]
        box.submit(
            handlers.add_question, [box, conversation], [messages], trigger_mode="multiple", js=_EMPTY_THE_BOX, **QUICK
        ).then(**search)
        messages.example_select(handlers.add_example, [conversation], [messages], **QUICK).then(**search)
        clear.click(handlers.clear, [conversation], [messages, panel], **QUICK)
        language.input(handlers.switch_language, [language, conversation], face, **QUICK).then(
            **documents.redrawing(conversation)
        )
        panel.cite(handlers.show_source, [conversation], [panel], trigger_mode="always_last", **QUICK)
        panel.alone(handlers.ask_alone, [conversation], [messages], trigger_mode="multiple", **QUICK).then(**search)
        history.wire(conversations, conversation, (messages, panel), draw=handlers.draw, search=search)
        chat.load(handlers.open_page, [conversation], face, **QUICK).then(**documents.redrawing(conversation))
        for change in documents.listen(conversation):
            change.then(handlers.panel, [conversation], [panel], **QUICK)
        add_endpoints(desk)
    return chat


def _messages(conversation: Conversation) -> list[Any]:
    texts = conversation.texts
    messages: list[Any] = []
    for turn in conversation:
        messages.append({"role": "user", "content": turn_html.asked_html(turn, texts)})
        messages.append({"role": "assistant", "content": _outcome_html(turn, texts)})
    return messages


def _outcome_html(turn: Turn, texts: Texts) -> str:
    tools = turn_html.tools_html(turn, texts)
    if turn.answer:
        return message_html.answer_html(turn.number, turn.answer, texts_around(turn.answer, texts)) + tools
    if turn.is_refused:
        return message_html.problem_html(texts.busy) + tools
    if turn.problem is not None:
        return message_html.problem_html(turn.problem or texts.failed) + tools
    if turn.is_stale:
        return turn_html.stale_html(texts) + tools
    return message_html.pending_html(turn.found, texts)
