"""The store in a folder of this machine: SQLite for the truth, FAISS and tantivy for its indexes."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from index.checking import check_folder
from index.embedder import Embedder
from index.errors import IndexAccessError, IndexBusyError, IndexDamagedError, InputError
from index.generation import CURRENT, Generation, current_name, is_outdated, open_generation
from index.passage_store import CheckReport, Progress
from index.pending import bring_into_use, embed_pending
from index.revision import Revision
from index.store import FILE_NAME, LOG_BYTES, Store, log_bytes
from index.writer import Writer, alone, catch_up, no_access, renew, writing

_T = TypeVar("_T")

# A reader that finds no generation, or loses a race against writers, tries this often and waits this long.
_ATTEMPTS = 20
_PATIENCE_S = 60.0
# Several processes have to see to it, each after the others.
_SHORTENED_EVERY_S = 10.0


class EmbeddedStore:
    """An index folder. Any number of threads and processes may search it while one writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generation: Generation | None = None
        self._reload = threading.Lock()
        self._shortened_at = -_SHORTENED_EVERY_S

    @property
    def name(self) -> str:
        return str(self.folder)

    def exists(self) -> bool:
        return Store.exists(self.folder)

    @contextmanager
    def making(self) -> Iterator[None]:
        place = self.folder
        if place.exists() and not place.is_dir():
            raise InputError(f"{place} is a file: expected a folder for the index")
        if place.is_dir() and not (place / FILE_NAME).exists() and any(place.iterdir()):
            raise InputError(f"{place} is a folder of other files: expected an index, or an empty or new folder")
        is_new = not place.exists()
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_access(place, error) from error
        try:
            yield
        except BaseException:
            if is_new and not Store.has_vectors(place):
                shutil.rmtree(place, ignore_errors=True)
            raise

    def model(self) -> str:
        return self._setting("model")

    def fingerprint(self) -> str:
        return self._setting("fingerprint")

    def generation(self) -> Generation:
        opened = self._generation
        if opened is None or opened.name != current_name(self.folder):
            with self._reload:
                if self._generation is None or self._generation.name != current_name(self.folder):
                    self._generation = self._open_newest()
                opened = self._generation
        self._shorten_log(opened)
        return opened

    def consult(self, work: Callable[[Generation], _T]) -> _T:
        # What a generation has open stays as it is, whatever is written meanwhile.
        return work(self.generation())

    def writing(
        self, embedder: Embedder, on_progress: Progress | None = None, *, wait: bool = True
    ) -> AbstractContextManager[Writer]:
        if self._generation is not None:
            self._shorten_log(self._generation)
        return writing(self.folder, embedder, on_progress, wait=wait)

    def embed_pending(self, embedder: Embedder, on_progress: Progress | None = None) -> None:
        embed_pending(self.folder, embedder, on_progress)
        if len(self.generation().pending):
            # Whoever embedded them was killed before they came into use.
            bring_into_use(self.folder, embedder)

    def check(self, *, repair: bool = False, embedder: Embedder | None = None) -> CheckReport:
        return check_folder(self.folder, repair=repair, embedder=embedder)

    def _setting(self, name: str) -> str:
        with closing(Store.open(self.folder)) as store:
            return store.setting(name)

    def _shorten_log(self, opened: Generation) -> None:
        """Have SQLite begin its log anew once it is long: while a generation is open it only grows."""
        if log_bytes(self.folder) <= LOG_BYTES or time.monotonic() < self._shortened_at + _SHORTENED_EVERY_S:
            return
        self._shortened_at = time.monotonic()
        # Somebody writes, or nobody may: next time, then.
        with suppress(IndexBusyError, IndexAccessError), alone(self.folder):
            if opened.name == current_name(self.folder):
                opened.store.renew()

    def _open_newest(self) -> Generation:
        with closing(Store.open_finished(self.folder)):
            pass
        for _ in range(_ATTEMPTS):
            name = current_name(self.folder)
            if not name:
                # The first writer was killed, or is at work, between its truth and its generation.
                with alone(self.folder, patience=_PATIENCE_S), closing(Revision.open(self.folder)) as store:
                    catch_up(self.folder, store)
                continue
            if is_outdated(self.folder):
                renew(self.folder, patience=_PATIENCE_S)
                continue
            try:
                found = open_generation(self.folder, name)
            except IndexDamagedError:
                # Also what a generation looks like that a writer has just put aside for the next.
                if name == current_name(self.folder):
                    raise
                continue
            if found is not None:
                return found
        raise IndexDamagedError(
            f"{self.folder / CURRENT} names {current_name(self.folder)}, which is of another time than {FILE_NAME}; "
            f"mend it with: sourcier check --repair --index {self.folder}"
        )
