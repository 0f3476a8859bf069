"""A generation: the vector and word indexes of one moment, beside the truth of that same moment.

On disk it is a folder `gen-N` with a manifest of checksums, and `CURRENT` names the one to use. It is
written under another name, flushed, renamed, and only then named in `CURRENT`, so a crash leaves the
old one or the new one. It is never changed afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.document import Document, Passage
from index.errors import IndexDamagedError
from index.fusion import fuse
from index.store import Store
from index.vectors import VectorIndex
from index.words import WordIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURRENT = "CURRENT"
_MANIFEST = "manifest.json"
_VECTORS = "vectors.faiss"
_WORDS = "words"
_NUMBERS = "numbers.npy"
# tantivy's own lock files carry nothing and may come and go.
_NOT_CONTENT = {_MANIFEST, ".tantivy-writer.lock", ".tantivy-meta.lock"}
# A reader may still be opening files of the generation before.
_KEPT = 2


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

    def __init__(
        self, name: str, store: Store, vectors: VectorIndex, words: WordIndex, numbers: NDArray[np.int64]
    ) -> None:
        self.name = name
        self.store = store
        self.vectors = vectors
        self.words = words
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def search(self, question: str, query_vector: NDArray[np.float32], *, top_k: int, pool: int) -> list[Match]:
        """Return the `top_k` best passages, best first, out of the `pool` best by vectors and by words."""
        if not len(self):
            return []
        near, _ = self.vectors.search(query_vector, pool)
        worded, bm25 = self.words.search(question, pool)
        rows = np.union1d(near, worded)
        cosines = self.vectors.cosines(query_vector, rows)
        # A passage outside the pool of words scores at most what the last one in it does; taking 0
        # for it keeps "shares no word" apart from "shares few".
        word_scores = np.zeros(len(rows), np.float32)
        word_scores[np.searchsorted(rows, worded)] = bm25
        fused = fuse(cosines, word_scores)
        # Rows are in the order of document id and offset, which settles ties.
        best = np.lexsort((rows, -fused))[:top_k]
        pairs = self.store.passages([int(self.numbers[row]) for row in rows[best]])
        languages = {document.language for _, document in pairs}
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
            for i, (passage, document) in zip(best, pairs, strict=True)
        ]


def current_name(folder: Path) -> str:
    """Return the name of the generation in use, empty before the first one is written."""
    try:
        return (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def write_generation(folder: Path, store: Store) -> str:
    """Write the indexes of what `store` holds now, make them current, and return their name."""
    name = f"gen-{store.revision}"
    scratch = folder / f"{name}.tmp"
    for leftover in (scratch, folder / name):
        shutil.rmtree(leftover, ignore_errors=True)
    (scratch / _WORDS).mkdir(parents=True)
    numbers: list[int] = []
    vectors: list[bytes] = []
    texts: list[tuple[str, str | None]] = []
    for number, vector, text, language in store.passages_for_index():
        numbers.append(number)
        vectors.append(vector)
        texts.append((text, language))
    np.save(scratch / _NUMBERS, np.array(numbers, dtype=np.int64))
    matrix = np.frombuffer(b"".join(vectors), dtype="<f2").reshape(-1, int(store.setting("dimension")))
    VectorIndex.build(scratch / _VECTORS, matrix)
    WordIndex.build(scratch / _WORDS, texts)
    manifest = {
        "revision": store.revision,
        "files": {str(path.relative_to(scratch)): _sha256(path) for path in _content(scratch)},
    }
    (scratch / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in [*_content(scratch), scratch / _MANIFEST, scratch / _WORDS, scratch]:
        _flush(path)
    scratch.rename(folder / name)
    _flush(folder)
    _replace_text(folder / CURRENT, name)
    _delete_older(folder, name)
    return name


def open_generation(folder: Path, name: str) -> Generation | None:
    """Open and verify a generation, or return None where it is older than the truth beside it.

    Raises IndexDamagedError if a file of it is missing or does not hold what was written.
    """
    place = folder / name
    store = Store.open(folder)
    try:
        store.snapshot()
        if _verified_revision(place) != store.revision:
            store.close()
            return None
        return Generation(
            name,
            store,
            VectorIndex.open(place / _VECTORS),
            WordIndex.open(place / _WORDS),
            np.load(place / _NUMBERS),
        )
    except BaseException:
        store.close()
        raise


def _verified_revision(place: Path) -> int:
    """Check every file of a generation and return the revision of the truth that it was made from."""
    try:
        manifest = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))
        files, revision = dict(manifest["files"]), int(manifest["revision"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(place / _MANIFEST) from error
    for relative, digest in files.items():
        if not (place / relative).is_file() or _sha256(place / relative) != digest:
            raise _damaged(place / relative)
    return revision


def _damaged(path: Path) -> IndexDamagedError:
    current = next(parent for parent in path.parents if parent.name.startswith("gen-")).with_name(CURRENT)
    return IndexDamagedError(
        f"{path} is missing or does not hold what was written there; "
        f"the documents are safe: delete {current} and it is made again"
    )


def _content(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file() and path.name not in _NOT_CONTENT)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Have the file or folder on the disk, not only in the system's memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace_text(path: Path, text: str) -> None:
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_text(text + "\n", encoding="utf-8")
    _flush(scratch)
    scratch.replace(path)
    _flush(path.parent)


def _delete_older(folder: Path, name: str) -> None:
    others = [path for path in folder.glob("gen-*") if path.name != name]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others:
        if path.suffix == ".tmp" or path in others[_KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)
