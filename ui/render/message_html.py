"""HTML of the messages: pure functions from answers to strings.

A message is one line without tabs: Gradio re-indents message text, and a quote must reach the screen as
it is in the document.
"""

from __future__ import annotations

from collections.abc import Sequence

from index.document import Document
from qa.answer import Answer, Citation, Repeat, SearchHit, Span
from ui.render.clipboard import answer_as_text
from ui.render.elements import copy_button, escape, fill, language_of, slice_html, title_html, where_html
from ui.render.words import (
    Source,
    also_in_heading,
    also_in_titles,
    cited,
    clip,
    closest_label,
    confidence_in_words,
    confidence_level,
    period_as_text,
    respellings_as_text,
    silence_in_words,
    sources_of,
    title_of,
)
from ui.texts import Texts, whole_percent

LONGEST_TERMS = 60
# Of the documents that are being read, so many are named.
MOST_READ = 3


def header_html(texts: Texts) -> str:
    """Return the product's name and tagline."""
    return f'<h1>sourcier</h1><p lang="{texts.language}">{escape(texts.tagline)}</p>'


def theme_html(texts: Texts) -> str:
    """Return the switch between light and dark."""
    label = escape(texts.dark_theme)
    moon = '<path d="M14.5 11.6A6.5 6.5 0 0 1 6.4 3.5a6.5 6.5 0 1 0 8.1 8.1Z"/>'
    icon = f'<svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">{moon}</svg>'
    return f'<button type="button" class="theme" aria-label="{label}" title="{label}">{icon}</button>'


def welcome_html(texts: Texts) -> str:
    """Return what an empty conversation shows."""
    return f'<div class="welcome"><h2>{escape(texts.welcome)}</h2><p>{escape(texts.welcome_hint)}</p></div>'


def question_html(question: str) -> str:
    """Return the user's own words, as text."""
    return f'<bdi class="question">{escape(question)}</bdi>'


def pending_html(found: Sequence[SearchHit], texts: Texts) -> str:
    """Return what stands in for an answer: that it is searched, then which documents are being read."""
    if not found:
        return f'<p class="pending-answer">{escape(texts.searching)}</p>'
    documents = {hit.document.id: hit.document for hit in found}
    titles = "".join(f"<li>{title_html(document)}</li>" for document in list(documents.values())[:MOST_READ])
    return f'<div class="reading"><p class="pending-answer">{escape(texts.reading)}</p><ul>{titles}</ul></div>'


def problem_html(message: str) -> str:
    """Return a message that says why there is no answer."""
    return f'<p class="problem">{escape(message)}</p>'


def answer_html(turn: int, answer: Answer, texts: Texts) -> str:
    """Return an answer's message; its links are `#cite-<turn>-<number>`, which the panel's script follows."""
    return _quotes_html(turn, answer, texts) if answer.answered else _abstention_html(turn, answer, texts)


def _quotes_html(turn: int, answer: Answer, texts: Texts) -> str:
    sentences = "".join(_sentence_html(turn, citation, texts) for citation in answer.citations)
    count = len({citation.document.id for citation in answer.citations})
    sources = texts.one_source if count == 1 else texts.many_sources.format(count=count)
    return (
        f'<div class="answer" lang="{texts.language}">{_understood_html(turn, answer, texts)}'
        f'{sentences}<p class="meta">'
        f'<span class="confidence {confidence_level(answer.confidence)}">'
        f"{escape(confidence_in_words(answer.confidence, texts))}</span>"
        f'<span class="count">{escape(sources)}</span>'
        f"{copy_button(texts.copy_answer, answer_as_text(answer, texts))}</p></div>"
    )


def _abstention_html(turn: int, answer: Answer, texts: Texts) -> str:
    said = escape(silence_in_words(answer, texts))
    if answer.asked_nothing:
        return f'<div class="answer" lang="{texts.language}"><p>{said}</p></div>'
    closest = "".join(_closest_html(turn, source, texts) for source in sources_of(answer))
    if closest:
        closest = (
            f'<p class="closest-label">{escape(closest_label(answer, texts))}</p><ol class="closest">{closest}</ol>'
        )
    hint = "" if answer.asks_for_more else f'<p class="hint">{escape(texts.not_said_hint)}</p>'
    return (
        f'<div class="answer abstained" lang="{texts.language}">{_understood_html(turn, answer, texts)}'
        f'<p class="not-said">{said}</p>{hint}{closest}</div>'
    )


