"""The small parts that messages and panel are made of.

Whatever is not a literal of these files goes through `escape`.
"""

from __future__ import annotations

import html
import re

from index.document import Document, DocumentSummary
from qa.answer import Span
from ui.render.words import Source, clip, date_in_words, title_of
from ui.texts import Texts

# As raw characters, these would be changed by Gradio (inspect.cleandoc) or by the HTML parser.
_KEPT_SPACES = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})

_LANGUAGE_TAG = re.compile("[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII | re.IGNORECASE)


def escape(text: object) -> str:
    """Make any text safe in HTML content and attributes; the DOM gives back the same characters."""
    escaped = html.escape(str(text), quote=True).translate(_KEPT_SPACES)
    return escaped.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent at all


def slice_html(document: Document, start: int, end: int, span: Span | None) -> str:
    """Return `document.text[start:end]` with the part that lies in `span` in bold."""
    text = document.text
    if span is None or span.end <= start or span.start >= end:
        return escape(text[start:end])
    bold, plain = max(start, span.start), min(end, span.end)
    return f"{escape(text[start:bold])}<strong>{escape(text[bold:plain])}</strong>{escape(text[plain:end])}"


def where_html(source: Source, texts: Texts) -> str:
    page = escape(texts.page.format(page=source.page)) if source.page else ""
    return f'<span class="where">{" · ".join(filter(None, (date_html(source.document, texts), page)))}</span>'


def title_html(document: Document | DocumentSummary) -> str:
    return f'<bdi class="title"{language_of(document)}>{escape(clip(title_of(document)))}</bdi>'


def date_html(document: Document | DocumentSummary, texts: Texts) -> str:
    if not document.date:
        return f'<span class="date">{escape(texts.undated)}</span>'
    words = date_in_words(document.date, texts)
    if words is None:
        return f'<bdi class="date">{escape(clip(document.date, 40))}</bdi>'
    return f'<time class="date" datetime="{escape(document.date)}">{escape(words)}</time>'


def copy_button(label: str, text: str) -> str:
    return f'<button type="button" class="copy" value="{escape(text)}">{escape(label)}</button>'


def language_of(document: Document | DocumentSummary) -> str:
    """Return the attribute for a document's words, where what it calls its language can be one."""
    is_tag = document.language and _LANGUAGE_TAG.fullmatch(document.language)
    return f' lang="{document.language}"' if is_tag else ""


def fill(template: str, **parts: str) -> str:
    """Escape a text and put ready-made HTML in its braces."""
    filled = escape(template)
    for name, part in parts.items():
        filled = filled.replace(f"{{{name}}}", part)
    return filled
