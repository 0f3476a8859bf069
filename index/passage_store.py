"""Where passages are kept: a folder of this machine, or a server that many machines share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from index.document import Document, Passage
from index.embedder import Embedder
from index.errors import IndexMismatchError
from index.locations import default_index_folder
from index.snapshot import Catalogue, FileState, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.writer import Writer

# A folder, or the address of a collection on a server: milvus://host:19530/collection.
Place = str | os.PathLike[str]
Progress = Callable[[int, int], None]

_T = TypeVar("_T")
_SCHEME = "milvus"
STORE = "SOURCIER_STORE"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was looked at, what was found damaged, and what was mended of it."""

    documents: int
    passages: int
    sentences: int
    problems: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.problems


class PassageStore(Protocol):
    """Keeps documents, passages and vectors; one writes, any number read what was whole before or after."""

    @property
    def name(self) -> str:
        """What people call it: its folder or its address, without a password."""

    @property
    def folder(self) -> Path:
        """Where this machine keeps what belongs to the index: what was sent to the chat, verdicts on answers."""

    def exists(self) -> bool:
        """Whether an index was begun there; raises IndexAccessError where that cannot be known."""

    def making(self) -> AbstractContextManager[None]:
        """Make the place, and take it away again if nothing worth keeping was put there."""

    def model(self) -> str:
        """Return the name of the embedding model, as `open_embedder` takes it."""

    def fingerprint(self) -> str:
        """Return that of the model whose vectors are kept."""

    def generation(self) -> Snapshot:
        """Return the newest complete state; all that is asked of one generation is of one moment."""

    def consult(self, work: Callable[[Snapshot], _T]) -> _T:
        """Return what `work` makes of the newest complete state, and of no other that came meanwhile."""

    def writing(
        self, embedder: Embedder, on_progress: Progress | None = None, *, wait: bool = True
    ) -> AbstractContextManager[Writer]:
        """Change the index: what is done inside counts, all of it, once the block ends well.

        Passages that are put are embedded first, unless not to `wait`, where the store can keep them without.
        Raises IndexBusyError where somebody else is writing, IndexAccessError where it cannot be written.
        """

    def embed_pending(self, embedder: Embedder, on_progress: Progress | None = None) -> None:
        """Embed the passages that came without a vector, until there are none."""

    def check(self, *, repair: bool = False, embedder: Embedder | None = None) -> CheckReport:
        """Verify every checksum, count, offset and vector; with `repair`, make again what can be."""


class Changes(Catalogue, Protocol):
    """What the one writer changes; it sees what it has changed before anybody else does."""

    @property
    def read_at_once(self) -> int:
        """How many characters of text are put before they are embedded, and kept."""

    def begin(self) -> None:
        """Keep what follows together until `commit`."""

    def commit(self) -> None: ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing: what happens inside is kept only if it ends well."""

    def expect(self, documents: Sequence[Document]) -> None:
        """Be told what will be put, where looking several up together is quicker."""

    def put(self, document: Document, file: str) -> tuple[int, bool]:
        """Store a document, in the place of the one with its id, and its sources; return its number, and if it is new.

        A document whose only source now belongs to another one goes.
        """

    def put_passages(self, number: int, passages: Iterable[Passage]) -> None:
        """Store the passages of a new document."""

    def missing_vectors(self, text_hashes: Iterable[str]) -> set[str]:
        """Return those of the hashes of texts for which no vector is kept."""

    def put_vectors(self, text_hashes: Sequence[str], vectors: NDArray[np.floating]) -> None:
        """Keep vectors, as float16, under the hashes of their texts."""

    def alive(self, numbers: Iterable[int]) -> set[int]:
        """Return those of the numbers of documents that are there."""

    def numbers_of_documents(self) -> set[int]: ...

    def find(self, pattern: str) -> tuple[dict[str, int], list[str]]:
        """Return the documents, their numbers by id, and the sources that an id, a path or a glob pattern means."""

    def drop_document(self, number: int) -> None:
        """Take a document away, with its sources."""

    def drop_source(self, source: str, *, file: str | None = None) -> None:
        """Take a source away, and its document if it was the only one; with `file`, only if it was read from there."""

    def drop_sources(self) -> None:
        """Take all sources away; the documents stay."""

    def put_file(self, state: FileState) -> None:
        """Note how a file was when it was read."""

    def drop_file(self, path: str) -> None:
        """Forget a file, so that it counts as never read; its documents stay."""

    def touch_file(self, state: FileState) -> None:
        """Note another time of a file that holds the same; it is no change of the documents."""


def open_store(place: Place) -> PassageStore:
    """Return the store of a folder, or of an address such as milvus://host:19530/collection; nothing is opened yet."""
    if is_shared(place):
        from index.milvus.store import MilvusStore

        return MilvusStore.at(str(place))
    from index.embedded import EmbeddedStore

    return EmbeddedStore(Path(place))


def default_place() -> str | Path:
    """Return the address in `$SOURCIER_STORE` if it is set, else the default folder."""
    return os.environ.get(STORE) or default_index_folder()


def is_shared(place: Place) -> bool:
    """Whether a place is the address of a server, and no folder."""
    return isinstance(place, str) and place.partition("://")[0] == _SCHEME and "://" in place


def check(place: Place, *, repair: bool = False, embedder: Embedder | None = None) -> CheckReport:
    """Verify every checksum, count, offset and vector of an index.

    With `repair`, everything but the documents themselves is made again where it is damaged, and
    `problems` are those that remain. Raises IndexNotFoundError, IndexBusyError, and IndexDamagedError
    where the truth cannot be opened at all.
    """
    return open_store(place).check(repair=repair, embedder=embedder)


def check_model(store: PassageStore, embedder: Embedder) -> None:
    """Raise IndexMismatchError unless the vectors of a store are the embedder's."""
    require_model(store.name, store.fingerprint(), embedder)


def require_model(name: str, found: str, embedder: Embedder) -> None:
    """Raise IndexMismatchError unless a fingerprint is the embedder's; `name` is whose it is."""
    if found != embedder.fingerprint:
        raise IndexMismatchError(
            f"{name} was built with the embedding model {found}, expected {embedder.fingerprint}; "
            "use that model, or start anew in another place"
        )
