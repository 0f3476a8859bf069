"""HTML and plain text of the chat: pure functions from answers to strings.

Whatever is not a literal of this file goes through `escape`. A message is one line without tabs:
Gradio re-indents message text, and a quote must reach the screen as it is in the document.
"""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from index.document import Document
from qa.answer import Answer, Citation, Repeat, SearchHit, Span
from qa.dates import Period, days_of
from ui.texts import Texts

LONGEST_TITLE = 160
LONGEST_TERMS = 60
LONGEST_LIST = 50
# Of what stands in many sources, so many titles are named, and so many quotes shown in the panel.
MOST_TITLES = 3
MOST_REPEATS = 10
HIGH_CONFIDENCE = 0.7
MEDIUM_CONFIDENCE = 0.35

# As raw characters, these would be changed by Gradio (inspect.cleandoc) or by the HTML parser.
_KEPT_SPACES = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


@dataclass(frozen=True, slots=True)
class Source:
    """One card of the panel: a cited passage with its lit sentence, or a close passage with none."""

    number: int
    document: Document
    start: int
    end: int
    citation: Citation | None = None

    @property
    def page(self) -> int | None:
        """The page of the cited sentence, or of the passage's beginning."""
        return self.document.page_at(self.citation.start if self.citation else self.start)


def sources_of(answer: Answer) -> tuple[Source, ...]:
    """Return what the numbers of an answer point at: its citations, or the closest passages."""
    if answer.answered:
        return tuple(_cited(citation) for citation in answer.citations)
    return tuple(_close(number, hit) for number, hit in enumerate(answer.closest, start=1))


def _cited(citation: Citation) -> Source:
    passage = citation.passage
    return Source(citation.number, citation.document, passage.start, passage.end, citation)


def _close(number: int, hit: SearchHit) -> Source:
    return Source(number, hit.document, hit.passage.start, hit.passage.end)


# --- Plain values ---------------------------------------------------------------------------------


def escape(text: object) -> str:
    """Make any text safe in HTML content and attributes; the DOM gives back the same characters."""
    escaped = html.escape(str(text), quote=True).translate(_KEPT_SPACES)
    return escaped.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent at all


def clip(text: str, longest: int = LONGEST_TITLE) -> str:
    """Shorten a title for display; quotes are never clipped."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def title_of(document: Document) -> str:
    """Return what to call a document: its title, else its file name, else its id."""
    return document.title.strip() or file_name(document.source) or document.id


def file_name(source: str) -> str:
    """Return the last part of a path, so that nobody's folders are shown."""
    return re.split(r"[/\\]", source.rstrip("/\\"))[-1]


def web_address(source: str) -> str | None:
    """Return `source` when it is an http(s) address, and never any other kind of link."""
    if not source.isprintable() or " " in source:
        return None
    try:
        parts = urlsplit(source)
    except ValueError:
        return None
    return source if parts.scheme in ("http", "https") and parts.hostname else None


def date_in_words(date: str, texts: Texts) -> str | None:
    """Write an ISO 8601 date of any precision in words; None when it is no such date."""
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", date, re.ASCII):
        return None
    numbers = [int(part) for part in date.split("-")]
    try:
        datetime.date(*[*numbers, 1, 1][:3])
    except ValueError:
        return None
    year, *month_and_day = numbers
    if not month_and_day:
        return str(year)
    month, *day = month_and_day
    words = f"{texts.months[month - 1]} {year}"
    if not day:
        return words
    return f"{texts.first_of_month if day == [1] else day[0]} {words}"


def period_in_words(period: Period, texts: Texts) -> str:
    """Write a year, a month or a day in words, any other period as its first and last day."""
    start, end = period.start.isoformat(), period.end.isoformat()
    for date in (start[:4], start[:7], start):
        if days_of(date) == (period.start, period.end):
            return date_in_words(date, texts) or date
    return " – ".join(date_in_words(date, texts) or date for date in (start, end))


def period_as_text(period: Period, texts: Texts) -> str:
    """Say which passages come first, and from which day words such as "last year" count."""
    said = [texts.of_period.format(period=period_in_words(period, texts))]
    if period.relative_to:
        newest = date_in_words(period.relative_to, texts) or period.relative_to
        said.append(texts.counted_from.format(words=clip(period.words, 40), newest=newest))
    return " ".join(said)


def confidence_level(confidence: float) -> str:
    """Sort a probability into high, medium and low."""
    if confidence >= HIGH_CONFIDENCE:
        return "high"
    return "medium" if confidence >= MEDIUM_CONFIDENCE else "low"


