"""The chat's events around conversations that the page keeps, and around single turns of one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import gradio as gr

from index.errors import SourcierError
from qa.retriever import LONGEST_QUESTION
from ui.assets import beside
from ui.backend import ChatBackend
from ui.conversation import Conversation
from ui.events import QUICK, sent
from ui.feedback import Feedback, FeedbackLog
from ui.history import read_conversation
from ui.render.export import conversation_as_markdown
from ui.render.history_html import Notice, history_html
from ui.texts import Texts

_Answering = Callable[[Conversation], AsyncIterator[Any]]

_logger = logging.getLogger(__name__)


class History:
    """The page's list of conversations, and what can be done about a turn."""

    def __init__(self, backend: ChatBackend, feedback: FeedbackLog | None) -> None:
        self._backend = backend
        self._feedback = feedback

    def component(self, texts: Texts) -> gr.HTML:
        """Make the button that opens the list; history.js does the rest."""
        return gr.HTML(
            history_html(texts, None),
            elem_id="history",
            js_on_load=beside("history.js"),
            apply_default_css=False,
        )

    def draw(self, conversation: Conversation, notice: Notice | None = None) -> str:
        """Return the component's value, with the newest changes even if they were sent before: one may get lost."""
        if notice:
            conversation.announce()
        changes = conversation.changes() or conversation.last_changes
        return history_html(conversation.texts, changes, notice, takes_feedback=self._feedback is not None)

    def wire(
        self,
        component: gr.HTML,
        conversation: gr.State,
        face: tuple[gr.Chatbot, gr.HTML],
        *,
        draw: Callable[[Conversation], tuple[Any, Any]],
        search: Mapping[str, Any],
    ) -> None:
        """Attach the events: `face` are the messages and the panel, which `draw` draws."""
        events = _Events(self._backend, self._feedback, self.draw, draw)
        once = {**QUICK, "inputs": [conversation], "trigger_mode": "multiple"}
        messages, _ = face
        # Whatever has the messages drawn anew has changed something that is to be kept.
        messages.change(events.keep, [conversation], [component], trigger_mode="always_last", **QUICK)
        component.restore(events.restore, [conversation], [*face, component], trigger_mode="always_last", **QUICK).then(
            **{**search, "fn": _until_none_waits(search["fn"])}
        )
        component.fresh(events.begin, outputs=[*face, component], **once)
        component.resend(events.resend, outputs=[component], **once)
        component.save_file(events.save_file, outputs=[component], **once)
        component.again(events.ask_again, outputs=[messages], **once).then(**search)
        component.more(events.ask_for_more, outputs=[messages], **once).then(**search)
        component.edited(events.edit, outputs=[*face], **once).then(**search)
        component.rated(events.rate, outputs=[component], **once)


class _Events:
    """What happens when history.js reports something; all of that may be anything."""

    def __init__(
        self,
        backend: ChatBackend,
        feedback: FeedbackLog | None,
        keep: Callable[[Conversation, Notice | None], str],
        draw: Callable[[Conversation], tuple[Any, Any]],
    ) -> None:
        self._backend = backend
        self._feedback = feedback
        self._keep = keep
        self._draw = draw

    def keep(self, conversation: Conversation) -> object:
        return self._keep(conversation, None)

    def resend(self, conversation: Conversation) -> object:
        conversation.keep_all_again()
        return self._keep(conversation, None)

    def begin(self, conversation: Conversation) -> tuple[Any, ...]:
        conversation.clear()
        return *self._draw(conversation), self._keep(conversation, None)

    def restore(self, conversation: Conversation, event: gr.EventData) -> tuple[Any, ...]:
        """Open a conversation that the page kept, or a new one where it cannot be read."""
        try:
            kept = read_conversation(event._data, self._backend)
        except SourcierError as error:
            _logger.warning("a conversation could not be opened: %s", error)
            conversation.clear()
            notice = Notice(conversation.texts.history_unreadable)
            return *self._draw(conversation), self._keep(conversation, notice)
        conversation.restore(kept.id, kept.turns)
        return *self._draw(conversation), self._keep(conversation, None)

    def save_file(self, conversation: Conversation, event: gr.EventData) -> object:
        """Hand a kept conversation back as Markdown, with the quotes that the documents hold today."""
        try:
            kept = read_conversation(event._data, self._backend)
        except SourcierError as error:
            _logger.warning("a conversation could not be exported: %s", error)
            return self._keep(conversation, Notice(conversation.texts.history_unreadable))
        title = kept.title or kept.turns[0].question
        file = conversation_as_markdown(title, kept.turns, conversation.texts)
        return self._keep(conversation, Notice(file=file, conversation=kept.id))

    def ask_again(self, conversation: Conversation, event: gr.EventData) -> object:
        is_asked = conversation.ask_again(sent(event).get("turn"))
        return self._draw(conversation)[0] if is_asked else gr.skip()

    def ask_for_more(self, conversation: Conversation, event: gr.EventData) -> object:
        is_asked = conversation.follow(sent(event).get("turn"), conversation.texts.what_else)
        return self._draw(conversation)[0] if is_asked else gr.skip()

    def edit(self, conversation: Conversation, event: gr.EventData) -> tuple[Any, Any]:
        wanted = sent(event)
        question = wanted.get("question")
        cleaned = question.strip()[:LONGEST_QUESTION] if isinstance(question, str) else ""
        if not cleaned or not conversation.edit(wanted.get("turn"), cleaned):
            return gr.skip(), gr.skip()
        return self._draw(conversation)

    def rate(self, conversation: Conversation, event: gr.EventData) -> object:
        """Write a verdict down, and only then show it."""
        wanted = sent(event)
        rated = Feedback.from_json(wanted)
        turn = conversation.answered(wanted.get("turn"))
        if self._feedback is None or turn is None or turn.answer is None:
            return gr.skip()
        try:
            self._feedback.append(conversation.id, turn.answer, self._backend.holdings().generation, rated)
        except SourcierError as error:
            _logger.warning("a verdict could not be kept: %s", error)
            return self._keep(conversation, Notice(conversation.texts.feedback_failed))
        conversation.rate(turn, rated)
        texts = conversation.texts
        return self._keep(conversation, Notice(texts.feedback_sent if rated else texts.feedback_back))


def _until_none_waits(answer_next: _Answering) -> _Answering:
    async def answer_all(conversation: Conversation) -> AsyncIterator[Any]:
        while True:
            async for drawn in answer_next(conversation):
                yield drawn
            if not conversation.has_waiting:
                return

    return answer_all
