"""HTML of a whole document, with the cited sentence lit where it stands."""

from __future__ import annotations

import bisect
from itertools import pairwise

from index.document import Document
from ui.render.elements import date_html, escape, language_of, title_html
from ui.texts import Texts

# A browser lays out so many characters at once; the rest of a longer document is a click away.
PART = 40_000


def document_html(document: Document, texts: Texts, *, part: int = 0, lit: tuple[int, int] | None = None) -> str:
    """Return one part of a document, its text content `document.text[part * PART : (part + 1) * PART]`.

    `lit` are the offsets of what is marked. Where a page begins, its number stands in the margin.
    """
    last = max(0, len(document.text) - 1) // PART
    part = min(max(part, 0), last)
    start, end = part * PART, min((part + 1) * PART, len(document.text))
    cuts = {start, end, *(page for page in document.pages if start <= page < end)}
    if lit:
        cuts |= {offset for offset in lit if start < offset < end}
    offsets = sorted(cuts)
    pieces = "".join(
        _piece_html(document, a, b, texts, is_lit=bool(lit and lit[0] <= a and b <= lit[1]))
        for a, b in pairwise(offsets)
    )
    return (
        f'<article class="whole"><h3>{title_html(document)}</h3>'
        f'<p class="where">{date_html(document, texts)}</p>{_parts_html(part, last, texts)}'
        f'<blockquote dir="auto"{language_of(document)}>{pieces}</blockquote>{_parts_html(part, last, texts)}</article>'
    )


def part_of(offset: int) -> int:
    """Return the part of its document in which an offset lies."""
    return offset // PART


def _piece_html(document: Document, start: int, end: int, texts: Texts, *, is_lit: bool) -> str:
    text = escape(document.text[start:end])
    shown = f"<mark>{text}</mark>" if is_lit else text
    # Drawn by the style sheet from its name, so that it is no part of the text.
    page = bisect.bisect_right(document.pages, start)
    if page and document.pages[page - 1] == start:
        return f'<span class="page-begins" title="{escape(texts.page.format(page=page))}"></span>{shown}'
    return shown


def _parts_html(part: int, last: int, texts: Texts) -> str:
    if not last:
        return ""
    position = escape(texts.part.format(part=part + 1, parts=last + 1))
    earlier = _part_button(part - 1, texts.earlier_part) if part else ""
    later = _part_button(part + 1, texts.later_part) if part < last else ""
    return f'<p class="parts">{earlier}<span>{position}</span>{later}</p>'


def _part_button(part: int, label: str) -> str:
    return f'<button type="button" class="part" value="{part:d}">{escape(label)}</button>'
