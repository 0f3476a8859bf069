"""The truth of an index: documents, passages and vectors in one SQLite file.

Everything else in an index folder is made from it and can be made again.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from index.document import Document, Passage, sha256_of
from index.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE_NAME = "truth.sqlite"
FORMAT = "1"

_SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, text TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL,
    date TEXT, language TEXT, pages TEXT NOT NULL, metadata TEXT NOT NULL
);
CREATE INDEX documents_by_source ON documents (source);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL,
    text_sha256 TEXT NOT NULL
);
CREATE INDEX passages_by_document ON passages (document_id, start);
CREATE INDEX passages_by_text ON passages (text_sha256);
CREATE TABLE vectors (text_sha256 TEXT PRIMARY KEY, vector BLOB NOT NULL);
"""
_DOCUMENT_COLUMNS = "id, text, title, source, date, language, pages, metadata"
_UNREADABLE = "{path} cannot be read ({reason}); move its folder away and index the documents again"
# SQLite takes far more, but a query of this many parameters is already as fast per row as it gets.
_PARAMETERS = 500


class Store:
    """One connection to the truth; a reader's `snapshot` sees it as it was when it began."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection = connection = _connect(self._path)
        # A generation that nobody reads any more is dropped, not closed; its connection goes with it.
        weakref.finalize(self, connection.close)

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a truth was made in a folder; a creation that was killed leaves a file with nothing in it."""
        if not (folder / FILE_NAME).is_file():
            return False
        with closing(cls(folder)) as store:
            return bool(store._one("SELECT count(*) FROM sqlite_master"))

    @classmethod
    def create(cls, folder: Path, *, model: str, fingerprint: str, dimension: int) -> Self:
        """Make an empty truth for vectors of one model, in a folder that exists."""
        store = cls(folder)
        with store.transaction():
            for statement in _SCHEMA.split(";"):
                store._connection.execute(statement)
            store._connection.executemany(
                "INSERT INTO settings VALUES (?, ?)",
                [
                    ("format", FORMAT),
                    ("model", model),
                    ("fingerprint", fingerprint),
                    ("dimension", str(dimension)),
                    ("revision", "0"),
                ],
            )
        return store

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the truth in a folder; raises IndexNotFoundError, IndexMismatchError, IndexDamagedError."""
        if not cls.exists(folder):
            raise IndexNotFoundError(
                f"{folder} holds no sourcier index: expected {FILE_NAME} in it; "
                f"make one with: sourcier index PATH --index {folder}"
            )
        store = cls(folder)
        found = store.setting("format")
        if found != FORMAT:
            store.close()
            raise IndexMismatchError(
                f"{folder} has index format {found}, expected {FORMAT}; index the documents again into a new folder"
            )
        return store

    def close(self) -> None:
        self._connection.close()

    def snapshot(self) -> None:
        """From now on this connection sees the truth as it is at this moment."""
        self._connection.execute("BEGIN")
        self.setting("revision")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what happens inside is kept only if it ends well."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def setting(self, name: str) -> str:
        return str(self._one("SELECT value FROM settings WHERE name = ?", (name,)) or "")

    @property
    def revision(self) -> int:
        """How often the documents have changed; 0 before the first ones are in."""
        return int(self.setting("revision"))

    def advance(self) -> None:
        """Count one change of the documents."""
        self._connection.execute("UPDATE settings SET value = value + 1 WHERE name = 'revision'")

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        for row in self._rows(f"SELECT {_DOCUMENT_COLUMNS} FROM documents ORDER BY id"):
            yield _document(row)

    def document_ids(self) -> list[str]:
        return [identifier for (identifier,) in self._rows("SELECT id FROM documents ORDER BY id")]

    def replaced_by(self, document: Document) -> list[str]:
        """Return the ids of stored documents that `document` takes the place of: same id or same source."""
        rows = self._rows(
            "SELECT id FROM documents WHERE id = ? OR (source = ? AND source != '')", (document.id, document.source)
        )
        return [identifier for (identifier,) in rows]

    def insert(self, document: Document, passages: Sequence[Passage]) -> None:
        self._connection.execute(
            f"INSERT INTO documents ({_DOCUMENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.text,
                document.title,
                document.source,
                document.date,
                document.language,
                json.dumps(document.pages),
                json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
            ),
        )
        self._connection.executemany(
            "INSERT INTO passages (document_id, start, end, text_sha256) VALUES (?, ?, ?, ?)",
            [(document.id, passage.start, passage.end, sha256_of(passage.text)) for passage in passages],
        )

    def delete(self, document_ids: Iterable[str]) -> None:
        """Delete documents with their passages; vectors stay until `forget_vectors`."""
        self._connection.executemany("DELETE FROM documents WHERE id = ?", [(one,) for one in document_ids])

    def missing_vectors(self, text_hashes: Iterable[str]) -> set[str]:
        """Return those of the hashes for which no vector is stored."""
        wanted = set(text_hashes)
        ordered = sorted(wanted)
        for begin in range(0, len(ordered), _PARAMETERS):
            some = ordered[begin : begin + _PARAMETERS]
            marks = ",".join("?" * len(some))
            known = self._rows(f"SELECT text_sha256 FROM vectors WHERE text_sha256 IN ({marks})", some)
            wanted.difference_update(text_hash for (text_hash,) in known)
        return wanted

    def insert_vectors(self, text_hashes: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep vectors, as float16, under the hashes of their texts."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
            [(key, row.tobytes()) for key, row in zip(text_hashes, vectors.astype("<f2"), strict=True)],
        )

    def forget_vectors(self) -> None:
        """Delete the vectors that no passage needs any more."""
        self._connection.execute("DELETE FROM vectors WHERE text_sha256 NOT IN (SELECT text_sha256 FROM passages)")

    def passages_for_index(self) -> Iterator[tuple[int, bytes, str, str | None]]:
        """Yield (number, float16 vector, text, language) of every passage, by document id and offset."""
        yield from self._rows(
            # SQLite counts characters of TEXT as Python does, in code points.
            "SELECT number, vector, substr(text, start + 1, end - start), language FROM passages"
            " JOIN documents ON documents.id = document_id JOIN vectors USING (text_sha256)"
            " ORDER BY document_id, start"
        )

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        """Return passages with their documents, in the order of `numbers`.

        Raises IndexDamagedError if a passage is not what was indexed.
        """
        marks = ",".join("?" * len(numbers))
        rows = self._rows(
            f"SELECT number, start, end, text_sha256, {_DOCUMENT_COLUMNS} FROM passages"
            f" JOIN documents ON documents.id = document_id WHERE number IN ({marks})",
            numbers,
        )
        documents: dict[str, Document] = {}
        found = {}
        for number, start, end, text_hash, *columns in rows:
            document = documents.get(columns[0]) or documents.setdefault(columns[0], _document(columns))
            text = document.text[start:end]
            if sha256_of(text) != text_hash:
                raise self._damaged(f"the text of document {document.id} has changed")
            found[number] = (Passage(f"{document.id}:{start}-{end}", document.id, start, end, text), document)
        return [found[number] for number in numbers]

    def count_documents(self) -> int:
        return int(self._one("SELECT count(*) FROM documents") or 0)

    def newest_date(self) -> str | None:
        """Return the latest of the dates that begin with a year; as ISO 8601 they sort as text."""
        newest = self._one("SELECT max(date) FROM documents WHERE date GLOB '[0-9][0-9][0-9][0-9]*'")
        return None if newest is None else str(newest)

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        try:
            with closing(self._connection.execute(query, parameters)) as rows:
                yield from rows
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _one(self, query: str, parameters: Sequence[Any] = ()) -> int | str | None:
        """Return the first value of the first row, None if there is none."""
        return next((row[0] for row in self._rows(query, parameters)), None)

    def _damaged(self, reason: str) -> IndexDamagedError:
        return IndexDamagedError(_UNREADABLE.format(path=self._path, reason=reason))


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are begun by hand (isolation_level None), and a snapshot serves several threads,
    # which SQLite's serialised mode allows for reading.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise IndexDamagedError(_UNREADABLE.format(path=path, reason=error)) from error
    return connection


def _document(row: Sequence[str]) -> Document:
    identifier, text, title, source, date, language, pages, metadata = row
    return Document(identifier, text, title, source, date, language, tuple(json.loads(pages)), json.loads(metadata))
