"""A store of passages on a Milvus server, for as many readers as there are, and one writer at a time."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

from index import durable
from index.embedder import Embedder
from index.errors import IndexAccessError, IndexBusyError, IndexDamagedError, IndexMismatchError, IndexNotFoundError
from index.locations import shared_folder
from index.milvus.address import Address
from index.milvus.changes import MilvusChanges
from index.milvus.checking import check_server
from index.milvus.connection import Connection, Row
from index.milvus.lease import Lease, leased
from index.milvus.schema import (
    FORMAT,
    FORMATS,
    Collections,
    Kind,
    State,
    fields_of,
    passage_number,
    text_keys,
)
from index.milvus.snapshot import Kept, MilvusSnapshot
from index.passage_store import CheckReport, Progress, require_model
from index.writer import Writer

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)

# Another writer that ends within this time is waited for.
_PATIENCE_S = 2.0
# What goes is deleted so long after it has ceased to count: whoever was reading it has noticed by then.
_GRACE_S = 2.0
# A question that was answered from what had just ceased to count is asked again, so often.
_ATTEMPTS = 5
# A server searches what has just come by an index made in passing: of 10,000 passages it finds .94 of the ten
# nearest, and takes twice as long (tests/benchmarks/stores.py). So many at most are left to it.
_UNSEALED = 2000


class MilvusStore:
    """A store on a server; nothing of it is kept on this machine."""

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._address = address
        self._collections = Collections(address.collection)
        self._kept = Kept()
        self._snapshot: MilvusSnapshot | None = None
        self._least: tuple[int, int, bool] = (0, 0, False)
        self._identity = ""
        self._lock = threading.Lock()
        self._is_loaded = False

    @classmethod
    def at(cls, address: str) -> Self:
        """Return the store at an address; raises InputError for what is none."""
        return cls(Address.parse(address))

    @property
    def folder(self) -> Path:
        return shared_folder(self.name)

    def exists(self) -> bool:
        return self._find() is not None

    @contextmanager
    def making(self) -> Iterator[None]:
        # Collections are made by the first change, and what is left of one that was killed is gone with the next.
        self._find()
        yield

    def model(self) -> str:
        return self._begun().model

    def fingerprint(self) -> str:
        return self._begun().fingerprint

    def generation(self) -> MilvusSnapshot:
        return self._snapshot_of(self._newest())

    def consult(self, work: Callable[[MilvusSnapshot], _T]) -> _T:
        for _ in range(_ATTEMPTS):
            snapshot = self.generation()
            try:
                found = work(snapshot)
            except IndexDamagedError:
                # Also what it looks like when what is read has just been deleted.
                if self._newest().order == snapshot.state.order:
                    raise
                continue
            if self._newest().revision == snapshot.state.revision:
                return found
        raise IndexBusyError(f"{self.name} changed {_ATTEMPTS} times while it was asked: expected a moment; ask again")

    @contextmanager
    def writing(
        self, embedder: Embedder, on_progress: Progress | None = None, *, wait: bool = True
    ) -> Iterator[Writer]:
        """Change the store, as `PassageStore.writing` does; it always waits, for no passage is without its vector."""
        del wait
        connection = self._connection
        if self._find() is None:
            self._create(embedder)
        with leased(connection, self._collections.state, patience=_PATIENCE_S) as (lease, rows):
            state = _newest_of(self.name, rows) or _founded(embedder)
            require_model(self.name, state.fingerprint, embedder)
            begun = self._begin(state)
            durable.step("begun")
            before = self._snapshot_of(begun)
            changes = MilvusChanges(connection, self._collections, before, begun.attempt)
            writer = Writer(changes, embedder, on_progress, wait=True)
            yield writer
            writer.flush()
            if begun.revision and not changes.has_changed():
                return
            finished = replace(changes.finished(), written_at=time.time())
            if begun.attempt > begun.revision + 1:
                # Vectors of a change that was killed have been used by now.
                connection.delete(self._collections.passages, _left(begun))
            if finished.unsealed > _UNSEALED:
                finished = self._seal(finished)
            self._require(lease)
            durable.step("written")
            older_states = self._write_state(finished)
            durable.step("current")
            try:
                connection.delete_listed(self._collections.state, "key", older_states)
                if not finished.is_clean:
                    time.sleep(_GRACE_S)
                    self._require(lease)
                    self._purge(finished)
                    # In this order: a count that is gone leaves the one before it standing.
                    for keys in (changes.older, changes.superseded, changes.empty):
                        connection.delete_listed(self._collections.catalogue, "key", keys)
                elif finished.written_at - begun.written_at > _GRACE_S:
                    connection.delete_listed(self._collections.catalogue, "key", changes.older)
            except (IndexAccessError, IndexBusyError) as error:
                # The change counts already; what is gone is deleted with the next one.
                _logger.warning("%s", error)
            durable.step("purged")

    def embed_pending(self, embedder: Embedder, on_progress: Progress | None = None) -> None:
        """Do nothing: no passage here is without its vector."""

    def check(self, *, repair: bool = False, embedder: Embedder | None = None) -> CheckReport:
        del embedder
        mended: tuple[str, ...] = ()
        if repair:
            self._newest()
            with leased(self._connection, self._collections.state, patience=0) as (_, rows):
                state = _newest_of(self.name, rows)
                if state is not None and self._tidy(state):
                    mended = ("deleted what a change that was killed had left",)
        return self.consult(lambda snapshot: check_server(snapshot, mended))

    @cached_property
    def _connection(self) -> Connection:
        return Connection.open(self._address)

    def _find(self) -> State | None:
        """Return the newest state, None where there is no index; raises IndexMismatchError for other collections."""
        connection = self._connection
        if not self._is_loaded:
            expected = fields_of(self._collections, 2, connection)
            for collection, fields in expected.items():
                found = connection.fields_of(collection)
                if found is None:
                    return None
                if found != {field.name for field in fields}:
                    raise IndexMismatchError(
                        f"{self.name} is a collection of something else ({collection} has the fields "
                        f"{', '.join(sorted(found))}); choose another name for the store"
                    )
            for collection in expected:
                connection.load(collection)
            state = self._read_state(newest=True)
            self._is_loaded = True
            return state
        return self._read_state()

    def _begin(self, state: State) -> State:
        """Begin a change, whose number no other has had, and delete what those that were killed have left.

        Their passages stay, whose vectors the change may want.
        """
        begun = replace(state, attempt=state.attempt + 1)
        self._connection.insert(self._collections.state, [begun.row()])
        if state.attempt > state.revision:
            self._connection.delete(self._collections.catalogue, _left(begun))
        if not state.is_clean:
            begun = self._purge(begun)
        return begun

    def _tidy(self, state: State) -> bool:
        """Delete all that changes have left that were killed; return whether there was anything."""
        connection, passages = self._connection, self._collections.passages
        left = _left(replace(state, attempt=state.attempt + 1))
        is_left = any(connection.count(collection, left) for collection in (passages, self._collections.catalogue))
        if is_left or not state.is_clean:
            self._begin(state)
            connection.delete(passages, left)
        return is_left or not state.is_clean

    def _begun(self) -> State:
        """Return the state of an index, finished or not; raises IndexNotFoundError where there is none."""
        state = self._find()
        if state is None:
            raise IndexNotFoundError(
                f"{self.name} holds no sourcier index; make one with: sourcier index PATH --store {self.name}"
            )
        return state

    def _newest(self) -> State:
        """Return the state that counts; raises IndexNotFoundError where none does."""
        state = self._begun()
        if not state.revision:
            raise IndexNotFoundError(
                f"{self.name} holds an index that was never finished: index its documents again and it goes on"
            )
        return state

    def _read_state(self, *, newest: bool = False) -> State | None:
        rows = self._connection.query(self._collections.state, 'key like "state.%"', ["key", "value"], newest=newest)
        found = _newest_of(self.name, rows)
        is_other = found is not None and found.identity != self._identity
        if not newest and (found is None or is_other or found.order < self._least):
            # What was written here is seen here at once.
            return self._read_state(newest=True)
        if found is not None and is_other:
            # The store of this name was deleted and made anew: what is known is of the one before.
            with self._lock:
                self._identity, self._least, self._snapshot, self._kept = found.identity, (0, 0, False), None, Kept()
        if found is not None:
            self._least = max(self._least, found.order)
        return found

    def _write_state(self, state: State) -> list[str]:
        """Have a state count, and return the keys of those before it, which may go."""
        connection, collection = self._connection, self._collections.state
        connection.insert(collection, [state.row()])
        rows = connection.query(collection, 'key like "state.%"', ["key", "value"], newest=True)
        if state.key not in {row["key"] for row in rows}:
            raise IndexAccessError(f"{self.name} has not taken in what counts: what it held is unchanged; try again")
        self._least = state.order
        return [row["key"] for row in rows if State.of_row(row).order < state.order]

    def _snapshot_of(self, state: State) -> MilvusSnapshot:
        with self._lock:
            known = self._snapshot
            if known is None or (known.state.revision, known.state.is_clean) != (state.revision, state.is_clean):
                known = MilvusSnapshot(self._connection, self._collections, state, self._kept)
                self._snapshot = known
            return known

    def _create(self, embedder: Embedder) -> None:
        connection = self._connection
        fields = fields_of(self._collections, embedder.dimension, connection)
        for collection in fields:
            if connection.fields_of(collection) is not None:
                # Whoever was making them was killed, and nothing in them counts.
                connection.drop(collection)
        with ThreadPoolExecutor(len(fields)) as together:
            list(together.map(connection.create, fields.keys(), fields.values()))
        self._is_loaded = True

    def _require(self, lease: Lease) -> None:
        if not lease.is_held:
            raise IndexBusyError(
                f"{self.name} could not be reached for too long, and another may be writing by now: expected to be the "
                "only one; what it held is unchanged; try again"
            )

    def _seal(self, state: State) -> State:
        """Have the server index what it has taken in."""
        try:
            for collection in (self._collections.passages, self._collections.catalogue):
                self._connection.seal(collection)
        except IndexAccessError as error:
            # All is there all the same, and a server that was told so a moment ago may refuse.
            _logger.info("not indexed yet: %s", error)
            return state
        return replace(state, unsealed=0)

    def _purge(self, state: State) -> State:
        """Delete what is gone at a revision, and say so; return the state that does."""
        connection, collections = self._connection, self._collections
        condition = f"kind == {int(Kind.GONE)} and born <= {state.revision}"
        gone = list(connection.iterate(collections.catalogue, condition, ["key", "document", "value"]))
        before = MilvusSnapshot(connection, collections, replace(state, is_clean=True), self._kept)
        entries = before.entries_at([row["document"] for row in gone if row["document"]])
        numbers = [passage_number(entry.number, i) for entry in entries for i in range(entry.passages)]
        connection.delete_listed(collections.passages, "number", numbers)
        keys = [
            *(key for entry in entries for key in text_keys(entry.number, entry.parts)),
            *(row["value"] for row in gone),
            *(row["key"] for row in gone),
        ]
        connection.delete_listed(collections.catalogue, "key", keys)
        clean = replace(state, is_clean=True)
        connection.delete_listed(collections.state, "key", self._write_state(clean))
        return clean


def _founded(embedder: Embedder) -> State:
    """Return the state of a store that nothing has been written to."""
    return State(embedder.name, embedder.fingerprint, embedder.dimension, identity=uuid.uuid4().hex)


def _newest_of(name: str, rows: Iterable[Row]) -> State | None:
    """Return the newest of some rows of states, None of none; raises IndexMismatchError for another format."""
    rows = list(rows)
    unknown = {State.format_of(row) for row in rows} - set(FORMATS)
    if unknown:
        raise IndexMismatchError(
            f"{name} has store format {unknown.pop()}, expected {FORMAT}; index the documents again under another name"
        )
    return max(map(State.of_row, rows), key=lambda state: state.order, default=None)


def _left(begun: State) -> str:
    """Return which rows changes before this one have left that were killed."""
    return f"born > {begun.revision} and born < {begun.attempt}"
