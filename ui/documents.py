"""The documents beside the conversation: a list to find and filter them in, and the way in and out for files."""

from __future__ import annotations

import glob
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from index.dates import parse_date
from index.errors import InputError, SourcierError
from index.filters import Filters
from ui.assets import beside
from ui.backend import ChatBackend
from ui.conversation import Conversation
from ui.events import QUICK, sent
from ui.inbox import Inbox
from ui.listing import listed
from ui.render import documents_html
from ui.render.documents_html import MOST_FILES
from ui.texts import Texts
from ui.uploads import REASONS, Outcome, Refusal, shown_name

_LONGEST_FIELD = 200
# How often the progress of files is drawn.
_TICK_S = 0.2
# Files are added one after another, wherever they come from; so many visitors may watch.
_ADDING: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}

_logger = logging.getLogger(__name__)


class DocumentsView:
    """The parts of the page that show documents, and their events; without an inbox nothing can be changed."""

    def __init__(self, backend: ChatBackend, inbox: Inbox | None) -> None:
        self._backend = backend
        self._inbox = inbox

    def lay_out_button(self, texts: Texts) -> None:
        self._button = gr.HTML(
            documents_html.button_html(texts), elem_id="documents-button", js_on_load=None, apply_default_css=False
        )

    def lay_out_filters(self) -> None:
        self._chips = gr.HTML("", elem_id="filters", js_on_load=None, apply_default_css=False)

    def lay_out_list(self, texts: Texts) -> None:
        with gr.Column(elem_id="documents", min_width=0):
            self._form = gr.HTML(
                documents_html.form_html((), texts),
                elem_id="documents-form",
                js_on_load=beside("documents.js"),
                apply_default_css=False,
            )
            self._outcome = gr.HTML("", elem_id="documents-outcome", js_on_load=None, apply_default_css=False)
            self._list = gr.HTML("", elem_id="documents-list", js_on_load=None, apply_default_css=False)

    def redrawing(self, conversation: gr.State) -> dict[str, Any]:
        """Return the event that draws everything in the visitor's language."""
        parts = [self._button, self._form, self._outcome, self._list, self._chips]
        return {"fn": self._redraw, "inputs": [conversation], "outputs": parts, **QUICK}

    def listen(self, conversation: gr.State) -> list[Any]:
        """Listen to the page; return the events after which there are other documents."""
        lists = [self._list, self._chips]
        self._form.seek(self._seek, [conversation], lists, trigger_mode="multiple", **QUICK)
        if self._inbox is None:
            return []
        changed = [self._form, self._outcome, *lists]
        # Removing waits for the files being added, so it must not hold up what is quick.
        return [
            self._form.take(self._take, [conversation], changed, trigger_mode="multiple", **_ADDING),
            self._form.discard(self._discard, [conversation], changed, trigger_mode="multiple", **_ADDING),
        ]

    def _redraw(self, conversation: Conversation) -> tuple[str, ...]:
        texts = conversation.texts
        return documents_html.button_html(texts), self._form_html(texts), "", *self._lists(conversation)

    def _seek(self, conversation: Conversation, event: gr.EventData) -> tuple[Any, ...]:
        """Look for documents, and have the next questions asked of those that pass the filters."""
        wanted = sent(event)
        sequence = wanted.get("sequence")
        if not isinstance(sequence, int) or sequence <= conversation.last_look:
            return gr.skip(), gr.skip()  # overtaken by what was typed after it
        conversation.last_look = sequence
        fields = {name: value.strip()[:_LONGEST_FIELD] for name, value in wanted.items() if isinstance(value, str)}
        conversation.looked_for = fields.get("search", "")
        try:
            conversation.filters = self._filters(fields, conversation.texts) or None
        except InputError as error:
            return self._lists(conversation, str(error))
        return self._lists(conversation)

    def _filters(self, fields: dict[str, str], texts: Texts) -> Filters:
        """Return what the fields of a browser ask for; raises InputError, in the visitor's language."""
        after, before = (_date(fields.get(name, ""), texts) for name in ("after", "before"))
        language, source = fields.get("language", ""), fields.get("source", "")
        if fields.get("only"):
            # What is one document only is found by its whole path, whatever characters are in it.
            found = [one.source for one in self._backend.documents() if one.id == fields["only"]]
            source = glob.escape(found[0] if found else fields["only"])
        languages = (language,) if language in self._languages() else ()
        try:
            return Filters(after=after, before=before, languages=languages, sources=(source,) if source else ())
        except InputError as error:
            raise InputError(texts.bad_order) from error

    def _take(self, conversation: Conversation, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        """Add the files that a page has sent, and say meanwhile how far that is."""
        wanted = sent(event)
        assert self._inbox is not None
        files = self._inbox.hand_in(_strings(wanted.get("tickets")))
        unsent = _refusals(wanted.get("refused"))
        begun = threading.Event()
        job = _Job(lambda: self._backend.add_files(files, begun.set))
        drawn = None
        while files and not job.has_ended(_TICK_S):
            now = begun.is_set(), conversation.language
            if drawn != now:
                drawn = now
                said = documents_html.progress_html(conversation.texts, is_waiting=not begun.is_set())
                yield gr.skip(), said, gr.skip(), gr.skip()
        texts, limit = conversation.texts, self._inbox.most_megabytes
        problem = job.problem(texts) if files else None
        if problem is not None:
            yield self._form_html(texts), documents_html.problem_html(problem), *self._lists(conversation)
            return
        came = job.result if files else Outcome()
        outcome = Outcome(came.added, came.unchanged, (*came.refused, *unsent))
        yield (
            self._form_html(texts),
            documents_html.outcome_html(outcome, texts, limit=limit),
            *self._lists(conversation),
        )

    def _discard(self, conversation: Conversation, event: gr.EventData) -> tuple[Any, ...]:
        """Remove a document."""
        wanted = sent(event)
        texts = conversation.texts
        try:
            removed = self._backend.remove(_strings([wanted.get("document")]))
            said = documents_html.removed_html(removed, texts)
        except SourcierError as error:
            said = documents_html.problem_html(str(error))
        except Exception:  # whatever it is, the visitor is told and the chat goes on
            _logger.exception("a document could not be removed")
            said = documents_html.problem_html(texts.failed)
        return self._form_html(texts), said, *self._lists(conversation)

    def _form_html(self, texts: Texts) -> str:
        inbox = self._inbox
        key, limit = (inbox.key, inbox.most_megabytes) if inbox else ("", 0)
        languages = sorted(self._languages(), key=lambda code: documents_html.language_in_words(code, texts))
        return documents_html.form_html(languages, texts, key=key, limit=limit)

    def _lists(self, conversation: Conversation, problem: str = "") -> tuple[str, str]:
        """Return the list and the line of filters in force."""
        texts, filters = conversation.texts, conversation.filters
        passing = self._backend.documents(filters)
        found = listed(passing, conversation.looked_for)
        total = len(self._backend.documents())
        can_remove = self._inbox is not None
        return (
            documents_html.list_html(found, total, texts, problem=problem, can_remove=can_remove),
            documents_html.chips_html(filters, len(passing), texts),
        )

    def _languages(self) -> set[str]:
        return {one.language for one in self._backend.documents() if one.language and _is_code(one.language)}


class _Job:
    """Work in a thread of its own, which goes on when the page that began it is closed."""

    def __init__(self, work: Callable[[], Outcome]) -> None:
        self._work = work
        self._ended = threading.Event()
        self._error: Exception | None = None
        self.result = Outcome()
        threading.Thread(target=self._run, name="documents", daemon=True).start()

    def has_ended(self, seconds: float) -> bool:
        """Wait so long for the end; tell whether it has come."""
        return self._ended.wait(seconds)

    def problem(self, texts: Texts) -> str | None:
        """Return what to say of a failure; None where there was none."""
        if isinstance(self._error, SourcierError):
            return str(self._error)
        return texts.failed if self._error else None

    def _run(self) -> None:
        try:
            self.result = self._work()
        except SourcierError as error:
            self._error = error
        except Exception as error:  # whatever it is, the visitor is told and the chat goes on
            _logger.exception("files could not be added")
            self._error = error
        finally:
            self._ended.set()


def _is_code(language: str) -> bool:
    """Whether a language is one that filters take."""
    return len(language) == 2 and language.isascii() and language.isalpha() and language.islower()


def _date(said: str, texts: Texts) -> str | None:
    """Return the date that a field holds in ISO 8601; raises InputError, in the visitor's language."""
    if not said:
        return None
    date = parse_date(said, language=texts.language)
    if date is None:
        raise InputError(texts.bad_date)
    return date


def _strings(value: object) -> list[str]:
    """Return the strings of a list that comes from a browser, and may be anything."""
    return [one for one in value if isinstance(one, str)][:MOST_FILES] if isinstance(value, list) else []


def _refusals(value: object) -> tuple[Refusal, ...]:
    """Return the files that a page did not send, and why, as it says."""
    several = value[: 20 * MOST_FILES] if isinstance(value, list) else []
    return tuple(
        Refusal(shown_name(one["name"]), one["reason"])
        for one in several
        if isinstance(one, dict) and isinstance(one.get("name"), str) and one.get("reason") in REASONS
    )
