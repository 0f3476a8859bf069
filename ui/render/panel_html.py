"""HTML of the panel beside the conversation: the passages behind an answer, or the documents."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from index.document import DocumentSummary
from qa.answer import Answer, Repeat
from ui.render.clipboard import citation_as_bibtex, citation_as_markdown, citation_as_text
from ui.render.document_html import document_html, part_of
from ui.render.elements import copy_button, date_html, escape, fill, language_of, slice_html, title_html, where_html
from ui.render.words import Source, address_of, clip, file_name, original_of, sources_of
from ui.texts import Texts

LONGEST_LIST = 50
# Of what stands in many sources, so many quotes are shown.
MOST_REPEATS = 10


def documents_panel_html(documents: Sequence[DocumentSummary], texts: Texts) -> str:
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
    sources = sources_of(answer)
    cards = "".join(_card_html(source, active, texts) for source in sources)
    question = f'<p class="asked"><bdi>{escape(clip(answer.question))}</bdi></p>'
    state = f' data-turn="{turn:d}" data-active="{active:d}" data-sequence="{sequence:d}"'
    return _panel(question + cards, texts, state, _steps_html(len(sources), active, texts))


def document_panel_html(turn: int, answer: Answer, active: int, texts: Texts, *, part: int, sequence: int = 0) -> str:
    """Return the whole document of source number `active`, or a part of it, with the sentence lit."""
    source = next(source for source in sources_of(answer) if source.number == active)
    lit = (source.citation.start, source.citation.end) if source.citation else (source.start, source.end)
    back = f'<button type="button" class="back">{escape(texts.back_to_sources)}</button>'
    state = f' data-turn="{turn:d}" data-active="{active:d}" data-sequence="{sequence:d}"'
    return _panel(back + document_html(source.document, texts, part=part, lit=lit), texts, state)


def gone_panel_html(texts: Texts) -> str:
    """Return what a click shows when the server no longer knows the answer, as after a restart."""
    return _panel(f'<p class="hint">{escape(texts.source_gone)}</p>', texts, "")


def _panel(body: str, texts: Texts, state: str, steps: str = "") -> str:
    # panel.js takes its words, and the page's language, from here.
    words = {"language": texts.language, "copied": texts.copied, "send": texts.send}
    words |= {"question": texts.question_label, "examples": texts.examples, "conversation": texts.conversation}
    data = "".join(f' data-{name}="{escape(word)}"' for name, word in words.items())
    return (
        f'<section class="panel" aria-label="{escape(texts.panel)}" lang="{texts.language}"{data}{state}>'
        f'<header><h2 tabindex="-1">{escape(texts.panel)}</h2>{steps}'
        f'<button type="button" class="close" aria-label="{escape(texts.close_panel)}">✕</button></header>'
        f"{body}</section>"
    )


def _steps_html(count: int, active: int, texts: Texts) -> str:
    """Return the buttons to the source before and the one after."""
    if count < 2:
        return ""
    steps = "".join(
        f'<button type="button" class="step" value="{number:d}" aria-label="{escape(label)}"'
        f' title="{escape(label)} ({keys})"{"" if 1 <= number <= count else " disabled"}>{sign}</button>'
        for number, label, keys, sign in (
            (active - 1, texts.previous_source, "Alt+↑", "↑"),
            (active + 1, texts.next_source, "Alt+↓", "↓"),
        )
    )
    return f'<span class="steps">{steps}</span>'


def _document_html(document: DocumentSummary, texts: Texts) -> str:
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
        f'<p class="actions">{_whole_button(source, texts)}{_origin_html(source, texts)}</p>'
        f'<p class="actions">{copy_button(copy_label, citation_as_text(source, texts))}'
        f"{copy_button('Markdown', citation_as_markdown(source, texts))}"
        f"{copy_button('BibTeX', citation_as_bibtex(source))}"
        "</p></div></article>"
    )


def _passage_html(source: Source) -> str:
    """Return the whole passage; its text content is `document.text[start:end]`, character for character."""
    document, citation, part = source.document, source.citation, source.citation or source.nearest
    if part is None:
        marked = escape(document.text[source.start : source.end])
    else:
        marked = (
            escape(document.text[source.start : part.start])
            + ("<mark>" if citation else '<mark class="near">')
            + slice_html(document, part.start, part.end, citation.span if citation else None)
            + f"</mark>{escape(document.text[part.end : source.end])}"
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


def _whole_button(source: Source, texts: Texts) -> str:
    part = part_of(source.citation.start if source.citation else source.start)
    return f'<button type="button" class="part" value="{part:d}">{escape(texts.whole_document)}</button>'


def _origin_html(source: Source, texts: Texts) -> str:
    address = address_of(source)
    if address:
        return _link_html(address, texts.open_source.format(host=clip(urlsplit(address).hostname or "", 60)))
    name = clip(" = ".join(map(file_name, source.document.sources)))
    original = original_of(source)
    if original:
        return _link_html(original, texts.open_pdf.format(page=source.page)) + _file_html(name, texts)
    return _file_html(name, texts) if name else ""


def _link_html(address: str, label: str) -> str:
    return (
        f'<a class="origin" href="{escape(address)}" target="_blank"'
        f' rel="noopener noreferrer nofollow">{escape(label)}</a>'
    )


def _file_html(name: str, texts: Texts) -> str:
    return f'<span class="origin">{fill(texts.file, name=f"<bdi>{escape(name)}</bdi>")}</span>'
