"""How alike a question and the sentences of a passage are, token by token; nothing here is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from torch.nn import functional

from index.encoder import TokenStates
from index.language import are_different, detect_language
from index.words import analyse
from qa.answer import SearchHit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Cosines between a question and a passage, both after the encoder's last layer.

    meaning (sentences,): of the question's vector and the mean of the sentence's tokens. match
    (sentences,): for each token of the question the best in the sentence, averaged by the idf of its
    word (ColBERT's late interaction, doi:10.1145/3397271.3401075). context_match (sentences,): the same
    over this sentence, the one before and the title; passage_match: over the title and the whole passage.
    """

    meaning: NDArray[np.float64]
    match: NDArray[np.float64]
    context_match: NDArray[np.float64]
    passage_match: float

    @classmethod
    def of(
        cls,
        question: str,
        asked: TokenStates,
        passage: TokenStates,
        hit: SearchHit,
        sentences: Sequence[tuple[int, int]],
    ) -> Self:
        """Compare with the sentences of a hit's document, each `[start, end)` of its text."""
        weights = _token_weights(question, asked, hit)
        vector = asked.vector
        # By torch: NumPy's threads would go on waiting for work beside those that read, which doubles the time of all.
        of_passage = passage.states.float()
        states = of_passage.numpy()
        cosines = (functional.normalize(asked.states, dim=-1) @ functional.normalize(of_passage, dim=-1).T).numpy()
        meaning, match, context_match = [], [], []
        title = cosines[:, passage.before].max(axis=1, initial=-1.0)
        before = title
        for start, end in sentences:
            inside = passage.within(start - hit.passage.start, end - hit.passage.start)
            best = cosines[:, inside].max(axis=1, initial=-1.0)
            meaning.append(_cosine(states[inside].mean(axis=0), vector) if inside.any() else 0.0)
            match.append(float(best @ weights))
            context_match.append(float(np.maximum(best, before) @ weights))
            before = np.maximum(best, title)
        whole = passage.before | passage.within(0, len(hit.passage.text))
        passage_match = float(cosines[:, whole].max(axis=1, initial=-1.0) @ weights)
        return cls(np.array(meaning), np.array(match), np.array(context_match), passage_match)


def _token_weights(question: str, asked: TokenStates, hit: SearchHit) -> NDArray[np.float64]:
    """Return how much each token of the question counts, adding up to 1.

    A token has its word's idf, shared with the word's other tokens; a stop word has none. The idf
    of a word in another language than the documents' says nothing, so there all words count alike.
    """
    language = detect_language(question)
    foreign = are_different(language, hit.document.language)
    weights = np.zeros(len(asked.states))
    for word in _WORD.finditer(question):
        terms = analyse(word.group(), language if foreign else hit.document.language)
        value = sum(1.0 if foreign else hit.question_terms.get(term, 0.0) for term in terms)
        inside = asked.within(word.start(), word.end())
        weights[inside] += value / max(1, int(inside.sum()))
    if not weights.any():
        weights[:] = 1.0
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _cosine(vector: NDArray[np.float32], unit: NDArray[np.float32]) -> float:
    """Return the cosine of a vector to one of unit length."""
    return float(np.dot(vector, unit) / np.linalg.norm(vector))
