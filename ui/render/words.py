"""What the chat and the command say of answers and documents, as plain text: pure functions."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote as quote_for_url
from urllib.parse import urlsplit

from index.document import Document, DocumentSummary
from qa.answer import Answer, Citation, SearchHit, Span
from qa.courtesy import is_about_the_chat
from qa.dates import Period, days_of
from qa.spelling import Respelling
from ui.texts import Texts

LONGEST_TITLE = 160
# Of what stands in many sources, so many titles are named.
MOST_TITLES = 3
HIGH_CONFIDENCE = 0.7
MEDIUM_CONFIDENCE = 0.35
# A sentence is found on its page by so many of its first and last words.
_WORDS_OF_AN_END = 5
# Of the words of a question that were read as others, so many are told, of each so many letters.
_MOST_RESPELLINGS = 5
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Source:
    """One card of the panel: a cited passage with its lit sentence, or a close passage with its nearest one."""

    number: int
    document: Document
    start: int
    end: int
    citation: Citation | None = None
    nearest: Span | None = None

    @property
    def page(self) -> int | None:
        """The page of the cited sentence, or of the passage's beginning."""
        return self.document.page_at(self.citation.start if self.citation else self.start)


def sources_of(answer: Answer) -> tuple[Source, ...]:
    """Return what the numbers of an answer point at: its citations, or the closest passages."""
    if answer.answered:
        return tuple(cited(citation) for citation in answer.citations)
    return tuple(_close(number, hit) for number, hit in enumerate(answer.closest, start=1))


def cited(citation: Citation) -> Source:
    passage = citation.passage
    return Source(citation.number, citation.document, passage.start, passage.end, citation)


def _close(number: int, hit: SearchHit) -> Source:
    return Source(number, hit.document, hit.passage.start, hit.passage.end, nearest=hit.nearest)


def clip(text: str, longest: int = LONGEST_TITLE) -> str:
    """Shorten a title for display; quotes are never clipped."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def title_of(document: Document | DocumentSummary) -> str:
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


def address_of(source: Source) -> str | None:
    """Return the web address of a source, down to the page of a PDF or the sentence where a browser goes there."""
    address = web_address(source.document.source)
    if address is None:
        return None
    place, _, fragment = address.partition("#")
    if urlsplit(place).path.lower().endswith(".pdf"):
        return f"{place}#page={source.page}" if source.page else address
    if source.citation is None:
        return address
    return f"{place}#{fragment}:~:text={_text_directive(source.citation.quote)}"


def original_of(source: Source) -> str | None:
    """Return the address, on this server, of the PDF file that a source was read from, at the cited page."""
    document = source.document
    if not source.page or not document.source.lower().endswith(".pdf") or web_address(document.source):
        return None
    return f"original/{quote_for_url(document.id, safe='')}#page={source.page}"


def _text_directive(quote: str) -> str:
    """Name a stretch of text by its first and last words, as URL fragments do (WICG scroll-to-text-fragment)."""
    words = quote.split()
    several = [words] if len(words) <= 2 * _WORDS_OF_AN_END else [words[:_WORDS_OF_AN_END], words[-_WORDS_OF_AN_END:]]
    # A hyphen would set off a prefix or suffix.
    return ",".join(quote_for_url(" ".join(some), safe="").replace("-", "%2D") for some in several)


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


def respellings_as_text(respellings: Sequence[Respelling], texts: Texts) -> str:
    """Say which words of a question were taken for others; empty where no more than accents were missing."""
    words = [
        texts.respelled_word.format(read=clip(one.read, _LONGEST_WORD), typed=clip(one.typed, _LONGEST_WORD))
        for one in respellings
        if one.is_another_word
    ]
    return texts.respelled.format(words=", ".join(words[:_MOST_RESPELLINGS])) if words else ""


def period_as_text(period: Period, texts: Texts) -> str:
    """Say which passages come first, and from which day words such as "last year" count."""
    said = [texts.of_period.format(period=period_in_words(period, texts))]
    if period.relative_to:
        newest = date_in_words(period.relative_to, texts) or period.relative_to
        said.append(texts.counted_from.format(words=clip(period.words, 40), newest=newest))
    return " ".join(said)


def silence_in_words(answer: Answer, texts: Texts) -> str:
    """Say why an answer has no quote, or what a chat that was asked about itself is."""
    if answer.asked_nothing:
        return texts.about if is_about_the_chat(answer.question) else texts.nothing_asked
    return texts.no_more if answer.asks_for_more else texts.not_said


def closest_label(answer: Answer, texts: Texts) -> str:
    """Say what the closest passages are."""
    return texts.read_on if answer.asks_for_more else texts.closest


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
