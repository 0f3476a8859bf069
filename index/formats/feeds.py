"""RSS and Atom files: one document an entry. The file alone is read, what it links to is not fetched."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from index.dates import parse_date
from index.errors import InputError
from index.formats.draft import Draft, guarded, needs, one_line, title_stated
from index.formats.markup import html_text, refuse_entities
from index.formats.options import ReadingOptions
from index.language import stated_language

if TYPE_CHECKING:
    from feedparser import FeedParserDict

_KIND = "a feed"
_ROOT = re.compile(r"<(?:rss|feed|rdf:RDF)[\s>]")
# A feed's root stands in its beginning.
HEAD = 2048


def is_feed(head: bytes) -> bool:
    """Whether the beginning of an XML file shows RSS or Atom."""
    return _ROOT.search(head.replace(b"\x00", b"").decode("latin-1")) is not None


def read_feed(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read the entries of a feed, their content rather than their summary."""
    if not is_feed(data[:HEAD]):
        raise InputError(f"{name} is XML but no RSS or Atom feed: expected <rss>, <feed> or <rdf:RDF> at its beginning")
    refuse_entities(data, name)
    with needs("feedparser", name, _KIND):
        import feedparser
    with guarded(name, _KIND):
        # A stream: a bare string that looks like an address or a path would be opened.
        feed = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
        language = feed.feed.get("language")
        entries = list(feed.entries)
    return [
        draft
        for number, entry in enumerate(entries, start=1)
        if (draft := _draft(entry, number, name, language, feed.feed.get("title"))) is not None
    ]


def _draft(entry: FeedParserDict, number: int, name: str, language: str | None, feed_title: str | None) -> Draft | None:
    body = next((part for part in entry.get("content", ()) if part.get("value")), None)
    body = body or entry.get("summary_detail") or {}
    title = title_stated(html_text(entry.get("title") or "", name, _KIND))
    text = _text(body, name) or title
    metadata = {"link": entry.get("link"), "author": entry.get("author"), "feed": feed_title}
    if not text:
        return None
    return Draft(
        text=text,
        title=title,
        date=_date(entry),
        language=stated_language(body.get("language")) or stated_language(language),
        metadata={key: one_line(value) for key, value in metadata.items() if value},
        number=number,
    )


def _text(body: FeedParserDict, name: str) -> str:
    value = body.get("value") or ""
    return value.strip() if body.get("type") == "text/plain" else html_text(value, name, _KIND)


def _date(entry: FeedParserDict) -> str | None:
    """Return the day that an entry states, as it is written there: in UTC it may be another one."""
    for key in ("published", "updated"):
        # get() would give `published` for a missing `updated`, with a warning.
        if key in entry:
            if date := parse_date(entry[key] or ""):
                return date
            if f"{key}_parsed" in entry and (parsed := entry[f"{key}_parsed"]):
                return parse_date(f"{parsed[0]:04}-{parsed[1]:02}-{parsed[2]:02}")
    return None
