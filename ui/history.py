"""Conversations that the page keeps: what it sends back is anything until it was read here.

The page keeps them, the server forgets them. What comes back is taken apart piece by piece, and every
quote is read again from the documents; see `qa.restoring`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from index.errors import InputError
from index.filters import Filters
from qa.restoring import Library, document_ids, restore_answer
from qa.retriever import LONGEST_QUESTION
from ui.backend import ChatBackend
from ui.conversation import Turn
from ui.feedback import Feedback
from ui.render.history_html import LONGEST_TITLE

MOST_TURNS = 100
# Characters of a conversation as JSON.
LARGEST = 8_000_000
_LONGEST_PROBLEM = 2_000
_ID = re.compile(r"[0-9a-f]{16}")
_EXPECTED = "expected a conversation as the page keeps it"


@dataclass(frozen=True, slots=True)
class Kept:
    """A conversation that came back from the page."""

    id: str
    title: str
    turns: tuple[Turn, ...]


def read_conversation(stored: object, backend: ChatBackend) -> Kept:
    """Read what a page kept; an answer that the documents no longer hold leaves its question behind, stale.

    Raises InputError for what is no conversation.
    """
    try:
        size = len(json.dumps(stored))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"what was kept is no JSON: {_EXPECTED}") from error
    if size > LARGEST:
        raise InputError(f"a conversation of {size:,} characters was kept: expected at most {LARGEST:,}")
    if not isinstance(stored, dict) or not isinstance(stored.get("turns"), list):
        raise InputError(f"what was kept has no turns: {_EXPECTED}")
    id_, title, turns = stored.get("id"), stored.get("title"), stored["turns"]
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise InputError(f"what was kept has no name: {_EXPECTED}")
    if not 0 < len(turns) <= MOST_TURNS:
        raise InputError(f"{len(turns):,} turns were kept: expected 1 to {MOST_TURNS}")
    library = Library(backend.read(document_ids(turns)))
    read = tuple(_turn(number, turn, library) for number, turn in enumerate(turns, start=1))
    return Kept(id_, title.strip()[:LONGEST_TITLE] if isinstance(title, str) else "", read)


def _turn(number: int, stored: object, library: Library) -> Turn:
    question = _question(stored.get("question")) if isinstance(stored, dict) else ""
    if not isinstance(stored, dict) or not question:
        raise InputError(f"turn {number} has no question of up to {LONGEST_QUESTION:,} characters: {_EXPECTED}")
    alone = stored.get("alone") is True
    filters = Filters.from_json(stored["filters"]) if stored.get("filters") else None
    asked = Turn(number, question, alone=alone, filters=filters)
    if stored.get("answer") is not None:
        answer = restore_answer(stored["answer"], library)
        if answer is None or answer.question != question:
            return replace(asked, is_stale=True)
        return replace(asked, answer=answer, feedback=Feedback.from_json(stored.get("feedback")))
    problem = stored.get("problem")
    return replace(asked, problem=problem[:_LONGEST_PROBLEM] if isinstance(problem, str) else None)


def _question(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value.strip()) <= LONGEST_QUESTION else ""
