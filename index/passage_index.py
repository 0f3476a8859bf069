"""The persistent index: documents in, the passages that match a question out."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self, TypeVar

from index.bulk.loading import load_shards
from index.document import Document, DocumentSummary
from index.embedder import BUNDLED, Embedder, open_embedder
from index.errors import IndexNotFoundError, InputError
from index.filters import Filters
from index.passage_store import PassageStore, Place, Progress, check_model, open_store
from index.reading import ReadingOptions
from index.snapshot import Catalogue, FileState, Snapshot
from index.syncing import Plan, SyncReport, carry_out, foresee
from index.writer import checked

_T = TypeVar("_T")


class PassageIndex:
    """An index in a store. Any number of threads and processes may search it while one writes to it."""

    def __init__(self, store: PassageStore, embedder: Embedder | None) -> None:
        self.store = store
        self._embedder = embedder

    @classmethod
    def build(
        cls,
        place: Place,
        documents: Iterable[Document],
        *,
        embedder: Embedder | None = None,
        on_progress: Progress | None = None,
        wait: bool = True,
    ) -> Self:
        """Make the index in a place hold exactly `documents`, replacing what it held before.

        A place is a folder, or the address of a collection that many machines share, such as
        milvus://host:19530/collection. Text that it has seen before is not embedded again, so a build that was
        interrupted goes on where it stopped. `on_progress` is called with the passages embedded so far and in
        all. Without `wait` nothing is embedded, where the place is a folder: the documents are found by their
        words until `embed_pending` is called.
        """
        store = open_store(place)
        with store.making():
            embedder = embedder or _model_of(store)
            with store.writing(embedder, on_progress, wait=wait) as writer:
                writer.change().drop_sources()
                kept = set(writer.put_all(map(checked, documents)))
                for number in writer.store.numbers_of_documents() - kept:
                    writer.change().drop_document(number)
        return cls.open(place, embedder=embedder)

    @classmethod
    def open(cls, place: Place, *, embedder: Embedder | None = None) -> Self:
        """Open an index; raises IndexNotFoundError, IndexMismatchError, IndexDamagedError, IndexAccessError.

        Without `embedder`, the model that the index was built with is opened when first needed.
        """
        store = open_store(place)
        store.generation()
        if embedder is not None:
            check_model(store, embedder)
        return cls(store, embedder)

    @classmethod
    def open_or_create(cls, place: Place, *, embedder: Embedder | None = None) -> Self:
        """Open the index in a place, or make an empty one there."""
        store = open_store(place)
        if store.exists():
            try:
                return cls.open(place, embedder=embedder)
            except IndexNotFoundError:
                pass
        with store.making():
            embedder = embedder or _model_of(store)
            with store.writing(embedder):
                pass
        return cls.open(place, embedder=embedder)

    def add(self, documents: Iterable[Document], *, on_progress: Progress | None = None, wait: bool = True) -> None:
        """Add documents; one takes the place of that with its id, and takes over its sources from others.

        `wait` is as in `build`.
        """
        with self.store.writing(self.embedder, on_progress, wait=wait) as writer:
            writer.put_all(map(checked, documents))
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
            return foresee(self._plan(self.generation(), [folder], options, removing=True))
        return self._step([folder], options, on_progress, wait=wait, removing=True)

    def load(self, folder: str | os.PathLike[str], *, on_progress: Progress | None = None) -> int:
        """Add the documents in the shards that `embed_files` wrote, with their vectors; return how many passages.

        It counts in steps of some shards, and what counts already is passed over, so a load that was cut off
        goes on where it stopped. `on_progress` is called with the passages read so far and in all. Raises
        InputError where shards are missing or damaged, IndexMismatchError for those of another model.
        """
        done = load_shards(Path(folder), self.store, self.embedder, on_progress)
        self.generation()
        return done

    def embed_pending(self, *, on_progress: Progress | None = None) -> None:
        """Embed the passages that came without, until there are none; the index can be used meanwhile.

        What is done is kept if this is interrupted, and comes into use in steps. `on_progress` is called
        with the passages embedded so far and in all.
        """
        self.store.embed_pending(self.embedder, on_progress)
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
        with self.store.writing(self.embedder) as writer:
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
        with self.store.writing(self.embedder, on_progress, wait=wait) as writer:
            report = carry_out(self._plan(writer.store, paths, options, removing=removing), writer)
        self.generation()
        return report

    def _plan(
        self, known: Catalogue, paths: Sequence[str | os.PathLike[str]], options: ReadingOptions, *, removing: bool
    ) -> Plan:
        roots = [Path(path).resolve() for path in paths]
        return Plan(known, roots, options, excluded=self.folder.resolve(), removing=removing)

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        """Yield every document, or those of the given ids that are there, by id."""
        if ids is None:
            return self.generation().documents()
        wanted = list(ids)
        return iter(self.consult(lambda generation: list(generation.documents(wanted))))

    def summaries(self, filters: Filters | None = None) -> list[DocumentSummary]:
        """Return what lists show of the documents that pass, by title; no text is loaded for it."""
        return self.consult(lambda generation: sorted(generation.summaries(filters), key=_as_in_a_list))

    def files_of(self, document_id: str) -> list[FileState]:
        """Return the files that a document was read from, as they were; none for one that was not read from files."""
        return self.consult(lambda generation: generation.files_of(document_id))

    def count_documents(self) -> int:
        return self.generation().count_documents()

    def newest_date(self) -> str | None:
        """Return the latest date among the documents; None where none is dated."""
        return self.generation().newest_date()

    def __len__(self) -> int:
        """The number of passages."""
        return len(self.generation())

    @property
    def name(self) -> str:
        """What people call it: its folder, or its address."""
        return self.store.name

    @property
    def folder(self) -> Path:
        """Where this machine keeps what belongs to the index: the index itself, unless many machines share it."""
        return self.store.folder

    @property
    def model(self) -> str:
        """The name of the embedding model, as `open_embedder` takes it."""
        return self.store.model()

    @property
    def embedder(self) -> Embedder:
        """The model that made the vectors; opened on first use, and refused if it is another one."""
        if self._embedder is None:
            embedder = open_embedder(self.store.model())
            check_model(self.store, embedder)
            self._embedder = embedder
        return self._embedder

    def generation(self) -> Snapshot:
        """Return the newest complete state; all that is asked of one generation is of one moment."""
        return self.store.generation()

    def consult(self, work: Callable[[Snapshot], _T]) -> _T:
        """Return what `work` makes of the newest complete state; it may be called again if that one is gone."""
        return self.store.consult(work)


def _as_in_a_list(document: DocumentSummary) -> tuple[str, str]:
    """Return what to sort by: the title's letters, where É stands beside E, as readers expect."""
    return unicodedata.normalize("NFKD", document.title.casefold()), document.id


def _model_of(store: PassageStore) -> Embedder:
    """Open the model that the index in a store was built with, or the default for a new one."""
    return open_embedder(store.model() if store.exists() else BUNDLED)
