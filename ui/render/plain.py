"""Answers and passages → what the command prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from index import Document
from qa import Answer, SearchHit
from ui.render.words import (
    MOST_TITLES,
    also_in_heading,
    also_in_titles,
    closest_label,
    confidence_in_words,
    period_as_text,
    respellings_as_text,
    silence_in_words,
)
from ui.texts import TEXTS, Texts, texts_around


def printed_answer(answer: Answer, *, as_json: bool) -> str:
    """Return an answer as JSON, or as text with the words around it in the question's language."""
    return _json(answer.to_json()) if as_json else "\n".join(_answer_lines(answer))


def printed_hits(question: str, hits: Sequence[SearchHit], *, as_json: bool, filtered: bool) -> str:
    """Return the passages found, as JSON or as text; `filtered` tells why there may be none."""
    if as_json:
        return _json({"question": question, "hits": [hit.to_json() for hit in hits]})
    nothing = "No document passes the filters." if filtered else "The index is empty."
    return "\n\n".join("\n".join(_hit_lines(hit, TEXTS["en"])) for hit in hits) or nothing


def _answer_lines(answer: Answer) -> Iterator[str]:
    texts = texts_around(answer, TEXTS["en"])
    confidence = confidence_in_words(answer.confidence, texts)
    understood = [
        respellings_as_text(answer.respellings, texts),
        period_as_text(answer.period, texts) if answer.period else "",
    ]
    if any(understood):
        yield from filter(None, understood)
        yield ""
    if not answer.answered:
        said = silence_in_words(answer, texts)
        yield said if answer.asked_nothing else f"{said} {confidence}"
        if answer.closest:
            yield f"\n{closest_label(answer, texts)}"
        for hit in answer.closest:
            yield ""
            yield from _hit_lines(hit, texts)
        return
    for citation in answer.citations:
        before = f"({citation.context.text}) " if citation.context else ""
        yield f"{before}{citation.quote} [{citation.number}]"
    yield ""
    for citation in answer.citations:
        yield f"[{citation.number}] {_place(citation.document, citation.start, citation.end, texts)}"
        if citation.also_in:
            yield f"    {also_in_heading(len(citation.also_in), texts)}"
        for repeat in citation.also_in[:MOST_TITLES]:
            yield f"      {_place(repeat.document, repeat.start, repeat.end, texts)}"
        if len(citation.also_in) > MOST_TITLES:
            yield f"      {texts.and_more.format(count=len(citation.also_in) - MOST_TITLES)}"
    yield confidence


def _hit_lines(hit: SearchHit, texts: Texts) -> Iterator[str]:
    """Yield where a passage stands and what it says, or of one that was read the sentence that comes nearest."""
    part = hit.nearest or hit.passage
    yield f"{hit.rank}. {_place(hit.document, part.start, part.end, texts)}"
    yield part.text
    if hit.also_in:
        yield f"{also_in_heading(len(hit.also_in), texts)} {', '.join(also_in_titles(hit.also_in, texts))}"


def _place(document: Document, start: int, end: int, texts: Texts) -> str:
    page = document.page_at(start)
    parts = [
        document.title,
        document.date,
        " = ".join(Path(source).name for source in document.sources),
        texts.page.format(page=page) if page else "",
    ]
    described = ", ".join(part for part in parts if part) or document.id
    return f"{described}, {texts.characters.format(start=start, end=end)}"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
