"""How the truth is laid out, and how its rows become documents and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from index.document import Document, sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = "2"

SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
    text TEXT NOT NULL, title TEXT NOT NULL, date TEXT, language TEXT, pages TEXT NOT NULL, metadata TEXT NOT NULL,
    digest TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER
);
CREATE UNIQUE INDEX documents_alive ON documents (id) WHERE died IS NULL;
CREATE INDEX documents_born ON documents (born);
CREATE INDEX documents_died ON documents (died) WHERE died IS NOT NULL;
CREATE INDEX documents_by_date ON documents (date);
CREATE TABLE sources (
    source TEXT NOT NULL, file TEXT NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
    digest TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER
);
CREATE UNIQUE INDEX sources_alive ON sources (source) WHERE died IS NULL;
CREATE INDEX sources_by_document ON sources (document);
CREATE INDEX sources_by_file ON sources (file);
CREATE TABLE files (
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
    reading TEXT NOT NULL, reason TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER
);
CREATE UNIQUE INDEX files_alive ON files (path) WHERE died IS NULL;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, text_sha256 TEXT NOT NULL
);
CREATE INDEX passages_by_document ON passages (document);
CREATE INDEX passages_by_text ON passages (text_sha256);
CREATE TABLE vectors (text_sha256 TEXT PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL);
"""
VERSIONED = ("documents", "sources", "files")
COLUMNS = "id, text, title, date, language, pages, metadata"
# SQLite takes far more, but a query of this many parameters is already as fast per row as it gets.
PARAMETERS = 500


def values_of(document: Document) -> tuple[str | None, ...]:
    """Return the COLUMNS of a document."""
    return (
        document.id,
        document.text,
        document.title,
        document.date,
        document.language,
        json.dumps(document.pages),
        json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
    )


def document_of(columns: Sequence[Any], sources: tuple[str, ...]) -> Document:
    """Return the document of a row's COLUMNS."""
    identifier, text, title, date, language, pages, metadata = columns
    source, *others = sources or ("",)
    return Document(
        identifier, text, title, source, date, language, tuple(json.loads(pages)), json.loads(metadata), tuple(others)
    )


def digest_of(values: Sequence[str | None]) -> str:
    """Return a checksum of some columns, to be kept beside them."""
    return sha256_of(json.dumps(list(values), ensure_ascii=False))


def marks(values: Sequence[object]) -> str:
    """Return a question mark for each value, as SQL wants them."""
    return ",".join("?" * len(values))


def batches(numbers: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield numbers in lists short enough for a query."""
    for begin in range(0, len(numbers), PARAMETERS):
        yield numbers[begin : begin + PARAMETERS].tolist()
