"""One revision of a shared store, as it is searched."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from index.document import Document, DocumentSummary, Passage
from index.embedder import Embedder
from index.errors import IndexDamagedError
from index.filters import Filters
from index.milvus.connection import Connection, Row, aside, conditions
from index.milvus.schema import (
    Collections,
    Entry,
    Kind,
    Span,
    State,
    columns_of,
    conditions_of,
    days_of,
    document_from,
    document_key,
    name_number,
    passage_of,
    text_keys,
)
from index.milvus.terms import question_terms, sought_terms, term_index
from index.recent import Recent
from index.snapshot import FileState
from index.store import fitting
from index.words import EXACT, analyse, field_of, idf

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of the graph's candidates, so many are looked at: recall against brute force is in tests/benchmarks/stores.py.
_LOOKED_AT = 256
_FILTERS_KEPT = 32
_DOCUMENTS_KEPT = 256
# What the questions of a busy moment find: 13 MB of vectors.
_PASSAGES_KEPT = 8192
_AT_ONCE = 64
_SPAN_FIELDS = ("number", "document", "start", "end", "parts", "text_sha256", "language")
_ROW_FIELDS = (*_SPAN_FIELDS, "vector")
_DATED = re.compile(r"\d{4}")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read last of one store: columns of documents, and where passages stand, and their vectors.

    None of it ever changes, and a number is never given to another.
    """

    texts: Recent[int, list[Any]] = field(default_factory=lambda: Recent(_DOCUMENTS_KEPT))
    spans: Recent[int, Span] = field(default_factory=lambda: Recent(_PASSAGES_KEPT))
    vectors: Recent[int, NDArray[np.float32]] = field(default_factory=lambda: Recent(_PASSAGES_KEPT))


@dataclass(frozen=True, slots=True)
class _Passing:
    """What passes filters: rows that fulfil a condition, of some documents or of all."""

    condition: str
    documents: tuple[int, ...] | None

    def conditions(self) -> Iterator[str]:
        if self.documents is None:
            yield self.condition
        else:
            for listed in conditions("document", self.documents):
                yield f"{self.condition} and {listed}"


