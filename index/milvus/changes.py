"""The next revision of a shared store: what the one writer changes."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from index.document import Document, Passage
from index.errors import IndexAccessError, InputError
from index.milvus.connection import Connection, Row
from index.milvus.schema import (
    MOST_DOCUMENTS,
    MOST_PASSAGES,
    Collections,
    Entry,
    Kind,
    State,
    catalogue_row,
    document_key,
    document_number,
    filterable,
    gone_key,
    passage_number,
    passage_of,
    text_rows,
    versioned_key,
)
from index.milvus.snapshot import MilvusSnapshot, is_dated
from index.milvus.terms import passage_terms, term_index
from index.passages import with_title
from index.schema import digest_of, values_of
from index.snapshot import FileState
from index.store import fitting
from index.words import field_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_T = TypeVar("_T")
# What is shown in lists is kept in one row.
_LONGEST_ENTRY = 65_000
_VECTORS_KEPT = 100_000
_SENT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Held:
    """A document that is there: its number, and the checksum of what it holds."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a document was read: in which file, and which document."""

    document: int
    file: str


@dataclass
class _Named(Generic[_T]):
    """What has names, as it was (each with the key of its row) and as it is now; None for what is not there."""

    before: dict[str, tuple[str, _T]] = field(default_factory=dict)
    now: dict[str, _T | None] = field(default_factory=dict)

    def unknown(self, names: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(names) if name not in self.now]

    def learn(self, names: Iterable[str], found: Iterable[tuple[str, str, _T]]) -> None:
        """Take in what was found as (name, key, value) when these names were looked for."""
        for name, key, value in found:
            if name not in self.before:
                self.before[name] = key, value
                self.now.setdefault(name, value)
        for name in names:
            self.now.setdefault(name, None)

    def alive(self) -> Iterator[tuple[str, _T]]:
        return ((name, value) for name, value in self.now.items() if value is not None)

    def gone(self) -> Iterator[str]:
        """Yield the keys of the rows that no longer hold."""
        return (key for name, (key, value) in self.before.items() if self.now[name] != value)

    def new(self) -> Iterator[tuple[str, _T]]:
        """Yield what was not so before."""
        return ((name, value) for name, value in self.alive() if self.before.get(name, ("", None))[1] != value)


