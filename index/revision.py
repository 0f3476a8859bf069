"""The next revision of the truth: what the one writer changes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.document import Document, Passage
from index.schema import COLUMNS, FORMAT, PARAMETERS, SCHEMA, VERSIONED, batches, digest_of, marks, values_of
from index.snapshot import FileState
from index.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Revision(Store):
    """The one writer's connection to the truth; it sees what it has changed before anybody else does."""

    # Nearly every corpus fits, and then the time left is known.
    read_at_once = 64_000_000

    @classmethod
    def create(cls, folder: Path, *, model: str, fingerprint: str, dimension: int) -> None:
        """Make an empty truth for vectors of one model, in a folder that exists."""
        settings = {
            "format": FORMAT,
            "model": model,
            "fingerprint": fingerprint,
            "dimension": str(dimension),
            "revision": "0",
            "purged": "0",
        }
        with closing(cls(folder)) as store, store.transaction():
            for statement in SCHEMA.split(";"):
                store._do(statement)
            store._do_many("INSERT INTO settings VALUES (?, ?)", settings.items())

    def begin_revision(self, after: int) -> None:
        """Make the revision after one from here on; what came later was never finished, and goes."""
        self._at = after + 1
        with self.transaction():
            self._do("UPDATE settings SET value = ? WHERE name = 'revision'", (str(after),))
            for table in VERSIONED:
                self._do(f"DELETE FROM {table} WHERE born > ?", (after,))
                self._do(f"UPDATE {table} SET died = NULL WHERE died > ?", (after,))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what happens inside is kept only if it ends well."""
        self._do("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self.commit()

    def begin(self) -> None:
        """Keep what follows together until `commit`; what is not committed goes with the connection."""
        if not self._connection.in_transaction:
            self._do("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._do("COMMIT")

    def has_changed(self) -> bool:
        """Whether anything of the revision in the making differs from the one before."""
        tables = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE born = :at OR died = :at" for table in VERSIONED)
        return self._one(f"SELECT EXISTS ({tables})", {"at": self._at}) == 1

    def finish_revision(self) -> None:
        """Have the revision count."""
        self._do("UPDATE settings SET value = ? WHERE name = 'revision'", (str(self._at),))

    def expect(self, documents: Sequence[Document]) -> None:
        """Do nothing: SQLite looks one up as quickly as several."""

    def put(self, document: Document, file: str) -> tuple[int, bool]:
        """Store a document, in the place of the one with its id, and its sources; return its number, and if it is new.

        A document whose only source now belongs to another one goes.
        """
        row = next(
            self._rows(f"SELECT number, {COLUMNS} FROM documents WHERE id = ? AND died IS NULL", (document.id,)), None
        )
        values = values_of(document)
        number, stored = (row[0], tuple(row[1:])) if row else (None, None)
        is_new = stored != values
        if is_new:
            if number is not None:
                self.drop_document(number)
            number = self._do(
                f"INSERT INTO documents ({COLUMNS}, digest, born) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, digest_of(values), self._at),
            ).lastrowid
        assert number is not None
        for source in document.sources:
            self._put_source(source, file or source, number)
        return number, is_new

    def put_passages(self, number: int, passages: Iterable[Passage]) -> None:
        """Store the passages of a new document."""
        self._do_many(
            "INSERT INTO passages (document, start, end, text_sha256) VALUES (?, ?, ?, ?)",
            [(number, passage.start, passage.end, passage.sha256) for passage in passages],
        )

    def put_file(self, state: FileState) -> None:
        """Note how a file was when it was read."""
        self.drop_file(state.path)
        self._do(
            "INSERT INTO files (path, size, mtime_ns, sha256, reading, reason, born) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (state.path, state.size, state.mtime_ns, state.sha256, state.reading, state.reason, self._at),
        )

    def drop_file(self, path: str) -> None:
        """Forget a file, so that it counts as never read; its documents stay."""
        self._kill("files", "path = ?", path)

    def touch_file(self, state: FileState) -> None:
        """Note another time of a file that holds the same; it is no change of the documents."""
        self._do(
            "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ? AND died IS NULL AND mtime_ns != ?",
            (state.size, state.mtime_ns, state.path, state.mtime_ns),
        )

    def drop_source(self, source: str, *, file: str | None = None) -> None:
        """Take a source away, and its document if it was the only one; with `file`, only if it was read from there."""
        for number, where in list(
            self._rows("SELECT document, file FROM sources WHERE source = ? AND died IS NULL", (source,))
        ):
            if file in (None, where):
                self._kill_sources("source = ?", source)
                self._drop_without_source(number)

    def drop_document(self, number: int) -> None:
        """Take a document away, with its sources."""
        self._kill_sources("document = ?", number)
        self._kill("documents", "number = ?", number)

    def drop_sources(self) -> None:
        """Take all sources away; the documents stay."""
        self._kill_sources("?", 1)

    def find(self, pattern: str) -> tuple[dict[str, int], list[str]]:
        """Return the documents, their numbers by id, and the sources that an id, a path or a glob pattern means."""
        documents = dict(self._rows("SELECT id, number FROM documents WHERE id = ? AND died IS NULL", (pattern,)))
        sources: list[str] = []
        # Only where nothing is called so is it looked for everywhere.
        for condition in (
            "source = :pattern",
            "file = :pattern",
            "source GLOB :pattern OR source GLOB '*/' || :pattern",
        ):
            if not documents and not sources:
                query = f"SELECT source FROM sources WHERE ({condition}) AND died IS NULL ORDER BY source"
                sources = [source for (source,) in self._rows(query, {"pattern": pattern})]
        return documents, sources

    def alive(self, numbers: Iterable[int]) -> set[int]:
        return {
            number
            for some in batches(np.sort(np.fromiter(numbers, np.int64)))
            for (number,) in self._rows(
                f"SELECT number FROM documents WHERE number IN ({marks(some)}) AND died IS NULL", some
            )
        }

    def numbers_of_documents(self) -> set[int]:
        return {number for (number,) in self._rows("SELECT number FROM documents WHERE died IS NULL")}

    def missing_vectors(self, text_hashes: Iterable[str]) -> set[str]:
        """Return those of the hashes for which no vector is stored."""
        wanted = set(text_hashes)
        ordered = sorted(wanted)
        for begin in range(0, len(ordered), PARAMETERS):
            some = ordered[begin : begin + PARAMETERS]
            known = self._rows(f"SELECT text_sha256 FROM vectors WHERE text_sha256 IN ({marks(some)})", some)
            wanted.difference_update(text_hash for (text_hash,) in known)
        return wanted

    def put_vectors(self, text_hashes: Sequence[str], vectors: NDArray[np.floating]) -> None:
        """Keep vectors, as float16, under the hashes of their texts."""
        blobs = [row.tobytes() for row in vectors.astype("<f2")]
        self._do_many(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
            [(key, blob, zlib.crc32(blob)) for key, blob in zip(text_hashes, blobs, strict=True)],
        )

    def forget_files_of(self, number: int) -> None:
        """Have the files that a document was read from count as never read."""
        self._do("DELETE FROM files WHERE path IN (SELECT file FROM sources WHERE document = ?)", (number,))

    def forget_passages_of(self, number: int) -> None:
        self._do("DELETE FROM passages WHERE document = ?", (number,))

    def forget_source(self, row: int) -> None:
        self._do("DELETE FROM sources WHERE rowid = ?", (row,))

    def reindex(self) -> None:
        """Make SQLite's own indexes again from its tables."""
        self._do("REINDEX")

    def purge(self, *, vectors: bool) -> None:
        """Delete the rows that are gone at this revision; with `vectors`, also those that no passage needs."""
        for table in VERSIONED:
            self._do(f"DELETE FROM {table} WHERE died <= ?", (self._at,))
        if vectors:
            self._do("DELETE FROM vectors WHERE text_sha256 NOT IN (SELECT text_sha256 FROM passages)")
        self._do("UPDATE settings SET value = ? WHERE name = 'purged'", (str(self._at),))

    def _put_source(self, source: str, file: str, number: int) -> None:
        row = next(self._rows("SELECT document, file FROM sources WHERE source = ? AND died IS NULL", (source,)), None)
        if row == (number, file):
            return
        self._kill_sources("source = ?", source)
        self._do(
            "INSERT INTO sources (source, file, document, digest, born) VALUES (?, ?, ?, ?, ?)",
            (source, file, number, digest_of((source, file)), self._at),
        )
        if row and row[0] != number:
            self._drop_without_source(row[0])

    def _drop_without_source(self, number: int) -> None:
        if not self._one("SELECT 1 FROM sources WHERE document = ? AND died IS NULL", (number,)):
            self.drop_document(number)

    def _kill_sources(self, condition: str, value: str | int) -> None:
        # A file whose document went for another reason than its own change has to be read again.
        self._kill("files", f"path IN (SELECT file FROM sources WHERE {condition} AND died IS NULL)", value)
        self._kill("sources", condition, value)

    def _kill(self, table: str, condition: str, value: str | int) -> None:
        alive = f"({condition}) AND died IS NULL"
        # What came in this revision was never seen by anybody.
        self._do(f"DELETE FROM {table} WHERE {alive} AND born = ?", (value, self._at))
        self._do(f"UPDATE {table} SET died = ? WHERE {alive}", (self._at, value))