def confidence_in_words(confidence: float, texts: Texts) -> str:
    """Name a probability and give its percent, as in « Confiance élevée · 93 % »."""
    words = {"high": texts.confidence_high, "medium": texts.confidence_medium, "low": texts.confidence_low}
    word = words[confidence_level(confidence)]
    return f"{word} · {texts.percent.format(percent=round(100 * confidence))}"


def also_in_heading(count: int, texts: Texts) -> str:
    """Say in how many other sources the same stands, as in "Also in 3 other sources:"."""
    return texts.also_in_one if count == 1 else texts.also_in_many.format(count=count)


def also_in_titles(documents: Sequence[Document], texts: Texts) -> list[str]:
    """Return the first titles of documents, each once, and how many documents have none of these."""
    titles = [clip(title_of(document)) for document in documents]
    shown = list(dict.fromkeys(titles))[:MOST_TITLES]
    left = sum(title not in shown for title in titles)
    return [*shown, *([texts.and_more.format(count=left)] if left else [])]


# --- Text for the clipboard -----------------------------------------------------------------------


def reference(source: Source, texts: Texts) -> str:
    """Return a one-line reference: title, date in words, page, web address or file name."""
    document = source.document
    parts = [
        title_of(document),
        date_in_words(document.date, texts) or document.date if document.date else None,
        texts.page.format(page=source.page) if source.page else None,
        web_address(document.source) or file_name(document.source),
    ]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def citation_as_text(source: Source, texts: Texts) -> str:
    """Return the verbatim quote (or close passage) between quotation marks, with its reference."""
    start, end = (source.citation.start, source.citation.end) if source.citation else (source.start, source.end)
    quoted = texts.quoted.format(quote=source.document.text[start:end])
    return f"{quoted} ({reference(source, texts)})"


def answer_as_text(answer: Answer, texts: Texts) -> str:
    """Return the quotes, one a line with its number, then the numbered references."""
    quotes = [f"{citation.quote} [{citation.number}]" for citation in answer.citations]
    references = [f"[{source.number}] {reference(source, texts)}" for source in sources_of(answer)]
    return "\n".join([*quotes, "", *references])


# --- Messages -------------------------------------------------------------------------------------


def header_html(texts: Texts) -> str:
    """Return the product's name and tagline."""
    return f'<h1>sourcier</h1><p lang="{texts.language}">{escape(texts.tagline)}</p>'


def welcome_html(texts: Texts) -> str:
    """Return what an empty conversation shows."""
    return f'<div class="welcome"><h2>{escape(texts.welcome)}</h2><p>{escape(texts.welcome_hint)}</p></div>'


def question_html(question: str) -> str:
    """Return the user's own words, as text."""
    return f'<bdi class="question">{escape(question)}</bdi>'


def pending_html(texts: Texts) -> str:
    """Return the message that stands in for an answer being searched."""
    return f'<p class="pending-answer">{escape(texts.searching)}</p>'


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
        f"{_copy_button(texts.copy_answer, answer_as_text(answer, texts))}</p></div>"
    )


def _abstention_html(turn: int, answer: Answer, texts: Texts) -> str:
    closest = "".join(_closest_html(turn, source, texts) for source in sources_of(answer))
    if closest:
        closest = f'<p class="closest-label">{escape(texts.closest)}</p><ol class="closest">{closest}</ol>'
    return (
        f'<div class="answer abstained" lang="{texts.language}">{_understood_html(turn, answer, texts)}'
        f'<p class="not-said">{escape(texts.not_said)}</p>'
        f'<p class="hint">{escape(texts.not_said_hint)}</p>{closest}</div>'
    )


def _understood_html(turn: int, answer: Answer, texts: Texts) -> str:
    """Say what a follow-up took over, with the link that asks again without it, and which time was meant."""
    parts = []
    if answer.carried:
        terms = clip(" ".join(answer.carried.terms), LONGEST_TERMS)
        link = (
            f'<a class="alone" href="#alone-{turn:d}">{_fill(texts.without, terms=f"<bdi>{escape(terms)}</bdi>")}</a>'
        )
        parts.append(f"{escape(texts.carried)} {link}")
    if answer.period:
        parts.append(escape(period_as_text(answer.period, texts)))
    return f'<p class="understood">{"<br>".join(parts)}</p>' if parts else ""


