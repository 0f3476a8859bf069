"""What an answer is measured against: each half of the retrieval alone, and no reader at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from index import Passage, PassageIndex
from index.sentences import split_sentences
from index.words import analyse
from qa.answer import SearchHit
from qa.reader import Finding, Reading

Ranking = Callable[[str, int], list[Passage]]


def halves(passage_index: PassageIndex) -> Mapping[str, Ranking]:
    """Return the two halves of the retrieval, by name; each takes a question and how many passages to find."""
    generation = passage_index.generation()

    def by_words(question: str, k: int) -> list[Passage]:
        return passages(generation.words.search(question, k)[0].tolist())

    def by_vectors(question: str, k: int) -> list[Passage]:
        vector = passage_index.embedder.embed_question(question)
        return passages(generation.vectors.search(vector, k)[0].tolist())

    def passages(rows: Sequence[int]) -> list[Passage]:
        numbers = [int(generation.numbers[row]) for row in rows]
        return [passage for passage, _ in generation.store.passages(numbers)]

    return {"BM25 alone": by_words, "dense alone": by_vectors}


class WordReader:
    """No model: the sentence that shares the most of the question's words, weighed by their idf.

    Its confidence is the share itself, which orders answers but is no probability.
    """

    threshold = 0.0

    def read(self, question: str, hits: Sequence[SearchHit]) -> Reading:
        """Read every sentence of the hits' passages; ties break by the passages' order, then by offset."""
        findings = [
            Finding(hit, start, end, _share(hit, start, end))
            for hit in hits
            for start, end in split_sentences(
                hit.document.text, hit.passage.start, hit.passage.end, language=hit.document.language
            )
        ]
        findings.sort(key=lambda finding: (-finding.score, finding.hit.rank, finding.start))
        return Reading(tuple(findings), findings[0].score if findings else 0.0)


def _share(hit: SearchHit, start: int, end: int) -> float:
    """Return the share of the question's idf whose terms the sentence holds; 0 for a question without terms."""
    held = set(analyse(hit.document.text[start:end], hit.document.language))
    in_all = sum(hit.question_terms.values())
    return sum(weight for term, weight in hit.question_terms.items() if term in held) / in_all if in_all else 0.0
