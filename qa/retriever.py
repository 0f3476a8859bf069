"""Question → the passages that may answer it."""

from __future__ import annotations

from index import Filters, InputError, PassageIndex
from index.snapshot import Match, Snapshot, find_matches
from qa.answer import SearchHit
from qa.copies import without_copies
from qa.courtesy import as_meant
from qa.spelling import find_respellings

LONGEST_QUESTION = 2000
# Passages taken from each side before fusion. Beyond 100 the order of the first twenty no longer moves.
_POOL = 100
# Passages looked at first, beyond those asked for. Copies match nearly as well as what they copy, so where
# none is found among the last half of those looked at, there are hardly more.
_MORE = 10
# In more copies than this, one dispatch may hide others.
_DEEPEST = 10_000


class Retriever:
    """Finds passages by meaning and by words in one index."""

    def __init__(self, passage_index: PassageIndex) -> None:
        self._passage_index = passage_index

    def retrieve(
        self, question: str, *, top_k: int = 5, filters: Filters | None = None, as_written: bool = False
    ) -> list[SearchHit]:
        """Return at most `top_k` passages that are no copies of each other, best first, each with its copies.

        With filters, those are the best of the documents that pass, however few. Ties break by document
        id, then offset. A slip of the fingers is read as the word that was meant (`qa.spelling`), unless it
        stands in quotation marks, and courtesies are left out (`qa.courtesy`); `as_written`, all is looked for.
        Raises InputError for a question without a letter or digit, or over 2,000 characters.
        """
        check_question(question)
        if top_k < 1:
            raise InputError(f"top_k is {top_k}: expected 1 or more")

        def found(generation: Snapshot) -> list[SearchHit]:
            asked = question if as_written else as_meant(question, find_respellings(question, generation))
            return self._retrieve(generation, asked, top_k, filters)

        return self._passage_index.consult(found)

    def _retrieve(self, generation: Snapshot, question: str, top_k: int, filters: Filters | None) -> list[SearchHit]:
        embedder = self._passage_index.embedder
        depth = top_k + _MORE
        while True:
            pool = max(_POOL, depth)
            matches = find_matches(generation, question, embedder, top_k=depth, pool=pool, filters=filters)
            hits = without_copies([_hit(match, rank) for rank, match in enumerate(matches, start=1)], top_k)
            last = max((copy.rank for hit in hits for copy in hit.copies), default=0)
            is_settled = len(hits) == top_k and last <= depth // 2
            if is_settled or len(matches) < depth or depth >= _DEEPEST:
                return hits
            depth *= 2


def _hit(match: Match, rank: int) -> SearchHit:
    return SearchHit(
        passage=match.passage,
        document=match.document,
        score=match.score,
        rank=rank,
        vector_score=match.vector_score,
        word_score=match.word_score,
        question_terms=match.question_terms,
    )


def check_question(question: str) -> None:
    """Raise InputError unless the text can be searched for."""
    if not any(map(str.isalnum, question)):
        raise InputError("the question is empty: expected at least one word")
    if len(question) > LONGEST_QUESTION:
        raise InputError(
            f"the question has {len(question):,} characters: expected at most {LONGEST_QUESTION:,}; ask a shorter one"
        )
