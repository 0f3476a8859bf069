"""HTML of the panel beside the conversation: the passages behind an answer, or the documents."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from index.document import Document
from qa.answer import Answer, Repeat
from ui.render.elements import copy_button, date_html, escape, fill, language_of, slice_html, title_html, where_html
from ui.render.words import Source, citation_as_text, clip, file_name, sources_of, web_address
from ui.texts import Texts

LONGEST_LIST = 50
# Of what stands in many sources, so many quotes are shown.
MOST_REPEATS = 10


def documents_panel_html(documents: Sequence[Document], texts: Texts) -> str:
    """Return the panel's empty state: what is indexed."""
    rows = "".join(_document_html(document, texts) for document in documents[:LONGEST_LIST])
    left = len(documents) - LONGEST_LIST
    if left > 0:
        rows += f'<li class="more">{escape(texts.and_more.format(count=left))}</li>'
    if documents:
        heading = escape(texts.documents.format(count=len(documents)))
        hint = escape(texts.panel_hint)
        body = f'<p class="hint">{hint}</p><h3>{heading}</h3><ul class="documents">{rows}</ul>'
    else:
        body = f'<p class="hint">{escape(texts.no_documents)}</p>'
    return _panel(body, texts, "")


def sources_panel_html(turn: int, answer: Answer, active: int, texts: Texts, *, sequence: int = 0) -> str:
    """Return one card for each source of an answer, number `active` open and its sentence lit.

    `sequence` only makes two equal panels differ, so that a second click on a number is noticed.
    """
    cards = "".join(_card_html(source, active, texts) for source in sources_of(answer))
    question = f'<p class="asked"><bdi>{escape(clip(answer.question))}</bdi></p>'
    state = f' data-turn="{turn:d}" data-active="{active:d}" data-sequence="{sequence:d}"'
    return _panel(question + cards, texts, state)


def gone_panel_html(texts: Texts) -> str:
    """Return what a click shows when the server no longer knows the answer, as after a restart."""
    return _panel(f'<p class="hint">{escape(texts.source_gone)}</p>', texts, "")


def _panel(body: str, texts: Texts, state: str) -> str:
    # panel.js takes its words, and the page's language, from here.
    words = {"language": texts.language, "copied": texts.copied, "send": texts.send}
    words |= {"question": texts.question_label, "examples": texts.examples, "conversation": texts.conversation}
    data = "".join(f' data-{name}="{escape(word)}"' for name, word in words.items())
    return (
        f'<section class="panel" aria-label="{escape(texts.panel)}" lang="{texts.language}"{data}{state}>'
        f'<header><h2 tabindex="-1">{escape(texts.panel)}</h2>'
        f'<button type="button" class="close" aria-label="{escape(texts.close_panel)}">✕</button></header>'
        f"{body}</section>"
    )


def _document_html(document: Document, texts: Texts) -> str:
    return f"<li>{title_html(document)}{date_html(document, texts)}</li>"


def _card_html(source: Source, active: int, texts: Texts) -> str:
    is_open = source.number == active
    kind = texts.source if source.citation else texts.passage
    badge = "" if source.citation else f'<p class="badge">{escape(texts.closest_badge)}</p>'
    copy_label = texts.copy_citation if source.citation else texts.copy_passage
    repeats = source.citation.also_in if source.citation else ()
    return (
        f'<article class="card{" open" if is_open else ""}{"" if source.citation else " near"}">'
        f'<h3><button type="button" class="toggle" aria-expanded="{"true" if is_open else "false"}"'
        f' data-number="{source.number:d}"><span class="number"><span class="unseen">{escape(kind)} </span>'
        f"{source.number:d}</span>{title_html(source.document)}{where_html(source, texts)}</button></h3>"
        f'<div class="body">{badge}{_passage_html(source)}{_repeats_html(repeats, texts)}'
        f'<p class="actions">{_origin_html(source.document, texts)}'
        f"{copy_button(copy_label, citation_as_text(source, texts))}</p></div></article>"
    )


def _passage_html(source: Source) -> str:
    """Return the whole passage; its text content is `document.text[start:end]`, character for character."""
    document, citation = source.document, source.citation
    if citation is None:
        marked = escape(document.text[source.start : source.end])
    else:
        marked = (
            escape(document.text[source.start : citation.start])
            + f"<mark>{slice_html(document, citation.start, citation.end, citation.span)}</mark>"
            + escape(document.text[citation.end : source.end])
        )
    return f'<blockquote dir="auto"{language_of(document)}>{marked}</blockquote>'


def _repeats_html(repeats: Sequence[Repeat], texts: Texts) -> str:
    shown = "".join(
        f'<div class="repeat"><p>{fill(texts.also_in_document, title=title_html(repeat.document))}</p>'
        f'<blockquote dir="auto"{language_of(repeat.document)}>{escape(repeat.quote)}</blockquote></div>'
        for repeat in repeats[:MOST_REPEATS]
    )
    left = len(repeats) - MOST_REPEATS
    return shown + (f'<p class="more">{escape(texts.and_more.format(count=left))}</p>' if left > 0 else "")


def _origin_html(document: Document, texts: Texts) -> str:
    address = web_address(document.source)
    if address:
        label = texts.open_source.format(host=clip(urlsplit(address).hostname or "", 60))
        return (
            f'<a class="origin" href="{escape(address)}" target="_blank"'
            f' rel="noopener noreferrer nofollow">{escape(label)}</a>'
        )
    name = clip(" = ".join(map(file_name, document.sources)))
    return f'<span class="origin">{fill(texts.file, name=f"<bdi>{escape(name)}</bdi>")}</span>' if name else ""
