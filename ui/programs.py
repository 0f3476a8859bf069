"""What programs may call: `/ask`, `/retrieve` and `/documents`, with the JSON that the command prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.events import api

from index import Filters, InputError, SourcierError
from ui.backend import ChatBackend
from ui.desk import Desk
from ui.listing import listed

MOST_PASSAGES = 100
MOST_DOCUMENTS = 1000

# The desk sets the limits; Gradio's own would not hold for its route `/run`.
_OPEN = {"concurrency_limit": None}


def add_endpoints(desk: Desk) -> None:
    """Define the endpoints; called while a `gr.Blocks` is laid out."""

    async def ask(question: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer a question with sentences copied from the indexed documents, each with its source.

        Args:
            question: The question, in any language the documents are written in.
            filters: Which documents to ask: an object with some of after, before, sources, languages, metadata.
        """
        with _mistakes_told():
            return await answered(desk, question, filters)

    async def retrieve(question: str, top_k: int = 5, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """List the passages that match a question best.

        Args:
            question: The question, in any language the documents are written in.
            top_k: How many passages, from 1 to 100.
            filters: Which documents to look into: an object with some of after, before, sources, languages, metadata.
        """
        with _mistakes_told():
            return await retrieved(desk, question, top_k, filters)

    # Not async: reading a list takes a thread of its own, and holds up nobody else.
    def documents(search: str = "", offset: int = 0, limit: int = 100) -> dict[str, Any]:
        """List the indexed documents by title, without their texts.

        Args:
            search: Words that the title or the file name holds, in any case and with or without accents.
            offset: How many to pass over.
            limit: How many to list at most, from 1 to 1000.
        """
        with _mistakes_told():
            return _documents(desk.backend, search, offset, limit)

    for endpoint in (ask, retrieve, documents):
        api(endpoint, api_name=endpoint.__name__, **_OPEN)


async def answered(desk: Desk, question: str, filters: dict[str, Any] | None) -> dict[str, Any]:
    """Return an answer as `sourcier ask --json` prints it; what is given comes from outside and may be anything."""
    answer = await desk.ask(_text("question", question), filters=Filters.from_json(filters) if filters else None)
    return answer.to_json()


async def retrieved(desk: Desk, question: str, top_k: int, filters: dict[str, Any] | None) -> dict[str, Any]:
    """Return passages as `sourcier search --json` prints them; what is given comes from outside and may be anything."""
    hits = await desk.retrieve(
        _text("question", question),
        top_k=_between("top_k", top_k, 1, MOST_PASSAGES),
        filters=Filters.from_json(filters) if filters else None,
    )
    return {"question": question, "hits": [hit.to_json() for hit in hits]}


def _documents(backend: ChatBackend, search: str, offset: int, limit: int) -> dict[str, Any]:
    first = _between("offset", offset, 0, None)
    count = _between("limit", limit, 1, MOST_DOCUMENTS)
    generation = backend.holdings().generation
    found = listed(backend.documents(), _text("search", search))
    return {
        "generation": generation,
        "total": len(found),
        "documents": [asdict(one) for one in found[first : first + count]],
    }


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """Give a caller's mistake back as Gradio's kind of error, which reaches the caller word for word."""
    try:
        yield
    except SourcierError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r:.40}: expected a text")
    return value


def _between(name: str, value: object, least: int, most: int | None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= (value if most is None else most):
        return value
    expected = f"{least} or more" if most is None else f"from {least} to {most}"
    raise InputError(f"{name} is {value!r:.40}: expected a whole number, {expected}")
