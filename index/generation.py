"""A generation: the vector and word indexes of one revision of the truth.

On disk it is a folder `gen-N` with a manifest of checksums, and `CURRENT` names the one to use. It is
written under another name, flushed, renamed, and only then named in `CURRENT`, so a crash leaves the
old one or the new one. It is never changed afterwards; the next one shares the files that stay the same.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index import durable
from index.document import Document, DocumentSummary, Passage, sha256_of
from index.embedder import Embedder
from index.errors import IndexDamagedError
from index.filters import Filters
from index.passages import with_title
from index.recent import Recent
from index.snapshot import FileState
from index.store import Store
from index.vectors import VectorIndex, VectorSet
from index.words import Entry, WordIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURRENT = "CURRENT"
_NAME = re.compile(r"gen-(\d+)", re.ASCII)
_MANIFEST = "manifest.json"
# Raised with every change of what the files hold: those of an earlier layout are made again from the truth.
_LAYOUT = 3
_BASE = "base.faiss"
_FRESH = "fresh.faiss"
_GONE = "gone.npy"
# The passages that have not been embedded yet; no such file where there are none.
_PENDING = "pending.npy"
_WORDS = "words"
# A generation is extended while what came and went since its base was written stays below this share of
# it; a small one is written whole every time, which takes a second and keeps it as if made at once.
_LARGEST_CHANGE = 0.1
_SMALL = 2000
# Files up to this size are verified whenever they are opened, larger ones by their size alone.
_VERIFIED_AT_OPENING = 16_000_000
# A reader may still be opening files of the generation before.
_KEPT = 2
_FILTERS_KEPT = 32
# Of the passages that are not embedded yet, so many are embedded for a question, its best by words. A number
# and not a time, or the same question would find other passages on a busy machine.
_EMBEDDED_ON_DEMAND = 12
_VECTORS_KEPT = 10_000


class Generation:
    """An open generation, safe to search from several threads at once.

    All its passages are found by their words; `pending` are the numbers, ascending, of those that have
    no vector yet.
    """

    def __init__(
        self, name: str, store: Store, vectors: VectorIndex, words: WordIndex, pending: NDArray[np.int64]
    ) -> None:
        self.name = name
        self.store = store
        self.vectors = vectors
        self.words = words
        self.pending = pending
        self._on_demand: Recent[int, NDArray[np.float32]] = Recent(_VECTORS_KEPT)
        self._allowed: Recent[tuple[object, ...], NDArray[np.int64]] = Recent(_FILTERS_KEPT)

    def __len__(self) -> int:
        return len(self.vectors) + len(self.pending)

    @property
    def coverage(self) -> float:
        """The share of the passages that are embedded, 1.0 of none."""
        return len(self.vectors) / len(self) if len(self) else 1.0

    def search_vectors(
        self, query_vector: NDArray[np.float32], k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return self.vectors.search(query_vector, k, self._passing(filters))

    def search_words(
        self, question: str, k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return self.words.search(question, k, self._passing(filters))

    def scorable(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which passages, best first, have a vector: all but the pending ones after the first few of them."""
        is_pending = np.isin(numbers, self.pending)
        return ~is_pending | (np.cumsum(is_pending) <= _EMBEDDED_ON_DEMAND)

    def vectors_of(self, numbers: NDArray[np.int64], embedder: Embedder) -> NDArray[np.float32]:
        """Return vectors; those of pending passages are made now, and kept in memory."""
        vectors = self.vectors.vectors(numbers)
        is_pending = np.isin(numbers, self.pending)
        if is_pending.any():
            vectors[is_pending] = self._embedded(numbers[is_pending], embedder)
        return vectors

    def languages_of(self, numbers: NDArray[np.int64]) -> list[str | None]:
        return self.store.languages(numbers)

    def question_terms(self, question: str, language: str | None) -> dict[str, float]:
        return self.words.question_terms(question, language)

    def found_in(self, words: Iterable[str]) -> dict[str, int]:
        return self.words.found_in(words)

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        return self.store.passages(numbers)

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        return self.store.documents(ids)

    def summaries(self, filters: Filters | None = None) -> Iterator[DocumentSummary]:
        return self.store.summaries(filters)

    def files_of(self, document_id: str) -> list[FileState]:
        return self.store.files_of(document_id)

    def files_below(self, folder: str) -> dict[str, FileState]:
        return self.store.files_below(folder)

    def sources_below(self, folder: str) -> dict[str, list[str]]:
        return self.store.sources_below(folder)

    def count_documents(self) -> int:
        return self.store.count_documents()

    def newest_date(self) -> str | None:
        return self.store.newest_date()

    def _embedded(self, numbers: NDArray[np.int64], embedder: Embedder) -> NDArray[np.float32]:
        """Return the vectors of pending passages, float32 of shape (len(numbers), dimension)."""
        known = self._on_demand.among(numbers.tolist())
        missing = [number for number in numbers.tolist() if number not in known]
        if missing:
            texts = [passage.text for passage, _ in self.store.passages(missing)]
            # Rounded as they will be once they are stored.
            known |= zip(missing, embedder.embed_passages(texts).astype(np.float16).astype(np.float32), strict=True)
        self._on_demand.keep(known)
        return np.stack([known[number] for number in numbers.tolist()])

    def _passing(self, filters: Filters | None) -> NDArray[np.int64] | None:
        """Return the numbers of the passages that pass, ascending; None where all do."""
        if not filters:
            return None
        allowed = self._allowed.get(filters.key)
        if allowed is None:
            allowed = self.store.passage_numbers(filters)
            self._allowed.keep({filters.key: allowed})
        return allowed