def _sentence_html(turn: int, citation: Citation, texts: Texts) -> str:
    """Draw a quote so that its last word and its number stay on one line (no-break spaces do not hold)."""
    document, source = citation.document, _cited(citation)
    last = citation.start + citation.quote.rstrip().rfind(" ") + 1
    if citation.end - last > 24:
        last = citation.end
    head = _quote_html(document, citation.start, last, citation.span)
    tail = _quote_html(document, last, citation.end, citation.span)
    link = _link_html(turn, source, texts)
    also_in = _also_in_html(citation.also_in, texts)
    before = citation.context
    context = (
        f'<bdi class="before"{_language_of(document)}>{_slice_html(document, before.start, before.end, None)}</bdi> '
        if before
        else ""
    )
    return f'<p class="sentence">{context}{head}<span class="keep">{tail}&#160;{link}</span></p>{also_in}'


def _quote_html(document: Document, start: int, end: int, span: Span | None) -> str:
    if start == end:
        return ""
    return f'<bdi class="quote"{_language_of(document)}>{_slice_html(document, start, end, span)}</bdi>'


def _slice_html(document: Document, start: int, end: int, span: Span | None) -> str:
    """Return `document.text[start:end]` with the part that lies in `span` in bold."""
    text = document.text
    if span is None or span.end <= start or span.start >= end:
        return escape(text[start:end])
    bold, plain = max(start, span.start), min(end, span.end)
    return f"{escape(text[start:bold])}<strong>{escape(text[bold:plain])}</strong>{escape(text[plain:end])}"


def _also_in_html(repeats: Sequence[Repeat], texts: Texts) -> str:
    if not repeats:
        return ""
    titles = also_in_titles([repeat.document for repeat in repeats], texts)
    isolated = ", ".join(f"<bdi>{escape(title)}</bdi>" for title in titles)
    return f'<p class="also-in">{escape(also_in_heading(len(repeats), texts))} {isolated}</p>'


def _closest_html(turn: int, source: Source, texts: Texts) -> str:
    link = _link_html(turn, source, texts)
    return f"<li>{link} {_title_html(source.document)}{_where_html(source, texts)}</li>"


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


# --- Panel ----------------------------------------------------------------------------------------


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
    return f"<li>{_title_html(document)}{_date_html(document, texts)}</li>"


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
        f"{source.number:d}</span>{_title_html(source.document)}{_where_html(source, texts)}</button></h3>"
        f'<div class="body">{badge}{_passage_html(source)}{_repeats_html(repeats, texts)}'
        f'<p class="actions">{_origin_html(source.document, texts)}'
        f"{_copy_button(copy_label, citation_as_text(source, texts))}</p></div></article>"
    )


def _passage_html(source: Source) -> str:
    """Return the whole passage; its text content is `document.text[start:end]`, character for character."""
    document, citation = source.document, source.citation
    if citation is None:
        marked = escape(document.text[source.start : source.end])
    else:
        marked = (
            escape(document.text[source.start : citation.start])
            + f"<mark>{_slice_html(document, citation.start, citation.end, citation.span)}</mark>"
            + escape(document.text[citation.end : source.end])
        )
    return f'<blockquote dir="auto"{_language_of(document)}>{marked}</blockquote>'


def _repeats_html(repeats: Sequence[Repeat], texts: Texts) -> str:
    shown = "".join(
        f'<div class="repeat"><p>{_fill(texts.also_in_document, title=_title_html(repeat.document))}</p>'
        f'<blockquote dir="auto"{_language_of(repeat.document)}>{escape(repeat.quote)}</blockquote></div>'
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
    return f'<span class="origin">{_fill(texts.file, name=f"<bdi>{escape(name)}</bdi>")}</span>' if name else ""


def _where_html(source: Source, texts: Texts) -> str:
    page = escape(texts.page.format(page=source.page)) if source.page else ""
    return f'<span class="where">{" · ".join(filter(None, (_date_html(source.document, texts), page)))}</span>'


def _title_html(document: Document) -> str:
    return f'<bdi class="title"{_language_of(document)}>{escape(clip(title_of(document)))}</bdi>'


def _date_html(document: Document, texts: Texts) -> str:
    if not document.date:
        return f'<span class="date">{escape(texts.undated)}</span>'
    words = date_in_words(document.date, texts)
    if words is None:
        return f'<bdi class="date">{escape(clip(document.date, 40))}</bdi>'
    return f'<time class="date" datetime="{escape(document.date)}">{escape(words)}</time>'


def _copy_button(label: str, text: str) -> str:
    return f'<button type="button" class="copy" value="{escape(text)}">{escape(label)}</button>'


def _language_of(document: Document) -> str:
    return f' lang="{escape(document.language)}"' if document.language else ""


def _fill(template: str, **parts: str) -> str:
    """Escape a text and put ready-made HTML in its braces."""
    filled = escape(template)
    for name, part in parts.items():
        filled = filled.replace(f"{{{name}}}", part)
    return filled