class MilvusChanges:
    """What is changed of a revision; nobody sees any of it before the state that `finished` returns is written.

    Texts, passages and vectors are written as they come; what is small is kept until the end.
    """

    # What a kill can lose: a quarter of a minute of embedding on two cores.
    read_at_once = 1_000_000

    def __init__(self, connection: Connection, collections: Collections, before: MilvusSnapshot, attempt: int) -> None:
        self._connection = connection
        self._collections = collections
        self._before = before
        self._attempt = attempt
        self._terms = term_index(connection)
        self._documents: _Named[_Held] = _Named()
        self._sources: _Named[_Source] = _Named()
        self._files: _Named[FileState] = _Named()
        self._touched: dict[str, FileState] = {}
        self._knows_all = False
        self._ordinals = itertools.count()
        # By the number of a document: its id, and its sources.
        self._ids: dict[int, str] = {}
        self._sources_of: dict[int, set[str]] = {}
        self._unwritten: dict[int, Document] = {}
        # Of the documents that are written, how many passages each has, and its date.
        self._written: dict[int, tuple[int, str | None]] = {}
        self._vectors: dict[str, NDArray[np.float16]] = {}
        self._counts: Counter[str] = Counter()
        self._fields = set(before.state.fields)
        # Keys of counts that nobody needs who reads the revision before, or this one; then those that the revision
        # before needs; then those of this one that say that there are none.
        self.older: list[str] = []
        self.superseded: list[str] = []
        self.empty: list[str] = []
        self._waiting: dict[str, list[Row]] = {collections.passages: [], collections.catalogue: []}
        self._inserted = dict.fromkeys((collections.passages, collections.catalogue), 0)

    # Several changes need no transaction here: nothing counts before the end.

    def begin(self) -> None:
        """Do nothing."""

    def commit(self) -> None:
        """Do nothing."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield
        # What was embedded for these passages is kept, whatever becomes of the rest.
        self._send()

    def files_below(self, folder: str) -> dict[str, FileState]:
        return self._before.files_below(folder)

    def sources_below(self, folder: str) -> dict[str, list[str]]:
        return self._before.sources_below(folder)

    def expect(self, documents: Sequence[Document]) -> None:
        self._learn_documents(document.id for document in documents)
        self._learn_sources(source for document in documents for source in document.sources)

    def put(self, document: Document, file: str) -> tuple[int, bool]:
        self.expect([document])
        held = self._documents.now[document.id]
        digest = digest_of(values_of(document))
        is_new = held is None or held.digest != digest
        if is_new:
            if held is not None:
                self.drop_document(held.number)
            held = _Held(self._next_number(), digest)
            self._documents.now[document.id] = held
            self._ids[held.number] = document.id
            self._sources_of[held.number] = set()
            self._unwritten[held.number] = document
        assert held is not None
        for source in document.sources:
            self._put_source(source, _Source(held.number, file or source))
        return held.number, is_new

    def put_passages(self, number: int, passages: Iterable[Passage]) -> None:
        several = list(passages)
        document = self._unwritten.pop(number)
        name = document.source or document.id
        if len(several) > MOST_PASSAGES:
            raise InputError(f"{name} has {len(several):,} passages: expected at most {MOST_PASSAGES:,}; split it")
        held = self._documents.now[document.id]
        assert held is not None
        texts = text_rows(number, document, held.digest, self._attempt)
        entry = Entry.of(document, number, held.digest, parts=len(texts), passages=len(several))
        value = json.dumps(asdict(entry), ensure_ascii=False)
        if len(value.encode()) > _LONGEST_ENTRY:
            raise InputError(
                f"the id, title and metadata of {name} have {len(value.encode()):,} bytes: "
                f"expected at most {_LONGEST_ENTRY:,}; shorten them"
            )
        row = catalogue_row(Kind.DOCUMENT, entry.key, document.id, number, self._attempt, value)
        self._insert(self._collections.catalogue, [*texts, row])
        self._insert(self._collections.passages, self._passage_rows(document, entry, several))
        self._written[number] = len(several), document.date

    def missing_vectors(self, text_hashes: Iterable[str]) -> set[str]:
        wanted = sorted(set(text_hashes) - self._vectors.keys())
        # Also what a change that was killed has left: it is only deleted once this one is whole.
        for row in self._connection.query_listed(
            self._collections.passages, "text_sha256", wanted, ["text_sha256", "vector"]
        ):
            self._vectors[row["text_sha256"]] = np.asarray(row["vector"], np.float32).astype(np.float16)
        return set(wanted) - self._vectors.keys()

    def put_vectors(self, text_hashes: Sequence[str], vectors: NDArray[np.floating]) -> None:
        self._vectors.update(zip(text_hashes, vectors.astype(np.float16), strict=True))
        # They are written with their passages, which come soon: what was embedded long ago is.
        for text_hash in list(self._vectors)[: max(0, len(self._vectors) - _VECTORS_KEPT)]:
            del self._vectors[text_hash]

    def alive(self, numbers: Iterable[int]) -> set[int]:
        held = (self._documents.now.get(self._ids[number]) for number in numbers)
        return {one.number for one in held if one is not None}.intersection(numbers)

    def numbers_of_documents(self) -> set[int]:
        self._learn_all()
        return {held.number for _, held in self._documents.alive()}

    def find(self, pattern: str) -> tuple[dict[str, int], list[str]]:
        self._learn_documents([pattern])
        held = self._documents.now[pattern]
        if held is not None:
            return {pattern: held.number}, []
        self._learn_all()
        alive = dict(self._sources.alive())
        for sources in (
            {pattern}.intersection(alive),
            {source for source, where in alive.items() if where.file == pattern},
            fitting(alive, [pattern]),
        ):
            if sources:
                return {}, sorted(sources)
        return {}, []

    def drop_document(self, number: int) -> None:
        self._learn_numbered(number)
        for source in sorted(self._sources_of[number]):
            self._kill_source(source)
        self._documents.now[self._ids[number]] = None
        self._unwritten.pop(number, None)

    def drop_source(self, source: str, *, file: str | None = None) -> None:
        self._learn_sources([source])
        held = self._sources.now[source]
        if held is not None and file in (None, held.file):
            self._kill_source(source)
            self._drop_without_source(held.document)

    def drop_sources(self) -> None:
        self._learn_all()
        for source, _ in list(self._sources.alive()):
            self._kill_source(source)

    def put_file(self, state: FileState) -> None:
        self._learn_files([state.path])
        self._files.now[state.path] = state

    def drop_file(self, path: str) -> None:
        self._learn_files([path])
        self._files.now[path] = None

    def touch_file(self, state: FileState) -> None:
        # Not worth a revision of its own: it is noted with the next change.
        self._touched[state.path] = state

    def has_changed(self) -> bool:
        kinds: tuple[_Named[_Held] | _Named[_Source] | _Named[FileState], ...] = (
            self._documents,
            self._sources,
            self._files,
        )
        return any(any(True for _ in named.gone()) or any(True for _ in named.new()) for named in kinds)

    def finished(self) -> State:
        """Write what is left, and return the state in which all of it counts.

        Raises IndexAccessError where the server has not taken in all of it.
        """
        self._note_touched_files()
        went = self._before.entries_at([held.number for held in self._went()])
        dropped = self._written.keys() - self.alive(self._written)
        if dropped:
            # All that is written must be there before what of it goes again is read.
            self._verify()
        at_the_end = self._before.at(self._attempt)
        for document, span in at_the_end.placed([*went, *at_the_end.entries_at(sorted(dropped))]):
            self._counts.subtract(self._terms_of(document, passage_of(document, span)).keys())
        gone = {
            **{entry.key: entry.number for entry in went},
            **{document_key(number): number for number in sorted(dropped)},
            **dict.fromkeys([*self._sources.gone(), *self._files.gone()], 0),
        }
        self._insert(self._collections.catalogue, self._rows(gone))
        self._verify()
        new = [self._written[number] for number in self._written if number not in dropped]
        before = self._before.state
        return replace(
            before,
            revision=self._attempt,
            attempt=self._attempt,
            is_clean=not gone,
            documents=before.documents + len(new) - len(went),
            passages=before.passages + sum(count for count, _ in new) - sum(entry.passages for entry in went),
            newest_date=self._newest_date([date for _, date in new], went),
            fields=tuple(sorted(self._fields)),
            unsealed=before.unsealed + self._inserted[self._collections.passages],
        )

    def _terms_of(self, document: Document, passage: Passage) -> Counter[str]:
        title = document.title if self._before.state.has_titles else ""
        return passage_terms(with_title(passage.text, title), document.language)

    def _passage_rows(self, document: Document, entry: Entry, passages: Sequence[Passage]) -> Iterator[Row]:
        filters = filterable(document)
        if passages:
            self._fields.add(field_of(document.language))
        for ordinal, passage in enumerate(passages):
            terms = self._terms_of(document, passage)
            self._counts.update(terms.keys())
            yield {
                "number": passage_number(entry.number, ordinal),
                "document": entry.number,
                "born": self._attempt,
                "start": passage.start,
                "end": passage.end,
                "parts": entry.parts,
                "text_sha256": passage.sha256,
                **filters,
                self._terms.field.name: self._terms.value(terms),
                "vector": self._vectors[passage.sha256].astype(np.float32),
            }

    def _rows(self, gone: dict[str, int]) -> Iterator[Row]:
        """Yield the rows of what is small: sources, files, counts of terms, and what goes."""
        for source, where in self._sources.new():
            key = versioned_key(Kind.SOURCE, source, self._attempt)
            value = json.dumps([source, where.file], ensure_ascii=False)
            yield catalogue_row(Kind.SOURCE, key, source, where.document, self._attempt, value)
        for path, state in self._files.new():
            key = versioned_key(Kind.FILE, path, self._attempt)
            value = json.dumps(asdict(state), ensure_ascii=False)
            yield catalogue_row(Kind.FILE, key, path, 0, self._attempt, value)
        for key, number in gone.items():
            yield catalogue_row(Kind.GONE, gone_key(key), "", number, self._attempt, key)
        changed = [term for term, count in self._counts.items() if count]
        known = self._before.counted(changed)
        self.older = [key for _, keys in known.values() for key in keys[1:]]
        self.superseded = [key for _, keys in known.values() for key in keys[:1]]
        for term in changed:
            key = versioned_key(Kind.TERM, term, self._attempt)
            count = known[term][0] + self._counts[term]
            if not count:
                self.empty.append(key)
            value = json.dumps([term, count], ensure_ascii=False)
            yield catalogue_row(Kind.TERM, key, term, 0, self._attempt, value)

    def _went(self) -> Iterator[_Held]:
        """Yield the documents that were there and are no more."""
        return (held for name, (_, held) in self._documents.before.items() if self._documents.now[name] != held)

    def _newest_date(self, dates: Sequence[str | None], went: Sequence[Entry]) -> str | None:
        newest = self._before.state.newest_date
        if newest is not None and any(entry.date == newest for entry in went):
            gone = {entry.number for entry in went}
            kept = (entry.date for entry in self._before.entries() if entry.number not in gone)
            newest = max((date for date in kept if date and is_dated(date)), default=None)
        return max([date for date in (newest, *dates) if date and is_dated(date)], default=None)

    def _insert(self, collection: str, rows: Iterable[Row]) -> None:
        """Have rows written, many at a time: a message to the server takes as long for one as for a hundred."""
        waiting = self._waiting[collection]
        waiting += rows
        if len(waiting) >= _SENT_AT_ONCE:
            self._send()

    def _send(self) -> None:
        for collection, rows in self._waiting.items():
            self._inserted[collection] += self._connection.insert(collection, rows)
            rows.clear()

    def _verify(self) -> None:
        self._send()

        def counted(collection: str) -> int:
            return self._connection.count(collection, f"born == {self._attempt}")

        with ThreadPoolExecutor(len(self._inserted)) as together:
            found = list(together.map(counted, self._inserted))
        for there, expected in zip(found, self._inserted.values(), strict=True):
            if there != expected:
                raise IndexAccessError(
                    f"{self._connection.name} has taken in {there:,} of {expected:,} rows: what it held is unchanged; "
                    "try again"
                )

    def _note_touched_files(self) -> None:
        self._learn_files(self._touched)
        for path, state in self._touched.items():
            if self._files.now[path] is not None:
                self._files.now[path] = state

    def _next_number(self) -> int:
        ordinal = next(self._ordinals)
        if ordinal >= MOST_DOCUMENTS:
            raise InputError(f"over {MOST_DOCUMENTS:,} documents in one change: expected fewer; index some at a time")
        return document_number(self._attempt, ordinal)

    def _put_source(self, source: str, where: _Source) -> None:
        held = self._sources.now[source]
        if held == where:
            return
        if held is not None:
            self._kill_source(source)
        self._sources.now[source] = where
        self._sources_of[where.document].add(source)
        if held is not None and held.document != where.document:
            self._drop_without_source(held.document)

    def _kill_source(self, source: str) -> None:
        held = self._sources.now[source]
        assert held is not None
        # A file whose document went for another reason than its own change has to be read again.
        self.drop_file(held.file)
        self._sources.now[source] = None
        self._learn_numbered(held.document)
        self._sources_of[held.document].discard(source)

    def _drop_without_source(self, number: int) -> None:
        if not self._sources_of[number]:
            self.drop_document(number)

    def _learn_documents(self, ids: Iterable[str]) -> None:
        unknown = self._documents.unknown(ids)
        if unknown:
            entries = self._before.entries_named(unknown)
            self._take_in_entries(entries, unknown)
            self._learn_sources_of(entry.number for entry in entries)

    def _learn_sources(self, sources: Iterable[str]) -> None:
        unknown = self._sources.unknown(sources)
        if unknown:
            self._sources.learn(unknown, self._before_sources(unknown))
            held = (self._sources.now[source] for source in unknown)
            # Whose they are has others too, perhaps.
            self._learn_numbered(*(where.document for where in held if where is not None))

    def _learn_files(self, paths: Iterable[str]) -> None:
        unknown = self._files.unknown(paths)
        if unknown:
            self._files.learn(unknown, self._before.keyed_files(unknown))

    def _learn_numbered(self, *numbers: int) -> None:
        """Learn the ids and the sources of documents that were there before."""
        unknown = [number for number in dict.fromkeys(numbers) if number not in self._sources_of]
        if unknown:
            self._take_in_entries(self._before.entries_at(unknown), ())
            self._learn_sources_of(unknown)

    def _learn_all(self) -> None:
        if self._knows_all:
            return
        self._take_in_entries(self._before.entries(), ())
        self._files.learn((), self._before.keyed_files())
        self._sources.learn((), self._before_sources())
        for number in self._ids:
            self._sources_of.setdefault(number, set())
        for source, where in self._sources.alive():
            self._sources_of[where.document].add(source)
        self._knows_all = True

    def _take_in_entries(self, entries: Iterable[Entry], asked: Iterable[str]) -> None:
        found = [(entry.id, entry.key, _Held(entry.number, entry.digest)) for entry in entries]
        self._ids |= {held.number: name for name, _, held in found}
        self._documents.learn(asked, found)

    def _learn_sources_of(self, numbers: Iterable[int]) -> None:
        unknown = [number for number in numbers if number not in self._sources_of]
        if not unknown:
            return
        found = list(self._before.keyed_sources(documents=unknown))
        self._sources.learn((), ((source, key, _Source(number, file)) for key, source, file, number in found))
        for number in unknown:
            self._sources_of[number] = {source for _, source, _, document in found if document == number}

    def _before_sources(self, sources: Sequence[str] | None = None) -> Iterator[tuple[str, str, _Source]]:
        for key, source, file, document in self._before.keyed_sources(sources):
            yield source, key, _Source(document, file)
