"""What the page is given to keep and to draw the list of conversations with; history.js reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ui.conversation import Changes, Turn
from ui.feedback import LONGEST_COMMENT, REASONS
from ui.render.elements import escape
from ui.texts import Texts

LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page is to do once: `text` is said to the reader, `file` is the Markdown of a conversation to save."""

    text: str = ""
    file: str = ""
    conversation: str = ""


def history_html(
    texts: Texts, changes: Changes | None, notice: Notice | None = None, *, takes_feedback: bool = True
) -> str:
    """Return the button that opens the list, with the words and the news that history.js needs."""
    state = {**_changes_json(changes), "notice": _notice_json(notice)} if changes else None
    data = {
        "words": _words(texts),
        "state": state,
        "reasons": dict(zip(REASONS, texts.reasons, strict=True)) if takes_feedback else None,
        "longest": {"title": LONGEST_TITLE, "comment": LONGEST_COMMENT},
    }
    kept = "".join(f' data-{name}="{escape(json.dumps(value))}"' for name, value in data.items())
    return (
        f'<div class="history" lang="{texts.language}"{kept}>'
        f'<button type="button" id="history-open" aria-haspopup="dialog" title="{escape(texts.history)}">'
        f'<span class="unseen">{escape(texts.history)}</span></button></div>'
    )


def _changes_json(changes: Changes) -> dict[str, Any]:
    return {
        "conversation": changes.conversation,
        "sequence": changes.sequence,
        "numbers": list(changes.numbers),
        "turns": [turn_json(turn) for turn in changes.turns],
    }


def turn_json(turn: Turn) -> dict[str, Any]:
    """Return a turn as the page keeps it, and sends it back."""
    return {
        "number": turn.number,
        "question": turn.question,
        "alone": turn.alone,
        "filters": turn.filters.to_json() if turn.filters else None,
        "answer": turn.answer.to_json() if turn.answer else None,
        "problem": turn.problem,
        "stale": turn.is_stale,
        "feedback": turn.feedback.to_json() if turn.feedback else None,
    }


def _notice_json(notice: Notice | None) -> dict[str, str] | None:
    return {"text": notice.text, "file": notice.file, "conversation": notice.conversation} if notice else None


def _words(texts: Texts) -> dict[str, str]:
    names = (
        "language history history_hint history_none history_off history_full close_history rename new_title save cancel"
        " delete deleted undo delete_all delete_all_sure export_markdown export_json edit_question send why comment"
        " send_feedback feedback_hint"
    ).split()
    return {name: getattr(texts, name) for name in names}
