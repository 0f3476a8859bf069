"""A generation: the vector and word indexes of one revision of the truth.

On disk it is a folder `gen-N` with a manifest of checksums, and `CURRENT` names the one to use. It is
written under another name, flushed, renamed, and only then named in `CURRENT`, so a crash leaves the
old one or the new one. It is never changed afterwards; the next one shares the files that stay the same.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index import durable
from index.document import Document, Passage, sha256_of
from index.errors import IndexDamagedError
from index.filters import Filters
from index.fusion import fuse
from index.store import Store
from index.vectors import LARGEST_EXACT, VectorIndex, VectorSet
from index.words import WordIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURRENT = "CURRENT"
_NAME = re.compile(r"gen-(\d+)", re.ASCII)
_MANIFEST = "manifest.json"
# Raised with every change of what the files hold: those of another layout are made again from the truth.
_LAYOUT = 2
_BASE = "base.faiss"
_FRESH = "fresh.faiss"
_GONE = "gone.npy"
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
_ASIDE = 4


@dataclass(frozen=True, slots=True)
class Match:
    """A passage that matched: cosine to the question, BM25, and the two fused (higher is better).

    `question_terms` are the question's terms as the passage's language has them, with their idf.
    """

    passage: Passage
    document: Document
    score: float
    vector_score: float
    word_score: float
    question_terms: Mapping[str, float]


class Generation:
    """An open generation, safe to search from several threads at once."""

    def __init__(self, name: str, store: Store, vectors: VectorIndex, words: WordIndex) -> None:
        self.name = name
        self.store = store
        self.vectors = vectors
        self.words = words
        self._allowed: OrderedDict[tuple[object, ...], NDArray[np.int64]] = OrderedDict()
        self._lock = threading.Lock()
        # Both searches leave Python while they run; on a small index the hand-over would take longer.
        self._aside = ThreadPoolExecutor(_ASIDE) if len(self) > LARGEST_EXACT else None

    def __len__(self) -> int:
        return len(self.vectors)

    def search(
        self,
        question: str,
        query_vector: NDArray[np.float32],
        *,
        top_k: int,
        pool: int,
        filters: Filters | None = None,
    ) -> list[Match]:
        """Return the `top_k` best passages, best first, out of the `pool` best by vectors and by words.

        Ties break by document id, then offset. With filters, the pool is of passages that pass.
        """
        allowed = self.allowed(filters)
        if self._aside is None:
            worded, bm25 = self.words.search(question, pool, allowed)
            near, _ = self.vectors.search(query_vector, pool, allowed)
        else:
            words = self._aside.submit(self.words.search, question, pool, allowed)
            near, _ = self.vectors.search(query_vector, pool, allowed)
            worded, bm25 = words.result()
        numbers = np.union1d(near, worded)
        if not len(numbers):
            return []
        cosines = self.vectors.cosines(query_vector, numbers)
        # A passage outside the pool of words scores at most what the last one in it does; taking 0
        # for it keeps "shares no word" apart from "shares few".
        word_scores = np.zeros(len(numbers), np.float32)
        word_scores[np.searchsorted(numbers, worded)] = bm25
        fused = fuse(cosines, word_scores)
        # Numbers tell nothing but who came first, so all that tie with the last one are fetched.
        worst = np.sort(fused)[::-1][min(top_k, len(fused)) - 1]
        chosen = np.flatnonzero(fused >= worst)
        pairs = self.store.passages(numbers[chosen].tolist())
        ranked = sorted(
            zip(chosen, pairs, strict=True),
            key=lambda found: (-fused[found[0]], found[1][1].id, found[1][0].start),
        )[:top_k]
        languages = {document.language for _, (_, document) in ranked}
        terms = {language: self.words.question_terms(question, language) for language in languages}
        return [
            Match(
                passage,
                document,
                float(fused[i]),
                float(cosines[i]),
                float(word_scores[i]),
                terms[document.language],
            )
            for i, (passage, document) in ranked
        ]

    def allowed(self, filters: Filters | None) -> NDArray[np.int64] | None:
        """Return the numbers of the passages that pass, ascending; None where all do."""
        if not filters:
            return None
        with self._lock:
            if filters.key not in self._allowed:
                self._allowed[filters.key] = self.store.passage_numbers(filters)
                if len(self._allowed) > _FILTERS_KEPT:
                    self._allowed.popitem(last=False)
            self._allowed.move_to_end(filters.key)
            return self._allowed[filters.key]


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
    before = None if afresh else _extendable(folder, alive)
    known: dict[str, str] = {}
    if before is None:
        base, gone = alive, np.empty(0, np.int64)
        VectorSet.write(scratch / _BASE, base, store.vectors, dimension=store.dimension)
        durable.step("base")
        WordIndex.write(scratch / _WORDS, store.entries(alive))
    else:
        known = before.files
        for file in (_BASE, Path(_BASE).with_suffix(".npy").name):
            durable.link(before.place / file, scratch / file)
        base = before.base
        gone = np.setdiff1d(base, alive, assume_unique=True)
        durable.step("base")
        WordIndex.extend(
            before.place / _WORDS,
            scratch / _WORDS,
            store.entries(np.setdiff1d(alive, before.alive, assume_unique=True)),
            np.setdiff1d(before.alive, alive, assume_unique=True).tolist(),
        )
    durable.step("words")
    fresh = np.setdiff1d(alive, base, assume_unique=True)
    VectorSet.write(scratch / _FRESH, fresh, store.vectors, dimension=store.dimension)
    np.save(scratch / _GONE, gone)
    durable.step("fresh")
    _seal(scratch, store.revision, before.place if before else None, known)
    durable.step("sealed")
    scratch.rename(folder / name)
    durable.flush(folder)
    durable.step("renamed")
    durable.replace_text(folder / CURRENT, name + "\n")
    durable.step("current")
    _delete_older(folder, name)
    return before is None


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
        return Generation(name, store, _open_vectors(place), WordIndex.open(place / _WORDS))
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
    alive: NDArray[np.int64]


def _extendable(folder: Path, alive: NDArray[np.int64]) -> _Before | None:
    """Return the current generation if it is sound and what is alive differs little from its base."""
    name = current_name(folder)
    if not name:
        return None
    try:
        _, files = verify(folder / name)
        vectors = _open_vectors(folder / name)
    except (IndexDamagedError, RuntimeError, OSError, ValueError):
        return None
    base = np.asarray(vectors.base_numbers)
    changed = len(np.setxor1d(base, alive, assume_unique=True))
    if len(base) < _SMALL or changed > _LARGEST_CHANGE * len(base):
        return None
    return _Before(folder / name, files, base, vectors.numbers())


def _open_vectors(place: Path) -> VectorIndex:
    return VectorIndex(
        VectorSet.open(place / _BASE), VectorSet.open(place / _FRESH), np.load(place / _GONE, mmap_mode="r")
    )


def _seal(scratch: Path, revision: int, before: Path | None, known: Mapping[str, str]) -> None:
    """Write the manifest of a generation, and have all of it on the disk."""
    files = {}
    for path in _content(scratch):
        file = path.relative_to(scratch).as_posix()
        is_shared = before is not None and file in known and path.samefile(before / file)
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