def current_name(folder: Path) -> str:
    """Return the name of the generation in use, empty before the first one is written."""
    try:
        return (folder / CURRENT).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def current_revision(folder: Path) -> int | None:
    """Return the revision in use, None before the first one is."""
    name = _NAME.fullmatch(current_name(folder))
    return int(name[1]) if name else None


def is_outdated(folder: Path) -> bool:
    """Whether an earlier version wrote the generation in use, and other things into its files."""
    try:
        manifest = json.loads((folder / current_name(folder) / _MANIFEST).read_text(encoding="utf-8"))
        return int(manifest["layout"]) < _LAYOUT
    except (OSError, ValueError, KeyError, TypeError):
        # What is damaged is found when it is opened.
        return False


def write_generation(folder: Path, store: Store, *, afresh: bool = False) -> bool:
    """Write the indexes of the revision of `store` and make them current; return whether all of it was written.

    What the generation before has is shared where it can be, unless `afresh`.
    """
    name = f"gen-{store.revision}"
    scratch = folder / f"{name}.tmp"
    for leftover in (scratch, folder / name):
        shutil.rmtree(leftover, ignore_errors=True)
    (scratch / _WORDS).mkdir(parents=True)
    alive = store.passage_numbers()
    before = None if afresh else _sound(folder)
    # Whatever has been embedded stays so, and need not be looked for.
    pending = store.without_vectors(alive if before is None else np.setdiff1d(alive, before.embedded))
    embedded = np.setdiff1d(alive, pending, assume_unique=True)
    is_extended = before is not None and before.is_near(embedded)
    if before is not None and is_extended:
        for file in (_BASE, Path(_BASE).with_suffix(".npy").name):
            durable.link(before.place / file, scratch / file)
        base = before.base
    else:
        base = embedded
        VectorSet.write(scratch / _BASE, base, store.vectors, dimension=store.dimension)
    durable.step("base")
    if before is not None and (is_extended or np.array_equal(before.alive, alive)):
        WordIndex.extend(
            before.place / _WORDS,
            scratch / _WORDS,
            _entries(store, np.setdiff1d(alive, before.alive, assume_unique=True)),
            np.setdiff1d(before.alive, alive, assume_unique=True).tolist(),
        )
    else:
        WordIndex.write(scratch / _WORDS, _entries(store, alive))
    durable.step("words")
    VectorSet.write(scratch / _FRESH, np.setdiff1d(embedded, base), store.vectors, dimension=store.dimension)
    np.save(scratch / _GONE, np.setdiff1d(base, embedded))
    if len(pending):
        np.save(scratch / _PENDING, pending)
    durable.step("fresh")
    _seal(scratch, store.revision, before)
    durable.step("sealed")
    scratch.rename(folder / name)
    durable.flush(folder)
    durable.step("renamed")
    durable.replace_text(folder / CURRENT, name + "\n")
    durable.step("current")
    _delete_older(folder, name)
    return not is_extended


def _entries(store: Store, numbers: NDArray[np.int64]) -> Iterator[Entry]:
    """Yield what passages are found by, in the order of `numbers`, which ascend."""
    return ((number, with_title(text, title), language) for number, text, title, language in store.texts(numbers))


def open_generation(folder: Path, name: str) -> Generation | None:
    """Open and verify a generation, or return None where the truth no longer has its revision.

    Raises IndexDamagedError if a file of it is missing or does not hold what was written.
    """
    place = folder / name
    store = Store.open(folder)
    try:
        revision, _ = verify(place)
        if not store.hold(revision):
            store.close()
            return None
        return Generation(name, store, _open_vectors(place), WordIndex.open(place / _WORDS), _open_pending(place))
    except BaseException:
        store.close()
        raise


