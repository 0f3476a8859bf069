"""The two values everything else points into: a document's text, and the passages cut from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Document:
    """A source text as it was read; every offset in the project counts code points of `text`.

    `date` is an ISO 8601 date of any precision ("2022", "2022-10", "2022-10-04"), `language` a
    two-letter ISO 639-1 code; both are None where the document does not state or show them.
    `pages` holds the offset at which each page begins, and is empty for texts without pages.
    `source` is where it was read, and `other_sources` are the places that hold the same.
    """

    id: str
    text: str = field(repr=False)
    title: str = ""
    source: str = ""
    date: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    other_sources: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """All places that hold it."""
        return tuple(source for source in (self.source, *self.other_sources) if source)

    @property
    def sha256(self) -> str:
        """Digest of the text's UTF-8 bytes; it changes with any character of the text."""
        return sha256_of(self.text)

    def page_at(self, offset: int) -> int | None:
        """Return the number of the page that holds `offset`, counted from 1."""
        return sum(1 for start in self.pages if start <= offset) or None


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What a list shows of a document; `characters` is the length of its text, in code points."""

    id: str
    title: str
    source: str
    date: str | None
    language: str | None
    characters: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one document: `document.text[start:end] == text`."""

    id: str
    document_id: str
    start: int
    end: int
    text: str = field(repr=False)

    @property
    def sha256(self) -> str:
        """Digest of the text's UTF-8 bytes, under which its vector is kept."""
        return sha256_of(self.text)


def sha256_of(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text's UTF-8 bytes; lone surrogates are kept apart, not refused."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
