"""One change of an index, from the lock to the next generation."""

from __future__ import annotations

import datetime
import logging
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from index import durable
from index.bulk.shards import Read
from index.document import Document
from index.embedder import Embedder
from index.errors import IndexAccessError, IndexBusyError, InputError
from index.generation import current_name, current_revision, is_outdated, write_generation
from index.passage_store import Changes, Progress, require_model
from index.passages import split_passages
from index.revision import Revision

_log = logging.getLogger(__name__)

_LOCK = "writer.lock"
# Vectors that follow are stored between whiles: whoever stores some has done within this time.
_PATIENCE_S = 2.0
_HOLDER = "writer.holder"
# Passages embedded between two commits: what a kill can lose, a few seconds of work on two cores.
_EMBEDDED_AT_ONCE = 256
_EXPECTED_AT_ONCE = 500


class Writer:
    """Makes the next revision of an index; nobody sees anything of it before its generation is in use."""

    def __init__(self, store: Changes, embedder: Embedder, on_progress: Progress | None, *, wait: bool) -> None:
        self.store = store
        self.is_renewed = False
        self._wait = wait
        self._embedder = embedder
        self._on_progress = on_progress
        self._unread: dict[int, Document] = {}
        self._characters = 0
        self._embedded = 0

    def change(self) -> Changes:
        """Return the store, ready for changes; they are kept together with what is put before the next `flush`."""
        self.store.begin()
        return self.store

    def put(self, document: Document, *, file: str = "") -> int:
        """Add a document, or put it in the place of the one with its id; return its number.

        `file` is the path it was read from, where that is not its source.
        """
        number, is_new = self.change().put(document, file)
        if is_new:
            self._unread[number] = document
            self._characters += len(document.text)
            if self._characters > self.store.read_at_once:
                self.flush()
        return number

    def put_all(self, documents: Iterable[Document]) -> list[int]:
        """Put several documents; return their numbers."""
        numbers: list[int] = []
        coming = iter(documents)
        while some := list(islice(coming, _EXPECTED_AT_ONCE)):
            self.store.expect(some)
            numbers += map(self.put, some)
        return numbers

    def put_embedded(self, several: Iterable[Read]) -> None:
        """Put documents that come with the vectors of their passages."""
        coming = iter(several)
        while some := list(islice(coming, _EXPECTED_AT_ONCE)):
            hashes = [passage.sha256 for one in some for passage in one.passages]
            if hashes:
                self.store.commit()
                with self.store.transaction():
                    self.store.put_vectors(hashes, np.concatenate([one.vectors for one in some if one.passages]))
            self.store.expect([one.document for one in some])
            for one in some:
                self.put(one.document, file=one.file)

    def renew(self) -> None:
        """Have a new generation made, though no document has changed: it uses all the vectors there are."""
        self.is_renewed = True

    def flush(self) -> None:
        """Cut and embed what was put, unless its vectors are not waited for, and store its passages."""
        self.store.commit()
        alive = self.store.alive(self._unread)
        passages = {number: split_passages(one) for number, one in self._unread.items() if number in alive}
        self._unread, self._characters = {}, 0
        durable.step("read")
        if self._wait:
            self._embed({one.sha256: one.text for several in passages.values() for one in several})
        durable.step("embedded")
        with self.store.transaction():
            for number, several in passages.items():
                self.store.put_passages(number, several)
        durable.step("stored")

    def _embed(self, texts: dict[str, str]) -> None:
        """Store the vectors that are missing, in small transactions: whatever comes of the rest, they stay."""
        missing = self.store.missing_vectors(texts)
        # Texts of like length share a batch, so that little of it is padding; the longest come first,
        # so that the time left is never underestimated.
        order = sorted(missing, key=lambda key: (-len(texts[key]), key))
        before = self._embedded
        for begin in range(0, len(order), _EMBEDDED_AT_ONCE):
            keys = order[begin : begin + _EMBEDDED_AT_ONCE]
            vectors = self._embedder.embed_passages([texts[key] for key in keys])
            with self.store.transaction():
                self.store.put_vectors(keys, vectors)
            durable.step("vectors")
            self._embedded += len(keys)
            if self._on_progress is not None:
                self._on_progress(self._embedded, before + len(order))


