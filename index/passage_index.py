"""The persistent index: documents in, the passages that match a question out."""

from __future__ import annotations

import os
import shutil
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from index.document import Document, DocumentSummary
from index.embedder import BUNDLED, Embedder, open_embedder
from index.errors import IndexDamagedError, IndexNotFoundError, InputError
from index.filters import Filters
from index.generation import CURRENT, Generation, current_name, open_generation
from index.pending import bring_into_use, embed_pending
from index.reading import ReadingOptions
from index.revision import Revision
from index.store import FILE_NAME, FileState, Store
from index.syncing import Plan, SyncReport, carry_out, foresee
from index.writer import Progress, alone, catch_up, check_model, checked, no_access, writing

# A reader that finds no generation, or loses a race against writers, tries this often and waits this long.
_ATTEMPTS = 20
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
        wait: bool = True,
    ) -> Self:
        """Make the index in `folder` hold exactly `documents`, replacing what it held before.

        Text that the folder has seen before is not embedded again, so a build that was interrupted goes
        on where it stopped. `on_progress` is called with the passages embedded so far and in all. Without
        `wait` nothing is embedded: the documents are found by their words until `embed_pending` is called.
        """
        place = _place_for(folder)
        embedder = embedder or _model_of(place)
        with _new_folder(place), writing(place, embedder, on_progress, wait=wait) as writer:
            writer.change().drop_sources()
            kept = {writer.put(checked(document)) for document in documents}
            for number in writer.store.numbers_of_documents() - kept:
                writer.change().drop_document(number)
        return cls.open(place, embedder=embedder)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, embedder: Embedder | None = None) -> Self:
        """Open an index; raises IndexNotFoundError, IndexMismatchError, IndexDamagedError, IndexAccessError.

        Without `embedder`, the model that the index was built with is opened when first needed.
        """
        place = Path(folder)
        with closing(Store.open_finished(place)) as store:
            if embedder is not None:
                check_model(place, store, embedder)
        opened = cls(place, embedder)
        opened.generation()
        return opened

    @classmethod
    def open_or_create(cls, folder: str | os.PathLike[str], *, embedder: Embedder | None = None) -> Self:
        """Open the index in `folder`, or make an empty one there."""
        place = _place_for(folder)
        if Store.exists(place):
            try:
                return cls.open(place, embedder=embedder)
            except IndexNotFoundError:
                pass
        embedder = embedder or _model_of(place)
        with _new_folder(place), writing(place, embedder):
            pass
        return cls.open(place, embedder=embedder)

    def add(self, documents: Iterable[Document], *, on_progress: Progress | None = None, wait: bool = True) -> None:
        """Add documents; one takes the place of that with its id, and takes over its sources from others.

        `wait` is as in `build`.
        """
        with writing(self.folder, self.embedder, on_progress, wait=wait) as writer:
            for document in documents:
                writer.put(checked(document))
        self.generation()

    def add_files(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        options: ReadingOptions = ReadingOptions(),
        on_progress: Progress | None = None,
        wait: bool = True,
    ) -> SyncReport:
        """Add the documents in files and folders; a changed file takes the place of its older text.

        A file that cannot be read stops no other: the report names it. `wait` is as in `build`. Raises
        InputError for a path that is missing.
        """
        several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        return self._step(several, options, on_progress, wait=wait, removing=False)

    def sync(
        self,
        folder: str | os.PathLike[str],
        *,
        options: ReadingOptions = ReadingOptions(),
        dry_run: bool = False,
        on_progress: Progress | None = None,
        wait: bool = True,
    ) -> SyncReport:
        """Make the index hold of a folder what is in it now: new, changed and vanished files.

        With `dry_run` nothing is changed, and files that are bad count as new or changed. `wait` is as in
        `build`. Raises InputError for a folder that is missing, or that held documents and holds none now.
        """
        if not Path(folder).is_dir():
            raise InputError(f"{folder} is no folder: expected one that is there; nothing was removed")
        if dry_run:
            return foresee(self._plan(self.generation().store, [folder], options, removing=True))
        return self._step([folder], options, on_progress, wait=wait, removing=True)

    def embed_pending(self, *, on_progress: Progress | None = None) -> None:
        """Embed the passages that came without, until there are none; the index can be used meanwhile.

        What is done is kept if this is interrupted, and comes into use in steps. `on_progress` is called
        with the passages embedded so far and in all.
        """
        embed_pending(self.folder, self.embedder, on_progress)
        if len(self.generation().pending):
            # Whoever embedded them was killed before they came into use.
            bring_into_use(self.folder, self.embedder)
        self.generation()

    @property
    def coverage(self) -> float:
        """The share of the passages that are embedded, from 0 to 1; the others are found by their words."""
        return self.generation().coverage

    def remove(self, wanted: str | Iterable[str]) -> list[str]:
        """Remove documents by id, path or glob pattern of paths; return the ids and paths that went.

        A document that was read from several places goes with the last of them. Raises InputError, and
        removes none, if something of `wanted` is not in the index.
        """
        removed: list[str] = []
        with writing(self.folder, self.embedder) as writer:
            store = writer.change()
            for one in [wanted] if isinstance(wanted, str) else wanted:
                documents, sources = store.find(one)
                if not documents and not sources:
                    raise InputError(
                        f"no document has the id or path {one!r}: expected an id, a path or a pattern such as "
                        "'*.pdf' that fits something in the index"
                    )
                for number in documents.values():
                    store.drop_document(number)
                for source in sources:
                    store.drop_source(source)
                removed += [*documents, *sources]
        self.generation()
        return removed

    def _step(
        self,
        paths: Sequence[str | os.PathLike[str]],
        options: ReadingOptions,
        on_progress: Progress | None,
        *,
        wait: bool,
        removing: bool,
    ) -> SyncReport:
        with writing(self.folder, self.embedder, on_progress, wait=wait) as writer:
            report = carry_out(self._plan(writer.store, paths, options, removing=removing), writer)
        self.generation()
        return report

    def _plan(
        self, store: Store, paths: Sequence[str | os.PathLike[str]], options: ReadingOptions, *, removing: bool
    ) -> Plan:
        roots = [Path(path).resolve() for path in paths]
        return Plan(store, roots, options, excluded=self.folder.resolve(), removing=removing)

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        """Yield every document, or those of the given ids that are there, by id."""
        return self.generation().store.documents(ids)

    def summaries(self, filters: Filters | None = None) -> list[DocumentSummary]:
        """Return what lists show of the documents that pass, by title; no text is loaded for it."""
        return sorted(self.generation().store.summaries(filters), key=_as_in_a_list)

    def files_of(self, document_id: str) -> list[FileState]:
        """Return the files that a document was read from, as they were; none for one that was not read from files."""
        return self.generation().store.files_of(document_id)

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
            check_model(self.folder, store, embedder)
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
        for _ in range(_ATTEMPTS):
            name = current_name(self.folder)
            if not name:
                # The first writer was killed, or is at work, between its truth and its generation.
                with alone(self.folder, patience=_PATIENCE_S), closing(Revision.open(self.folder)) as store:
                    catch_up(self.folder, store)
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


def _as_in_a_list(document: DocumentSummary) -> tuple[str, str]:
    """Return what to sort by: the title's letters, where É stands beside E, as readers expect."""
    return unicodedata.normalize("NFKD", document.title.casefold()), document.id


def _place_for(folder: str | os.PathLike[str]) -> Path:
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is a file: expected a folder for the index")
    if place.is_dir() and not (place / FILE_NAME).exists() and any(place.iterdir()):
        raise InputError(f"{place} is a folder of other files: expected an index, or an empty or new folder")
    return place


@contextmanager
def _new_folder(place: Path) -> Iterator[None]:
    """Make a folder, and take it away again if nothing worth keeping was put there."""
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


def _model_of(folder: Path) -> Embedder:
    """Open the model that the index in `folder` was built with, or the default for a new one."""
    if not Store.exists(folder):
        return open_embedder(BUNDLED)
    with closing(Store.open(folder)) as store:
        return open_embedder(store.setting("model"))
