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
from typing import TYPE_CHECKING, Self

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
# SQLite takes far more, but a query of this many parameters is already as fast per row as it gets.
_PARAMETERS = 500


class Store:
    """One connection to the truth; a reader's `snapshot` sees it as it was when it began."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # A generation that nobody reads any more is dropped, not closed; its connection goes with it.
        weakref.finalize(self, connection.close)

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a truth was made in a folder; a creation that was killed leaves a file with nothing in it."""
        path = folder / FILE_NAME
        if not path.is_file():
            return False
        with closing(_connect(path)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    @classmethod
    def create(cls, folder: Path, *, model: str, fingerprint: str, dimension: int) -> Self:
        """Make an empty truth for vectors of one model, in a folder that exists."""
        connection = _connect(folder / FILE_NAME)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO settings VALUES (?, ?)",
                [
                    ("format", FORMAT),
                    ("model", model),
                    ("fingerprint", fingerprint),
                    ("dimension", str(dimension)),
                    ("revision", "0"),
                ],
            )
        return cls(connection)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the truth in a folder; raises IndexNotFoundError, IndexMismatchError, IndexDamagedError."""
        path = folder / FILE_NAME
        if not cls.exists(folder):
            raise IndexNotFoundError(
                f"{folder} holds no sourcier index: expected {FILE_NAME} in it; "
                f"make one with: sourcier index PATH --index {folder}"
            )
        connection = _connect(path)
        store = cls(connection)
        try:
            found = store.setting("format")
        except sqlite3.DatabaseError as error:
            connection.close()
            raise IndexDamagedError(
                f"{path} cannot be read ({error}); move {folder} away and index the documents again"
            ) from error
        if found != FORMAT:
            connection.close()
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
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    @property
    def revision(self) -> int:
        """How often the documents have changed; 0 before the first ones are in."""
        return int(self.setting("revision"))

    def advance(self) -> None:
        """Count one change of the documents."""
        self._connection.execute("UPDATE settings SET value = value + 1 WHERE name = 'revision'")

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        with closing(self._connection.execute(f"SELECT {_DOCUMENT_COLUMNS} FROM documents ORDER BY id")) as rows:
            for row in rows:
                yield _document(row)

    def document_ids(self) -> list[str]:
        return [row[0] for row in self._connection.execute("SELECT id FROM documents ORDER BY id")]

    def replaced_by(self, document: Document) -> list[str]:
        """Return the ids of stored documents that `document` takes the place of: same id or same source."""
        rows = self._connection.execute(
            "SELECT id FROM documents WHERE id = ? OR (source = ? AND source != '')", (document.id, document.source)
        )
        return [row[0] for row in rows]

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
            rows = self._connection.execute(f"SELECT text_sha256 FROM vectors WHERE text_sha256 IN ({marks})", some)
            wanted.difference_update(row[0] for row in rows.fetchall())
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
        with closing(
            self._connection.execute(
                # SQLite counts characters of TEXT as Python does, in code points.
                "SELECT number, vector, substr(text, start + 1, end - start), language FROM passages"
                " JOIN documents ON documents.id = document_id JOIN vectors USING (text_sha256)"
                " ORDER BY document_id, start"
            )
        ) as rows:
            yield from rows

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        """Return passages with their documents, in the order of `numbers`."""
        marks = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            f"SELECT number, start, end, {_DOCUMENT_COLUMNS} FROM passages"
            f" JOIN documents ON documents.id = document_id WHERE number IN ({marks})",
            list(numbers),
        ).fetchall()
        documents: dict[str, Document] = {}
        found = {}
        for number, start, end, *columns in rows:
            document = documents.setdefault(columns[0], _document(columns))
            text = document.text[start:end]
            found[number] = (Passage(f"{document.id}:{start}-{end}", document.id, start, end, text), document)
        return [found[number] for number in numbers]

    def count_documents(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def count_passages(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM passages").fetchone()[0])


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
        raise IndexDamagedError(
            f"{path} cannot be read ({error}); move its folder away and index the documents again"
        ) from error
    return connection


def _document(row: Sequence[str]) -> Document:
    identifier, text, title, source, date, language, pages, metadata = row
    return Document(identifier, text, title, source, date, language, tuple(json.loads(pages)), json.loads(metadata))
