"""What a store of passages shows at one moment, and how the passages that match a question are found in it.

This is the seam between the retriever and where passages are kept: a folder of this machine
(`index/generation.py`), or a server that many machines share (`index/milvus/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from index.document import Document, DocumentSummary, Passage
from index.embedder import Embedder
from index.filters import Filters
from index.fusion import fuse
from index.language import are_different, detect_language
from index.vectors import cosines_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASIDE = 8


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


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was when it was last read; `reason` says why it holds no document, "" if it does.

    `reading` tells how it was read: with other settings it would have to be read again.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    reading: str
    reason: str = ""


class Catalogue(Protocol):
    """Which files were read, and what came of them."""

    def files_below(self, folder: str) -> dict[str, FileState]:
        """Return what is known of the files that were read in and below a folder, or of the one file."""

    def sources_below(self, folder: str) -> dict[str, list[str]]:
        """Return the sources in and below a folder, by the file they were read from."""


class Snapshot(Catalogue, Protocol):
    """All passages of one moment, safe to search from several threads at once.

    Passages go by numbers that are never given twice. `coverage` is the share of them that have a vector,
    and `pending` the numbers, ascending, of the others.
    """

    @property
    def name(self) -> str:
        """The name of the moment; another one is called otherwise."""

    @property
    def pending(self) -> NDArray[np.int64]: ...

    @property
    def coverage(self) -> float: ...

    def __len__(self) -> int:
        """The number of passages."""

    def search_vectors(
        self, query_vector: NDArray[np.float32], k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the `k` nearest passages and their cosines, best first, ties by number."""

    def search_words(
        self, question: str, k: int, filters: Filters | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return at most `k` passages that share words with the question and their BM25, best first, ties by number."""

    def scorable(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which passages, best first, have a vector or can be given one for a question."""

    def vectors_of(self, numbers: NDArray[np.int64], embedder: Embedder) -> NDArray[np.float32]:
        """Return the vectors of scorable passages, float32 of shape (len(numbers), dimension); `numbers` ascend."""

    def languages_of(self, numbers: NDArray[np.int64]) -> list[str | None]:
        """Return the languages of passages, whose `numbers` ascend."""

    def question_terms(self, question: str, language: str | None) -> dict[str, float]:
        """Return the question's terms as texts of this language have them, each with its idf."""

    def found_in(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many passages words are, folded but not stemmed (`exact_terms`); none that is in none."""

    def passages(self, numbers: Sequence[int]) -> list[tuple[Passage, Document]]:
        """Return passages with their documents, in the order of `numbers`.

        Raises IndexDamagedError if a passage is not what was indexed.
        """

    def documents(self, ids: Iterable[str] | None = None) -> Iterator[Document]:
        """Yield every document, or those of the given ids that are there, by id."""

    def summaries(self, filters: Filters | None = None) -> Iterator[DocumentSummary]:
        """Yield what lists show of the documents that pass, in the order in which they were added."""

    def files_of(self, document_id: str) -> list[FileState]:
        """Return the files that a document was read from; none for one that was not read from files."""

    def count_documents(self) -> int: ...

    def newest_date(self) -> str | None:
        """Return the latest of the dates that begin with a year; as ISO 8601 they sort as text."""


def find_matches(
    snapshot: Snapshot,
    question: str,
    embedder: Embedder,
    *,
    top_k: int,
    pool: int,
    filters: Filters | None = None,
) -> list[Match]:
    """Return the `top_k` best passages, best first, out of the `pool` best by vectors and by words.

    Ties break by document id, then offset. With filters, the pool is of passages that pass.
    """
    # Who searches for words leaves Python meanwhile, and a question is embedded on one core.
    words = _aside().submit(snapshot.search_words, question, pool, filters)
    query_vector = embedder.embed_question(question)
    near, _ = snapshot.search_vectors(query_vector, pool, filters)
    worded, bm25 = words.result()
    is_scorable = snapshot.scorable(worded)
    worded, bm25 = worded[is_scorable], bm25[is_scorable]
    numbers = np.union1d(near, worded)
    if not len(numbers):
        return []
    cosines = cosines_of(snapshot.vectors_of(numbers, embedder), query_vector)
    # A passage outside the pool of words scores at most what the last one in it does; taking 0
    # for it keeps "shares no word" apart from "shares few".
    word_scores = np.zeros(len(numbers), np.float32)
    word_scores[np.searchsorted(numbers, worded)] = bm25
    foreign = None
    if language := detect_language(question):
        foreign = np.array([are_different(language, other) for other in snapshot.languages_of(numbers)])
    fused = fuse(cosines, word_scores, foreign=foreign)
    # Numbers tell nothing but who came first, so all that tie with the last one are fetched.
    worst = np.sort(fused)[::-1][min(top_k, len(fused)) - 1]
    chosen = np.flatnonzero(fused >= worst)
    pairs = snapshot.passages(numbers[chosen].tolist())
    ranked = sorted(
        zip(chosen, pairs, strict=True),
        key=lambda found: (-fused[found[0]], found[1][1].id, found[1][0].start),
    )[:top_k]
    languages = {document.language for _, (_, document) in ranked}
    terms = {language: snapshot.question_terms(question, language) for language in languages}
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


@cache
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_ASIDE, thread_name_prefix="words")
