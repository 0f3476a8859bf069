"""The persistent index: documents in, the passages that match a question out."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from index.document import Document, Passage, sha256_of
from index.embedder import BUNDLED, Embedder, open_embedder
from index.errors import IndexBusyError, IndexDamagedError, IndexMismatchError, IndexNotFoundError, InputError
from index.generation import CURRENT, Generation, current_name, open_generation, write_generation
from index.passages import split_passages
from index.store import FILE_NAME, Store

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

_LOCK = "writer.lock"
_HOLDER = "writer.holder"
# Passages embedded between two commits: what a kill can lose, about ten seconds of work on two cores.
_EMBEDDED_AT_ONCE = 128
# A reader that finds the indexes behind the truth waits this long for the writer to finish them.
_PATIENCE_S = 60.0


class PassageIndex:
    """An index folder. Any number of threads and processes may search it while one writes to it."""

    def __init__(self, folder: Path, embedder: Embedder | None) -> None:
        self.folder = folder
        self._embedder = embedder
        self._generation: Generation | None = None
        self._reload = threading.Lock()

    @classmethod
    def build(
        cls,
        folder: str | os.PathLike[str],
        documents: Iterable[Document],
        *,
        embedder: Embedder | None = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """Make the index in `folder` hold exactly `documents`, replacing what it held before.

        Nothing is written before all documents have been read. Text that the folder has seen before
        is not embedded again, so a build that was interrupted goes on where it stopped.
        `on_progress` is called with the passages embedded so far and in all.
        """
        return cls._written(folder, documents, embedder, on_progress, keep_others=False)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, embedder: Embedder | None = None) -> Self:
        """Open an index; raises IndexNotFoundError, IndexMismatchError, IndexDamagedError.

        Without `embedder`, the model that the index was built with is opened when first needed.
        """
        place = Path(folder)
        store = Store.open(place)
        try:
            if not store.revision:
                raise IndexNotFoundError(
                    f"{place} holds an index that was never finished: index its documents again and it goes on"
                )
            if embedder is not None:
                _check_model(place, store, embedder)
        finally:
            store.close()
        opened = cls(place, embedder)
        opened.generation()
        return opened

    @classmethod
    def open_or_create(cls, folder: str | os.PathLike[str], *, embedder: Embedder | None = None) -> Self:
        """Open the index in `folder`, or make an empty one there."""
        if Store.exists(Path(folder)):
            try:
                return cls.open(folder, embedder=embedder)
            except IndexNotFoundError:
                pass
        return cls._written(folder, (), embedder, None, keep_others=True)

    def add(self, documents: Iterable[Document], *, on_progress: Progress | None = None) -> None:
        """Add documents; one takes the place of those with its id or its source."""
        self._written(self.folder, documents, self.embedder, on_progress, keep_others=True)
        self.generation()

    def remove(self, document_ids: Iterable[str]) -> None:
        """Remove documents; raises InputError, and removes none, if an id is not in the index."""
        wanted = set(document_ids)
        with _writing(self.folder):
            store = Store.open(self.folder)
            try:
                unknown = sorted(wanted.difference(store.document_ids()))
                if unknown:
                    raise InputError(f"no document has the id {unknown[0]!r}: expected an id that the index lists")
                with store.transaction():
                    store.delete(wanted)
                    store.forget_vectors()
                    store.advance()
                write_generation(self.folder, store)
            finally:
                store.close()
        self.generation()

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        return self.generation().store.documents()

    def count_documents(self) -> int:
        return self.generation().store.count_documents()

    def newest_date(self) -> str | None:
        """Return the latest date among the documents; None where none is dated."""
        return self.generation().store.newest_date()

    def __len__(self) -> int:
        """The number of passages."""
        return len(self.generation())

    @property
    def model(self) -> str:
        """The name of the embedding model, as `open_embedder` takes it."""
        return self.generation().store.setting("model")

    @property
    def embedder(self) -> Embedder:
        """The model that made the vectors; opened on first use, and refused if it is another one."""
        if self._embedder is None:
            store = self.generation().store
            embedder = open_embedder(store.setting("model"))
            _check_model(self.folder, store, embedder)
            self._embedder = embedder
        return self._embedder

    def generation(self) -> Generation:
        """Return the newest complete state; all that is asked of one generation is of one moment."""
        opened = self._generation
        name = current_name(self.folder)
        if opened is not None and opened.name == name:
            return opened
        with self._reload:
            if self._generation is None or self._generation.name != current_name(self.folder):
                self._generation = self._open_newest()
            return self._generation

    def _open_newest(self) -> Generation:
        name = current_name(self.folder)
        found = open_generation(self.folder, name) if name else None
        if found is not None:
            return found
        # A writer was killed, or is at work, between changing the truth and writing its indexes.
        with _writing(self.folder, patience=_PATIENCE_S):
            name = current_name(self.folder)
            found = open_generation(self.folder, name) if name else None
            if found is None:
                store = Store.open(self.folder)
                try:
                    name = write_generation(self.folder, store)
                finally:
                    store.close()
                found = open_generation(self.folder, name)
        if found is None:
            raise IndexDamagedError(f"{self.folder / CURRENT} names {name}, which is older than {FILE_NAME}")
        return found

    @classmethod
    def _written(
        cls,
        folder: str | os.PathLike[str],
        documents: Iterable[Document],
        embedder: Embedder | None,
        on_progress: Progress | None,
        *,
        keep_others: bool,
    ) -> Self:
        place = Path(folder)
        passages = {document: split_passages(document) for document in _checked(documents)}
        if place.exists() and not place.is_dir():
            raise InputError(f"{place} is a file: expected a folder for the index")
        if place.is_dir() and not (place / FILE_NAME).exists() and any(place.iterdir()):
            raise InputError(f"{place} is a folder of other files: expected an index, or an empty or new folder")
        # Opened before anything is written: a model that cannot be had leaves nothing behind.
        embedder = embedder or _model_of(place)
        is_new = not place.exists()
        place.mkdir(parents=True, exist_ok=True)
        try:
            with _writing(place):
                _write(place, passages, embedder, on_progress, keep_others=keep_others)
        except BaseException:
            if is_new and not any(place.glob(FILE_NAME)):
                shutil.rmtree(place, ignore_errors=True)
            raise
        return cls.open(place, embedder=embedder)


def _write(
    folder: Path,
    passages: dict[Document, list[Passage]],
    embedder: Embedder,
    on_progress: Progress | None,
    *,
    keep_others: bool,
) -> None:
    if not Store.exists(folder):
        Store.create(
            folder, model=embedder.name, fingerprint=embedder.fingerprint, dimension=embedder.dimension
        ).close()
    store = Store.open(folder)
    try:
        _check_model(folder, store, embedder)
        _embed(store, [one.text for several in passages.values() for one in several], embedder, on_progress)
        with store.transaction():
            if keep_others:
                for document in passages:
                    store.delete(store.replaced_by(document))
            else:
                store.delete(store.document_ids())
            for document, several in passages.items():
                store.insert(document, several)
            store.forget_vectors()
            store.advance()
        write_generation(folder, store)
    finally:
        store.close()


def _embed(store: Store, texts: Sequence[str], embedder: Embedder, on_progress: Progress | None) -> None:
    """Store the vectors that are missing, in small transactions that do not change the documents."""
    by_hash = {sha256_of(text): text for text in texts}
    missing = store.missing_vectors(by_hash)
    # Texts of like length share a batch, so that little of it is padding; the longest come first,
    # so that the time left is never underestimated.
    order = sorted(missing, key=lambda key: (-len(by_hash[key]), key))
    for begin in range(0, len(order), _EMBEDDED_AT_ONCE):
        keys = order[begin : begin + _EMBEDDED_AT_ONCE]
        vectors = embedder.embed_passages([by_hash[key] for key in keys])
        with store.transaction():
            store.insert_vectors(keys, vectors)
        if on_progress is not None:
            on_progress(begin + len(keys), len(order))


def _checked(documents: Iterable[Document]) -> list[Document]:
    """Return documents without repeats, the last of each id and source counting; refuse unusable ones."""
    by_id: dict[str, Document] = {}
    by_source: dict[str, str] = {}
    for document in documents:
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
        if document.source in by_source:
            by_id.pop(by_source[document.source], None)
        if document.source:
            by_source[document.source] = document.id
        by_id[document.id] = document
    return list(by_id.values())


def _model_of(folder: Path) -> Embedder:
    """Open the model that the index in `folder` was built with, or the default for a new one."""
    if not Store.exists(folder):
        return open_embedder(BUNDLED)
    store = Store.open(folder)
    try:
        return open_embedder(store.setting("model"))
    finally:
        store.close()


def _check_model(folder: Path, store: Store, embedder: Embedder) -> None:
    found = store.setting("fingerprint")
    if found != embedder.fingerprint:
        raise IndexMismatchError(
            f"{folder} was built with the embedding model {found}, expected {embedder.fingerprint}; "
            "use that model, or index the documents again into a new folder"
        )


@contextmanager
def _writing(folder: Path, *, patience: float = 0.0) -> Iterator[None]:
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
        raise IndexBusyError(
            f"{folder} is being written by {name}: expected it to be free; wait for it to end"
        ) from error
    try:
        holder.write_text(f"process {os.getpid()}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
