"""Question → the passages that may answer it."""

from __future__ import annotations

from index import InputError, PassageIndex
from qa.answer import SearchHit

LONGEST_QUESTION = 2000
# Passages taken from each side before fusion. Beyond 100 the order of the first twenty no longer moves.
_POOL = 100


class Retriever:
    """Finds passages by meaning and by words in one index."""

    def __init__(self, passage_index: PassageIndex) -> None:
        self._passage_index = passage_index

    def retrieve(self, question: str, *, top_k: int = 5) -> list[SearchHit]:
        """Return at most `top_k` passages, best first; ties break by document id, then offset.

        Raises InputError for a question without a letter or digit, or over 2,000 characters.
        """
        check_question(question)
        if top_k < 1:
            raise InputError(f"top_k is {top_k}: expected 1 or more")
        generation = self._passage_index.generation()
        query_vector = self._passage_index.embedder.embed_question(question)
        matches = generation.search(question, query_vector, top_k=top_k, pool=max(_POOL, top_k))
        return [
            SearchHit(
                passage=match.passage,
                document=match.document,
                score=match.score,
                rank=rank,
                vector_score=match.vector_score,
                word_score=match.word_score,
                question_terms=match.question_terms,
            )
            for rank, match in enumerate(matches, start=1)
        ]


def check_question(question: str) -> None:
    """Raise InputError unless the text can be searched for."""
    if not any(map(str.isalnum, question)):
        raise InputError("the question is empty: expected at least one word")
    if len(question) > LONGEST_QUESTION:
        raise InputError(
            f"the question has {len(question):,} characters: expected at most {LONGEST_QUESTION:,}; ask a shorter one"
        )