@contextmanager
def writing(
    folder: Path,
    embedder: Embedder,
    on_progress: Progress | None = None,
    *,
    wait: bool = True,
    patience: float = _PATIENCE_S,
) -> Iterator[Writer]:
    """Change an index: what is done inside counts, all of it, once the block ends well.

    Passages that are put are embedded first, unless not to `wait`. Raises IndexBusyError where another
    process is still writing after `patience` seconds, IndexAccessError where the system will not.
    """
    with alone(folder, patience=patience):
        if not Revision.exists(folder):
            Revision.create(folder, model=embedder.name, fingerprint=embedder.fingerprint, dimension=embedder.dimension)
        store = Revision.open(folder)
        try:
            require_model(str(folder), store.setting("fingerprint"), embedder)
            _begin(folder, store)
            writer = Writer(store, embedder, on_progress, wait=wait)
            yield writer
            writer.flush()
            if store.has_changed() or writer.is_renewed or not store.revision:
                with store.transaction():
                    store.finish_revision()
                durable.step("revision")
            catch_up(folder, store)
        finally:
            store.close()


def _begin(folder: Path, store: Revision) -> None:
    """Begin the revision after the one in use."""
    in_use = current_revision(folder)
    store.begin_revision(in_use if in_use is not None and store.has(in_use) else store.revision)


def renew(folder: Path, *, patience: float) -> None:
    """Write what an earlier version wrote as this one does, as a new revision: until it is whole the old one stays."""
    with alone(folder, patience=patience), closing(Revision.open(folder)) as store:
        if not is_outdated(folder):
            return
        _log.warning("%s was written by an earlier version of sourcier: its indexes are made again", folder)
        _begin(folder, store)
        with store.transaction():
            store.finish_revision()
        catch_up(folder, store)


def catch_up(folder: Path, store: Revision, *, afresh: bool = False) -> None:
    """Write the generation of the newest revision if it is not there yet; the one writer may call this."""
    if not afresh and current_name(folder) == f"gen-{store.revision}":
        return
    store.see_newest()
    is_whole = write_generation(folder, store, afresh=afresh)
    try:
        with store.transaction():
            store.purge(vectors=is_whole)
    except IndexAccessError as error:
        # The change counts already; what is gone is deleted after the next one.
        _log.warning("%s", error)
    durable.step("purged")


@contextmanager
def alone(folder: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Be the one writer of an index; raises IndexBusyError naming the process that is.

    `patience` is how long to wait for it, in seconds.
    """
    lock = FileLock(folder / _LOCK)
    holder = folder / _HOLDER
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        # The holder writes its name just after it takes the lock, and removes it just before it lets go.
        name = holder.read_text(encoding="utf-8") if holder.is_file() else "another process"
        raise busy(folder, name) from error
    except OSError as error:
        raise no_access(folder, error) from error
    try:
        try:
            holder.write_text(this_process(), encoding="utf-8")
            yield
        except OSError as error:
            raise no_access(folder, error) from error
        finally:
            holder.unlink(missing_ok=True)
    finally:
        lock.release()


def this_process() -> str:
    """Return what others are told of a writer: its process, machine and command, and since when it writes."""
    now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]]).strip()
    return f"process {os.getpid()} on {socket.gethostname()} ({command}, since {now})"


def busy(place: object, writer: str) -> IndexBusyError:
    """Return the error for an index that somebody else is writing."""
    return IndexBusyError(f"{place} is being written by {writer}: expected it to be free; wait for it to end")


def checked(document: Document) -> Document:
    """Return a document that the index can keep; raises InputError for any other."""
    if not document.id:
        raise InputError("a document has an empty id: expected one that no other document has")
    name = document.source or document.id
    try:
        document.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text of {name} holds half a character at {error.start}: expected valid Unicode"
        ) from error
    if "\0" in document.text:
        raise InputError(f"the text of {name} holds a NUL character: expected plain text")
    return document


def no_access(folder: Path, error: OSError) -> IndexAccessError:
    """Return the error for a folder that the system will not have written."""
    return IndexAccessError(
        f"{folder} cannot be written ({error.strerror or error}): what it held is unchanged; "
        "make room or get access, and try again"
    )
