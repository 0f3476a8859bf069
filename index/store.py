"""The truth of an index: documents, where they come from, passages and vectors, in one SQLite file.

Everything else in an index folder is made from it and can be made again.

Every change of the documents is a *revision*. A row notes the revision in which it came (`born`) and the
one in which it went (`died`), so a writer may take hours, in many small transactions, and whoever reads
the revision before sees nothing of it. A revision counts once its generation is in use; what a writer
that was killed has left of the next one is rolled back by the writer after it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from index.document import Document, DocumentSummary, Passage, sha256_of
from index.errors import IndexAccessError, IndexDamagedError, IndexMismatchError, IndexNotFoundError, PassageIndexError
from index.filters import Filters
from index.schema import COLUMNS, FORMAT, batches, digest_of, document_of, marks
from index.snapshot import FileState

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE_NAME = "truth.sqlite"
# To what size the log that SQLite keeps beside the file is cut when it begins anew.
LOG_BYTES = 64_000_000
AT = "(born <= :at AND (died IS NULL OR died > :at))"
_UNREADABLE = "{path} cannot be read ({reason}); move its folder away and index the documents again"


class Part(Enum):
    """What a damaged row is part of."""

    SQLITE = "SQLite's own structures"
    DOCUMENT = "document"
    PASSAGES = "passages"
    SOURCE = "source"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Damage:
    """A row that does not hold what was written; `key` is the number, rowid or hash to find it by."""

    part: Part
    what: str
    key: int | str = ""


class Store:
    """A connection to the truth that reads one revision of it: the newest that counts, or the one it holds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection = connection = _connect(self._path)
        self._at = 0
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
    def has_vectors(cls, folder: Path) -> bool:
        """Whether a folder holds a truth into which work has gone."""
        if not cls.exists(folder):
            return False
        with closing(cls(folder)) as store:
            return store._one("SELECT EXISTS (SELECT 1 FROM vectors)") == 1

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
        store.see_newest()
        return store

    @classmethod
    def open_finished(cls, folder: Path) -> Self:
        """Open a truth that has documents, or once had; raises IndexNotFoundError for one that never did too."""
        store = cls.open(folder)
        if not store.revision:
            store.close()
            raise IndexNotFoundError(
                f"{folder} holds an index that was never finished: index its documents again and it goes on"
            )
        return store

    def close(self) -> None:
        self._connection.close()

    def setting(self, name: str) -> str:
        return str(self._one("SELECT value FROM settings WHERE name = ?", (name,)) or "")

    @property
    def revision(self) -> int:
        """How often the documents have changed; 0 before the first ones are in."""
        return self._number("revision")

    def see_newest(self) -> None:
        """See the newest revision that counts, from now on."""
        self._at = self.revision

    def has(self, revision: int) -> bool:
        """Whether all rows of a revision are there."""
        return self._number("purged") <= revision <= self.revision

    def hold(self, revision: int) -> bool:
        """See the truth as it was at a revision, from now on; False where it no longer has it."""
        self._do("BEGIN")
        self._at = revision
        return self.has(revision)

    def renew(self) -> None:
        """Let go of what is held, have what waits in the log written to its place, and hold the same again.

        The log of SQLite cannot begin anew while a connection reads from it, and this one reads from it as long
        as it is held. Only the one writer may call this: no other lets a revision go.
        """
        self._do("COMMIT")
        with closing(_connect(self._path)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if not self.hold(self._at):
            raise self._damaged(f"revision {self._at} is gone")

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        """Yield every document, or those of the given ids that are there, by id."""
        among = "" if ids is None else " AND id IN (SELECT value FROM json_each(:ids))"
        for number, *columns in self._rows(
            f"SELECT number, {COLUMNS} FROM documents WHERE {AT}{among} ORDER BY id",
            {"at": self._at} if ids is None else {"at": self._at, "ids": json.dumps(list(ids))},
        ):
            yield self._document(columns, self._sources([number])[number])

    def summaries(self, filters: Filters | None = None) -> Iterator[DocumentSummary]:
        """Yield what lists show of the documents that pass, in the order in which they were added."""
        conditions, parameters = _conditions(filters or Filters())
        source = f"(SELECT min(source) FROM sources WHERE document = documents.number AND {AT})"
        for row in self._rows(
            f"SELECT id, title, coalesce({source}, ''), date, language, length(text) FROM documents"
            f" WHERE {' AND '.join([AT, *conditions])} ORDER BY number",
            {"at": self._at, **parameters},
        ):
            yield DocumentSummary(*row)

    def count_documents(self) -> int:
        return int(self._one(f"SELECT count(*) FROM documents WHERE {AT}", {"at": self._at}) or 0)

    def newest_date(self) -> str | None:
        """Return the latest of the dates that begin with a year; as ISO 8601 they sort as text."""
        newest = self._one(
            f"SELECT max(date) FROM documents WHERE date GLOB '[0-9][0-9][0-9][0-9]*' AND {AT}", {"at": self._at}
        )
        return None if newest is None else str(newest)

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        """Return passages with their documents, in the order of `numbers`.

        Raises IndexDamagedError if a passage is not what was indexed.
        """
        rows = list(
            self._rows(
                f"SELECT passages.number, start, end, text_sha256, document, {COLUMNS} FROM passages"
                f" JOIN documents ON documents.number = document WHERE passages.number IN ({marks(numbers)})",
                numbers,
            )
        )
        by_number = {row[4]: row[5:] for row in rows}
        sources = self._sources(list(by_number))
        documents = {number: self._document(columns, sources[number]) for number, columns in by_number.items()}
        found = {}
        for number, start, end, text_hash, key, *_ in rows:
            document = documents[key]
            text = document.text[start:end]
            if sha256_of(text) != text_hash:
                raise self._damaged(f"the text of document {document.id} has changed")
            found[number] = (Passage(f"{document.id}:{start}-{end}", document.id, start, end, text), document)
        missing = [number for number in numbers if number not in found]
        if missing:
            raise self._damaged(f"passage {missing[0]} is missing")
        return [found[number] for number in numbers]

    def passage_numbers(self, filters: Filters | None = None) -> NDArray[np.int64]:
        """Return the numbers of the passages of the documents that pass, ascending."""
        conditions, parameters = _conditions(filters or Filters())
        rows = self._rows(
            "SELECT passages.number FROM documents JOIN passages ON document = documents.number"
            f" WHERE {' AND '.join([AT, *conditions])}",
            {"at": self._at, **parameters},
        )
        return np.sort(np.fromiter((number for (number,) in rows), dtype=np.int64))

    def texts(self, numbers: NDArray[np.int64]) -> Iterator[tuple[int, str, str, str | None]]:
        """Yield (number, text, title, language) of passages, in the order of `numbers`, which ascend."""
        for some in batches(numbers):
            yield from self._rows(
                # SQLite counts characters of TEXT as Python does, in code points.
                "SELECT passages.number, substr(text, start + 1, end - start), title, language FROM passages"
                f" JOIN documents ON documents.number = document WHERE passages.number IN ({marks(some)})"
                " ORDER BY passages.number",
                some,
            )

    def languages(self, numbers: NDArray[np.int64]) -> list[str | None]:
        """Return the languages of passages, in the order of `numbers`, which ascend."""
        return [
            language
            for some in batches(numbers)
            for (language,) in self._rows(
                "SELECT language FROM passages JOIN documents ON documents.number = document"
                f" WHERE passages.number IN ({marks(some)}) ORDER BY passages.number",
                some,
            )
        ]

    def vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float16]:
        """Return the vectors of passages, float16 of shape (len(numbers), dimension); `numbers` ascend."""
        found: list[bytes] = []
        for some in batches(numbers):
            found += (
                vector
                for (vector,) in self._rows(
                    "SELECT vector FROM passages JOIN vectors USING (text_sha256)"
                    f" WHERE number IN ({marks(some)}) ORDER BY number",
                    some,
                )
            )
        if len(found) != len(numbers):
            raise self._damaged(f"{len(numbers) - len(found)} of {len(numbers)} vectors are missing")
        return np.frombuffer(b"".join(found), dtype="<f2").reshape(len(numbers), self.dimension)

    def without_vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the passages, whose numbers ascend, that have not been embedded yet."""
        found: list[int] = []
        for some in batches(numbers):
            found += (
                number
                for (number,) in self._rows(
                    "SELECT number FROM passages LEFT JOIN vectors USING (text_sha256)"
                    f" WHERE number IN ({marks(some)}) AND vector IS NULL ORDER BY number",
                    some,
                )
            )
        return np.array(found, dtype=np.int64)

    @property
    def dimension(self) -> int:
        return self._number("dimension")

    def text_of_passage(self, text_sha256: str) -> str:
        """Return the text of a passage that is alive, by its hash."""
        return str(
            self._one(
                "SELECT substr(text, start + 1, end - start) FROM passages"
                f" JOIN documents ON document = documents.number WHERE text_sha256 = :hash AND {AT}",
                {"at": self._at, "hash": text_sha256},
            )
        )

    def document_numbered(self, number: int) -> Document:
        """Return a document as it is stored, damaged or not."""
        row = next(self._rows(f"SELECT {COLUMNS} FROM documents WHERE number = ?", (number,)))
        return self._document(row, self._sources([number])[number])

    def files_below(self, folder: str) -> dict[str, FileState]:
        """Return what is known of the files that were read in and below a folder, or of the one file."""
        rows = self._rows(
            f"SELECT path, size, mtime_ns, sha256, reading, reason FROM files WHERE {_below('path')} AND {AT}",
            {"at": self._at, "folder": folder},
        )
        return {row[0]: FileState(*row) for row in rows}

    def files_of(self, document_id: str) -> list[FileState]:
        """Return the files that a document was read from; none for one that was not read from files."""
        number = f"(SELECT number FROM documents WHERE id = :id AND {AT})"
        rows = self._rows(
            f"SELECT path, size, mtime_ns, sha256, reading, reason FROM files WHERE {AT} AND path IN"
            f" (SELECT file FROM sources WHERE document = {number} AND {AT}) ORDER BY path",
            {"at": self._at, "id": document_id},
        )
        return [FileState(*row) for row in rows]

    def sources_below(self, folder: str) -> dict[str, list[str]]:
        """Return the sources in and below a folder, by the file they were read from."""
        found: dict[str, list[str]] = {}
        for file, source in self._rows(
            f"SELECT file, source FROM sources WHERE {_below('file')} AND {AT} ORDER BY source",
            {"at": self._at, "folder": folder},
        ):
            found.setdefault(file, []).append(source)
        return found

    def damages(self) -> Iterator[Damage]:
        """Yield every row that does not hold what was written."""
        for (said,) in self._rows("PRAGMA integrity_check"):
            if said != "ok":
                yield Damage(Part.SQLITE, f"SQLite says: {said}")
        at = {"at": self._at}
        for number, digest, *columns in self._rows(
            f"SELECT number, digest, {COLUMNS} FROM documents WHERE {AT} ORDER BY number", at
        ):
            if digest_of(columns) != digest:
                yield Damage(Part.DOCUMENT, f"document {columns[0]} does not hold what was written", number)
                continue
            text = columns[1]
            for start, end, text_hash in self._rows(
                "SELECT start, end, text_sha256 FROM passages WHERE document = ? ORDER BY start", (number,)
            ):
                if not 0 <= start < end <= len(text) or sha256_of(text[start:end]) != text_hash:
                    yield Damage(Part.PASSAGES, f"a passage of document {columns[0]} is not where it was", number)
                    break
        for row, source, file, digest in self._rows(
            f"SELECT rowid, source, file, digest FROM sources WHERE {AT} ORDER BY source", at
        ):
            if digest_of((source, file)) != digest:
                yield Damage(Part.SOURCE, f"the source {source} is not what was written", row)
        size = 2 * self.dimension
        for text_hash, vector, crc in self._rows(
            "SELECT DISTINCT text_sha256, vector, crc FROM documents JOIN passages ON document = documents.number"
            f" JOIN vectors USING (text_sha256) WHERE {AT}",
            at,
        ):
            if len(vector) != size or zlib.crc32(vector) != crc:
                yield Damage(Part.VECTOR, f"the vector of a passage ({text_hash[:16]}) is damaged", text_hash)

    def _number(self, name: str) -> int:
        try:
            return int(self.setting(name))
        except ValueError as error:
            raise self._damaged(f"its {name} is no number") from error

    def _document(self, columns: Sequence[Any], sources: tuple[str, ...]) -> Document:
        try:
            return document_of(columns, sources)
        except (ValueError, TypeError) as error:
            raise self._damaged(f"document {columns[0]} does not hold what was written") from error

    def _sources(self, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the sources of documents, by number."""
        found: dict[int, list[str]] = {number: [] for number in numbers}
        wanted = ", ".join(map(str, numbers))
        for number, source in self._rows(
            f"SELECT document, source FROM sources WHERE document IN ({wanted}) AND {AT} ORDER BY source",
            {"at": self._at},
        ):
            if number not in found:
                raise self._damaged(f"source {source} was found under another document")
            found[number].append(source)
        return {number: tuple(several) for number, several in found.items()}

    def _do(self, statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, parameters)
        except sqlite3.DatabaseError as error:
            raise _as_ours(self._path, error) from error

    def _do_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self._connection.executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            raise _as_ours(self._path, error) from error

    def _rows(self, query: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterator[Any]:
        try:
            with closing(self._connection.execute(query, parameters)) as rows:
                yield from rows
        except sqlite3.DatabaseError as error:
            raise _as_ours(self._path, error) from error

    def _one(self, query: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int | str | None:
        """Return the first value of the first row, None if there is none."""
        return next((row[0] for row in self._rows(query, parameters)), None)

    def _damaged(self, reason: str) -> IndexDamagedError:
        return IndexDamagedError(_UNREADABLE.format(path=self._path, reason=reason))


def log_bytes(folder: Path) -> int:
    """Return the size of the log beside the truth in a folder, 0 where there is none."""
    try:
        return (folder / f"{FILE_NAME}-wal").stat().st_size
    except OSError:
        return 0


def _connect(path: Path) -> sqlite3.Connection:
    # Where nothing can be written, SQLite cannot make the files beside it that readers share; nobody
    # else can write either, so it may read the one file as it is.
    is_frozen = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    address = f"{path.absolute().as_uri()}{'?immutable=1' if is_frozen else ''}"
    try:
        # Transactions are begun by hand (isolation_level None), and a connection that holds a revision
        # serves several threads, which SQLite's serialised mode allows for reading.
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    except sqlite3.OperationalError as error:
        raise IndexAccessError(f"{path} cannot be opened ({error}): expected a folder that can be written") from error
    try:
        if not is_frozen:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        # What is removed is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _as_ours(path, error) from error
    return connection


def _as_ours(path: Path, error: sqlite3.DatabaseError) -> PassageIndexError:
    if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
        # Locked, full, read-only: it cannot be done now, and nothing is damaged.
        return IndexAccessError(
            f"{path} cannot be used now ({error}): what it held is unchanged; make room or get access, and try again"
        )
    return IndexDamagedError(_UNREADABLE.format(path=path, reason=error))


def _conditions(filters: Filters) -> tuple[list[str], dict[str, str]]:
    """Return what a row of `documents` must fulfil, in SQL, with its parameters."""
    conditions: list[str] = []
    parameters: dict[str, str] = {}
    # A year, month or day is compared as far as both dates go, so that « 2022 » may be any day of it.
    for name, date, order in (("after", filters.after, ">="), ("before", filters.before, "<=")):
        if date:
            parameters[name] = date
            conditions.append(f"substr(date, 1, length(:{name})) {order} substr(:{name}, 1, length(date))")
    if filters.sources:
        named = {f"source{i}": pattern for i, pattern in enumerate(filters.sources)}
        parameters |= named
        globs = _globs("source", named)
        conditions.append(f"documents.number IN (SELECT document FROM sources WHERE {AT} AND ({globs}))")
    if filters.languages:
        named = {f"language{i}": code for i, code in enumerate(filters.languages)}
        parameters |= named
        conditions.append(f"language IN ({', '.join(f':{name}' for name in named)})")
    for i, (key, value) in enumerate(sorted(filters.metadata.items())):
        parameters |= {f"key{i}": key, f"value{i}": value}
        conditions.append(f"EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = :key{i} AND value = :value{i})")
    return conditions, parameters


def fitting(sources: Iterable[str], patterns: Sequence[str]) -> set[str]:
    """Return those of the sources that, whole or from a `/` on, fit one of some patterns, as filters have it."""
    if not patterns:
        return set()
    named = {f"source{i}": pattern for i, pattern in enumerate(patterns)}
    query = f"SELECT value FROM json_each(:sources) WHERE {_globs('value', named)}"
    with closing(sqlite3.connect(":memory:")) as connection:
        return {source for (source,) in connection.execute(query, {**named, "sources": json.dumps(list(sources))})}


def _globs(column: str, names: Iterable[str]) -> str:
    return " OR ".join(f"{column} GLOB :{name} OR {column} GLOB '*/' || :{name}" for name in names)


def _below(column: str) -> str:
    after = chr(ord(os.sep) + 1)
    return f"({column} = :folder OR {column} >= :folder || '{os.sep}' AND {column} < :folder || '{after}')"