def _understood_html(turn: int, answer: Answer, texts: Texts) -> str:
    """Say how the question was searched for.

    Which words were read as others; what a follow-up took over, with the link that asks again without it; which time
    was meant; how many of the passages could be found by their meaning.
    """
    parts = []
    if respellings := respellings_as_text(answer.respellings, texts):
        parts.append(escape(respellings))
    if answer.carried and answer.asks_for_more:
        question = f"<bdi>{escape(clip(answer.carried.question))}</bdi>"
        parts.append(fill(texts.more, question=question))
    elif answer.carried:
        terms = clip(" ".join(answer.carried.terms), LONGEST_TERMS)
        link = f'<a class="alone" href="#alone-{turn:d}">{fill(texts.without, terms=f"<bdi>{escape(terms)}</bdi>")}</a>'
        parts.append(f"{escape(texts.carried)} {link}")
    if answer.period:
        parts.append(escape(period_as_text(answer.period, texts)))
    if answer.coverage < 1:
        parts.append(escape(texts.partly_embedded.format(percent=whole_percent(answer.coverage))))
    return f'<p class="understood">{"<br>".join(parts)}</p>' if parts else ""


def _sentence_html(turn: int, citation: Citation, texts: Texts) -> str:
    """Draw a quote so that its last word and its number stay on one line (no-break spaces do not hold)."""
    document, source = citation.document, cited(citation)
    last = citation.start + citation.quote.rstrip().rfind(" ") + 1
    if citation.end - last > 24:
        last = citation.end
    head = _quote_html(document, citation.start, last, citation.span)
    tail = _quote_html(document, last, citation.end, citation.span)
    link = _link_html(turn, source, texts)
    also_in = _also_in_html(citation.also_in, texts)
    before = citation.context
    context = (
        f'<bdi class="before"{language_of(document)}>{slice_html(document, before.start, before.end, None)}</bdi> '
        if before
        else ""
    )
    return f'<p class="sentence">{context}{head}<span class="keep">{tail}&#160;{link}</span></p>{also_in}'


def _quote_html(document: Document, start: int, end: int, span: Span | None) -> str:
    if start == end:
        return ""
    return f'<bdi class="quote"{language_of(document)}>{slice_html(document, start, end, span)}</bdi>'


def _also_in_html(repeats: Sequence[Repeat], texts: Texts) -> str:
    if not repeats:
        return ""
    titles = also_in_titles([repeat.document for repeat in repeats], texts)
    isolated = ", ".join(f"<bdi>{escape(title)}</bdi>" for title in titles)
    return f'<p class="also-in">{escape(also_in_heading(len(repeats), texts))} {isolated}</p>'


def _closest_html(turn: int, source: Source, texts: Texts) -> str:
    link = _link_html(turn, source, texts)
    return f"<li>{link} {title_html(source.document)}{where_html(source, texts)}{_nearest_html(source)}</li>"


def _nearest_html(source: Source) -> str:
    """Return the sentence that comes nearest to answering, unless it is what the document is called by."""
    document, nearest = source.document, source.nearest
    if nearest is None or nearest.text == title_of(document):
        return ""
    sentence = slice_html(document, nearest.start, nearest.end, None)
    return f'<bdi class="nearest"{language_of(document)}>{sentence}</bdi>'


def _link_html(turn: int, source: Source, texts: Texts) -> str:
    # The sanitiser removes data-* and aria-*: ids travel in the address, the name in hidden text.
    kind = texts.source if source.citation else texts.passage
    css_class = "cite" if source.citation else "cite near"
    return (
        f'<a class="{css_class}" href="#cite-{turn:d}-{source.number:d}"'
        f' title="{escape(_short_reference(source, texts))}">'
        f'<span class="unseen">{escape(kind)} </span>{source.number:d}</a>'
    )


def _short_reference(source: Source, texts: Texts) -> str:
    page = texts.page.format(page=source.page) if source.page else None
    return ", ".join(part for part in (clip(title_of(source.document)), page) if part)
