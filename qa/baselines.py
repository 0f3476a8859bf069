"""What an answer is measured against: each half of the retrieval alone, and no reader at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from index import Passage, PassageIndex
from index.passages import sentences_of
from qa.answer import SearchHit
from qa.features import share_held
from qa.reader import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Ranking = Callable[[str, int], list[Passage]]


def halves(passage_index: PassageIndex) -> Mapping[str, Ranking]:
    """Return the two halves of the retrieval, by name; each takes a question and how many passages to find."""
    generation = passage_index.generation()

    def by_words(question: str, k: int) -> list[Passage]:
        return passages(generation.search_words(question, k)[0])

    def by_vectors(question: str, k: int) -> list[Passage]:
        vector = passage_index.embedder.embed_question(question)
        return passages(generation.search_vectors(vector, k)[0])

    def passages(numbers: NDArray[np.int64]) -> list[Passage]:
        return [passage for passage, _ in generation.passages(numbers.tolist())]

    return {"BM25 alone": by_words, "dense alone": by_vectors}


class WordReader:
    """No model: the sentence that shares the most of the question's words, weighed by their idf.

    Its confidence is the share itself, which orders answers but is no probability.
    """

    threshold = 0.0

    def read(self, question: str, hits: Sequence[SearchHit]) -> tuple[Finding, ...]:
        """Read every sentence of the hits' passages; ties break by the passages' order, then by offset."""
        findings = [
            Finding(hit, start, end, share := share_held(hit, hit.document.text[start:end]), share)
            for hit in hits
            for start, end in sentences_of(hit.document, hit.passage)
        ]
        findings.sort(key=lambda finding: (-finding.score, finding.hit.rank, finding.start))
        return tuple(findings)
