"""Vectors for passages that came without: found by their words at once, they are embedded afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from index import durable
from index.document import sha256_of
from index.embedder import Embedder
from index.passage_store import Progress
from index.revision import Revision
from index.store import Store
from index.writer import alone, no_access, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOCK = "embedding.lock"
# Passages embedded between two commits: what a kill can lose, a few seconds of work on two cores.
_AT_ONCE = 256
# Vectors come into use once they are as many as those before them, and at least so many: on the way to a
# million, eleven times.
_FIRST_USED = 512
# Another writer ends, or its error is told.
_PATIENCE_S = 600.0


def embed_pending(folder: Path, embedder: Embedder, on_progress: Progress | None = None) -> None:
    """Embed the passages of an index that have no vector, until there are none.

    The index is locked for moments only, so documents may come and go meanwhile. Where another process
    is embedding already, this waits until it has ended.
    """
    with _embedding_alone(folder):
        done = 0
        while True:
            with closing(Store.open_finished(folder)) as store:
                numbers = store.passage_numbers()
                pending = store.without_vectors(numbers)
            if not len(pending):
                return
            some = pending[: max(_FIRST_USED, len(numbers) - len(pending))]
            for begin in range(0, len(some), _AT_ONCE):
                embed_some(folder, embedder, some[begin : begin + _AT_ONCE])
                if on_progress is not None:
                    on_progress(done + min(begin + _AT_ONCE, len(some)), done + len(pending))
            done += len(some)
            bring_into_use(folder, embedder)


def bring_into_use(folder: Path, embedder: Embedder) -> None:
    """Have the index search all vectors that it holds."""
    with writing(folder, embedder, patience=_PATIENCE_S) as writer:
        writer.renew()


def embed_some(folder: Path, embedder: Embedder, numbers: NDArray[np.int64]) -> None:
    """Embed these passages and keep their vectors, to be brought into use."""
    with closing(Store.open(folder)) as store:
        # The same text may stand in many places.
        texts = {sha256_of(text): text for _, text, *_ in store.texts(numbers)}
    if not texts:
        return
    vectors = embedder.embed_passages(list(texts.values()))
    with alone(folder, patience=_PATIENCE_S), closing(Revision.open(folder)) as store, store.transaction():
        store.put_vectors(list(texts), vectors)
    durable.step("pending")


@contextmanager
def _embedding_alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire()
    except OSError as error:
        raise no_access(folder, error) from error
    try:
        yield
    finally:
        lock.release()