class MilvusSnapshot:
    """A revision of a store on a server; it holds as long as the store's state says so."""

    coverage = 1.0

    def __init__(self, connection: Connection, collections: Collections, state: State, kept: Kept) -> None:
        self.state = state
        self.name = state.name
        self.pending = np.empty(0, np.int64)
        self._connection = connection
        self._collections = collections
        self._terms = term_index(connection)
        self._kept = kept
        self._gone: frozenset[str] = frozenset()
        self._condition = f"born <= {state.revision}"
        if not state.is_clean:
            gone = list(self._rows(Kind.GONE))
            self._gone = frozenset(row["value"] for row in gone)
            documents = sorted({row["document"] for row in gone if row["document"]})
            self._condition += "".join(f" and not ({one})" for one in conditions("document", documents))
        self._found_in: dict[str, int] = {}
        self._passing: Recent[tuple[object, ...], _Passing] = Recent(_FILTERS_KEPT)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.state.passages

    def search_vectors(
        self, query_vector: NDArray[np.float32], k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        parameters = {"ef": max(_LOOKED_AT, 2 * k)}
        found = []
        for condition in self._filtered(filters).conditions():
            # What stands in a row comes with it, and need not be asked for.
            numbers, cosines, rows = self._connection.search(
                self._collections.passages, "vector", query_vector, k, condition, parameters, _ROW_FIELDS
            )
            self._keep(rows)
            found.append((numbers, cosines))
        return _best(found, k)

    def search_words(
        self, question: str, k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        terms = question_terms(question, self.state.fields)
        sought = sought_terms(terms, self._counts(terms), len(self))
        if not sought:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        found = [
            self._terms.search(self._connection, self._collections.passages, sought, k, condition)
            for condition in self._filtered(filters).conditions()
        ]
        return _best(found, k)

    def scorable(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.ones(len(numbers), bool)

    def vectors_of(self, numbers: NDArray[np.int64], embedder: Embedder) -> NDArray[np.float32]:
        """Return vectors; no passage here is without."""
        del embedder
        wanted = numbers.tolist()
        known = self._kept.vectors.among(wanted)
        missing = [number for number in wanted if number not in known]
        if missing:
            known |= self._keep(self._passage_rows(missing, _ROW_FIELDS))
        return np.array([known[number] for number in wanted], np.float32).reshape(len(wanted), -1)

    def languages_of(self, numbers: NDArray[np.int64]) -> list[str | None]:
        spans = self._spans(numbers.tolist())
        return [spans[number].language or None for number in numbers.tolist()]

    def question_terms(self, question: str, language: str | None) -> dict[str, float]:
        field = field_of(language)
        named = {f"{field}:{term}": term for term in analyse(question, language)}
        found_in = self._counts(list(named))
        return {term: idf(found_in.get(name, 0), len(self)) for name, term in named.items()}

    def found_in(self, words: Iterable[str]) -> dict[str, int]:
        """Return what the interface says; nothing of it is kept, since a slip has hundreds of neighbours."""
        named = {f"{EXACT}:{word}": word for word in words}
        counts = self.counted(list(named))
        return {named[name]: count for name, (count, _) in counts.items() if count > 0}

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        spans = self._spans(numbers)
        documents = self.documents_at({span.document: span.parts for span in spans.values()})
        found = []
        for number in numbers:
            span = spans[number]
            document = documents[span.document]
            passage = passage_of(document, span)
            if passage.sha256 != span.text_sha256:
                raise self.damaged(f"the text of document {document.id} has changed")
            found.append((passage, document))
        return found

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        entries = self.entries() if ids is None else self.entries_named(list(ids))
        places = sorted((entry.id, entry.number, entry.parts) for entry in entries)
        for begin in range(0, len(places), _AT_ONCE):
            some = places[begin : begin + _AT_ONCE]
            documents = self.documents_at({number: parts for _, number, parts in some})
            yield from (documents[number] for _, number, _ in some)

    def summaries(self, filters: Filters | None = None) -> Iterator[DocumentSummary]:
        filters = filters or Filters()
        sources: dict[int, list[str]] = {}
        for source, document in self._source_pairs():
            sources.setdefault(document, []).append(source)
        fit = fitting((source for several in sources.values() for source in several), filters.sources)
        for entry in sorted(self.entries(), key=lambda entry: entry.number):
            of_it = sources.get(entry.number, [])
            if _passes(filters, entry) and (not filters.sources or not fit.isdisjoint(of_it)):
                source = min(of_it, default="")
                yield DocumentSummary(entry.id, entry.title, source, entry.date, entry.language, entry.characters)

    def files_of(self, document_id: str) -> list[FileState]:
        numbers = [entry.number for entry in self.entries_named([document_id])]
        paths = sorted({file for _, _, file, _ in self.keyed_sources(documents=numbers)})
        return sorted((state for _, _, state in self.keyed_files(paths)), key=lambda state: state.path)

    def files_below(self, folder: str) -> dict[str, FileState]:
        return {path: state for path, _, state in self.keyed_files() if _is_below(path, folder)}

    def sources_below(self, folder: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for _, source, file, _ in sorted(self.keyed_sources(), key=lambda one: one[1]):
            if _is_below(file, folder):
                found.setdefault(file, []).append(source)
        return found

    def count_documents(self) -> int:
        return self.state.documents

    def newest_date(self) -> str | None:
        return self.state.newest_date

    # What changes and checks ask too.

    @property
    def place(self) -> str:
        return self._connection.name

    def stored_vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of passages, float32 of shape (len(numbers), dimension)."""
        wanted = numbers.tolist()
        found = {row["number"]: row["vector"] for row in self._passage_rows(wanted, ("number", "vector"))}
        return np.array([found[number] for number in wanted], np.float32)

    def at(self, revision: int) -> MilvusSnapshot:
        """Return what is written by a revision, that may not count yet; what it takes away is there."""
        state = replace(self.state, revision=revision, is_clean=True)
        return MilvusSnapshot(self._connection, self._collections, state, self._kept)

    def entries(self) -> Iterator[Entry]:
        return (Entry(**json.loads(row["value"])) for row in self._rows(Kind.DOCUMENT))

    def entries_named(self, ids: Sequence[str]) -> list[Entry]:
        wanted = set(ids)
        found = (Entry(**json.loads(row["value"])) for row in self._rows(Kind.DOCUMENT, sorted(wanted)))
        return [entry for entry in found if entry.id in wanted]

    def entries_at(self, numbers: Sequence[int]) -> list[Entry]:
        keys = [document_key(number) for number in numbers]
        rows = self._connection.query_listed(self._collections.catalogue, "key", keys, ["value"])
        return [Entry(**json.loads(row["value"])) for row in rows]

    def keyed_sources(
        self, sources: Sequence[str] | None = None, *, documents: Sequence[int] | None = None
    ) -> Iterator[tuple[str, str, str, int]]:
        """Yield (key, source, file, document's number) of sources, all or those named or those of some documents."""
        wanted = None if sources is None else set(sources)
        for row in self._rows(Kind.SOURCE, sources, documents):
            source, file = json.loads(row["value"])
            if wanted is None or source in wanted:
                yield row["key"], source, file, row["document"]

    def keyed_files(self, paths: Sequence[str] | None = None) -> Iterator[tuple[str, str, FileState]]:
        """Yield (path, key, state) of the files that were read, all or those named."""
        wanted = None if paths is None else set(paths)
        for row in self._rows(Kind.FILE, paths):
            state = FileState(**json.loads(row["value"]))
            if wanted is None or state.path in wanted:
                yield state.path, row["key"], state

    def placed(self, entries: Sequence[Entry]) -> Iterator[tuple[Document, Span]]:
        """Yield where the passages of documents stand, each with its document."""
        for begin in range(0, len(entries), _AT_ONCE):
            some = {entry.number: entry.parts for entry in entries[begin : begin + _AT_ONCE]}
            documents = self.documents_at(some)
            rows = self._connection.query_listed(self._collections.passages, "document", list(some), _SPAN_FIELDS)
            for row in rows:
                span = _span(row)
                yield documents[span.document], span

    def counted(self, terms: Sequence[str]) -> dict[str, tuple[int, list[str]]]:
        """Return in how many passages each term is, and the keys of the rows that say so, or did, newest first."""
        found: dict[str, list[tuple[int, str, int]]] = {term: [] for term in terms}
        for row in self._rows(Kind.TERM, terms):
            term, count = json.loads(row["value"])
            if term in found:
                found[term].append((row["born"], row["key"], count))
        rows = {term: sorted(of_term, reverse=True) for term, of_term in found.items()}
        return {
            term: (of_term[0][2] if of_term else 0, [key for _, key, _ in of_term]) for term, of_term in rows.items()
        }

    def documents_at(self, parts: dict[int, int]) -> dict[int, Document]:
        """Return the documents of some numbers, of which each lies in so many parts."""
        known = self._kept.texts.among(parts)
        missing = [number for number in parts if number not in known]
        read = aside(lambda: self._columns({number: parts[number] for number in missing})) if missing else None
        sources: dict[int, list[str]] = {number: [] for number in parts}
        for _, source, _, number in self.keyed_sources(documents=list(parts)):
            sources[number].append(source)
        if read is not None:
            known |= read.result()
        return {number: document_from(known[number], sources[number]) for number in parts}

    def damaged(self, reason: str) -> IndexDamagedError:
        name = self._connection.name
        return IndexDamagedError(
            f"{name} cannot be read ({reason}); see what else is wrong with: sourcier check --store {name}"
        )

    def _columns(self, parts: dict[int, int]) -> dict[int, list[Any]]:
        """Return the columns of the documents of some numbers, and keep them."""
        waiting = iter([key for number in parts for key in text_keys(number, parts[number])])
        values: dict[str, str] = {}
        # Texts are long, and an answer of the server holds so much.
        while some := list(islice(waiting, _AT_ONCE)):
            rows = self._connection.query_listed(self._collections.catalogue, "key", some, ["key", "value"])
            values |= {row["key"]: row["value"] for row in rows}
        found = {}
        for number in parts:
            columns = columns_of([values.get(key, "") for key in text_keys(number, parts[number])])
            if columns is None:
                raise self.damaged(f"document {number} does not hold what was written")
            found[number] = columns
        self._kept.texts.keep(found)
        return found

    def _spans(self, numbers: Sequence[int]) -> dict[int, Span]:
        """Return where passages stand."""
        spans = self._kept.spans.among(numbers)
        missing = [number for number in numbers if number not in spans]
        if missing:
            spans |= {row["number"]: _span(row) for row in self._passage_rows(missing, _SPAN_FIELDS)}
        return spans

    def _passage_rows(self, numbers: Sequence[int], fields: Sequence[str]) -> list[Row]:
        """Return the rows of passages, in any order."""
        rows = list(self._connection.query_listed(self._collections.passages, "number", list(numbers), fields))
        missing = set(numbers).difference(row["number"] for row in rows)
        if missing:
            raise self.damaged(f"passage {min(missing)} is missing")
        return rows

    def _keep(self, rows: Sequence[Row]) -> dict[int, NDArray[np.float32]]:
        """Keep what rows of passages hold, and return their vectors."""
        vectors = {row["number"]: np.array(row["vector"], np.float32) for row in rows}
        self._kept.vectors.keep(vectors)
        self._kept.spans.keep({row["number"]: _span(row) for row in rows})
        return vectors

    def _rows(
        self, kind: Kind, names: Sequence[str] | None = None, documents: Sequence[int] | None = None
    ) -> Iterator[Row]:
        """Yield the rows of a kind that count: all, or those of some names or of some documents."""
        collection, fields = self._collections.catalogue, ["key", "document", "born", "value"]
        condition = f"kind == {int(kind)} and born <= {self.state.revision}"
        if documents is not None:
            found = self._connection.query_listed(collection, "document", documents, fields, condition)
        elif names is not None:
            numbers = [name_number(kind, name) for name in names]
            found = self._connection.query_listed(collection, "name", numbers, fields, condition)
        else:
            found = self._connection.iterate(collection, condition, fields)
        return (row for row in found if row["key"] not in self._gone)

    def _counts(self, terms: Sequence[str]) -> dict[str, int]:
        with self._lock:
            unknown = [term for term in terms if term not in self._found_in]
        found = {term: count for term, (count, _) in self.counted(unknown).items()} if unknown else {}
        with self._lock:
            self._found_in |= found
            return {term: self._found_in[term] for term in terms}

    def _filtered(self, filters: Filters | None) -> _Passing:
        if not filters:
            return _Passing(self._condition, None)
        passing = self._passing.get(filters.key)
        if passing is not None:
            return passing
        documents = None
        if filters.sources:
            # The server compares beginnings only, so which sources fit is found out here, once a revision.
            pairs = list(self._source_pairs())
            fit = fitting((source for source, _ in pairs), filters.sources)
            documents = tuple(sorted({document for source, document in pairs if source in fit}))
        passing = _Passing(" and ".join([self._condition, *conditions_of(filters)]), documents)
        self._passing.keep({filters.key: passing})
        return passing

    def _source_pairs(self) -> Iterator[tuple[str, int]]:
        """Yield every source with the number of its document."""
        return ((source, document) for _, source, _, document in self.keyed_sources())


def is_dated(date: str | None) -> bool:
    """Whether a date begins with a year."""
    return bool(date and _DATED.match(date))


def _span(row: Row) -> Span:
    return Span(**{name: row[name] for name in _SPAN_FIELDS})


def _best(
    found: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the best of several findings, ties by number."""
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    numbers, scores = (np.concatenate(both) for both in zip(*found, strict=True))
    order = np.lexsort((numbers, -scores))[:k]
    return numbers[order], scores[order]


def _is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or in or below it."""
    return path == folder or path.startswith(f"{folder}{os.sep}")


def _passes(filters: Filters, entry: Entry) -> bool:
    """Whether a document passes filters, but for its sources."""
    first, last = days_of(entry.date)
    return (
        (not filters.after or last >= days_of(filters.after)[0])
        and (not filters.before or first <= days_of(filters.before)[1])
        and (not filters.languages or entry.language in filters.languages)
        and all(entry.metadata.get(key) == value for key, value in filters.metadata.items())
    )