def verify(place: Path, *, thoroughly: bool = False) -> tuple[int, dict[str, str]]:
    """Check the files of a generation and return its revision and their checksums.

    Large files are read only if `thoroughly`. Raises IndexDamagedError.
    """
    if not _NAME.fullmatch(place.name):
        raise _damaged(place.with_name(CURRENT), place.parent)
    try:
        manifest = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))
        revision = int(manifest["revision"])
        files = {str(file): (int(size), str(digest)) for file, (size, digest) in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(place / _MANIFEST, place.parent) from error
    if manifest.get("layout") != _LAYOUT:
        raise IndexDamagedError(
            f"{place} was written by another version of sourcier; the documents are safe; {how_to_mend(place.parent)}"
        )
    if manifest.get("digest") != _digest_of(revision, files):
        raise _damaged(place / _MANIFEST, place.parent)
    for file, (size, digest) in files.items():
        path = place / file
        if not path.is_file() or path.stat().st_size != size:
            raise _damaged(path, place.parent)
        if (thoroughly or size <= _VERIFIED_AT_OPENING) and durable.sha256_of_file(path) != digest:
            raise _damaged(path, place.parent)
    return revision, {file: digest for file, (_, digest) in files.items()}


@dataclass(frozen=True, slots=True)
class _Before:
    """The generation that the next one can share files with."""

    place: Path
    files: dict[str, str]
    base: NDArray[np.int64]
    embedded: NDArray[np.int64]
    alive: NDArray[np.int64]

    def is_near(self, embedded: NDArray[np.int64]) -> bool:
        """Whether its base is worth keeping for a generation with these vectors."""
        changed = len(np.setxor1d(self.base, embedded, assume_unique=True))
        return len(self.base) >= _SMALL and changed <= _LARGEST_CHANGE * len(self.base)


def _sound(folder: Path) -> _Before | None:
    """Return the current generation, None if it is no good."""
    name = current_name(folder)
    if not name:
        return None
    try:
        _, files = verify(folder / name)
        vectors = _open_vectors(folder / name)
        pending = _open_pending(folder / name)
    except (IndexDamagedError, RuntimeError, OSError, ValueError):
        return None
    embedded = vectors.numbers()
    return _Before(folder / name, files, np.asarray(vectors.base_numbers), embedded, np.union1d(embedded, pending))


def _open_vectors(place: Path) -> VectorIndex:
    return VectorIndex(
        VectorSet.open(place / _BASE), VectorSet.open(place / _FRESH), np.load(place / _GONE, mmap_mode="r")
    )


def _open_pending(place: Path) -> NDArray[np.int64]:
    path = place / _PENDING
    return np.load(path) if path.exists() else np.empty(0, np.int64)


def _seal(scratch: Path, revision: int, before: _Before | None) -> None:
    """Write the manifest of a generation, and have all of it on the disk."""
    known = before.files if before else {}
    files = {}
    for path in _content(scratch):
        file = path.relative_to(scratch).as_posix()
        is_shared = before is not None and file in known and path.samefile(before.place / file)
        files[file] = (path.stat().st_size, known[file] if is_shared else durable.sha256_of_file(path))
    manifest = {"layout": _LAYOUT, "revision": revision, "files": files, "digest": _digest_of(revision, files)}
    (scratch / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in [*_content(scratch), scratch / _MANIFEST, scratch / _WORDS, scratch]:
        durable.flush(path)


def _digest_of(revision: int, files: Mapping[str, tuple[int, str]]) -> str:
    return sha256_of(json.dumps([revision, sorted(files.items())]))


def _damaged(path: Path, folder: Path) -> IndexDamagedError:
    return IndexDamagedError(
        f"{path} is missing or does not hold what was written there; the documents are safe; {how_to_mend(folder)}"
    )


def how_to_mend(folder: Path) -> str:
    """Return what to do about a generation that is no good."""
    return f"make it again with: sourcier check --repair --index {folder}"


def _content(place: Path) -> Iterator[Path]:
    """Yield the files that carry something: tantivy's locks come and go."""
    for path in sorted(place.rglob("*")):
        if path.is_file() and path.name != _MANIFEST and path.suffix != ".lock":
            yield path


def _delete_older(folder: Path, name: str) -> None:
    others = [path for path in folder.glob("gen-*") if path.name != name]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others:
        if path.suffix == ".tmp" or path in others[_KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)
