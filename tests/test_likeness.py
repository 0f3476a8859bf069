from __future__ import annotations

import numpy as np
import pytest
import torch

from index import make_document, split_passages
from index.encoder import TokenStates
from index.passages import with_title
from qa.answer import SearchHit
from qa.likeness import Likeness

TEXT = "Dakar attend. Le riz monte."
WORDS = {"dakar": 0, "attend": 1, "riz": 2, "monte": 3, "le": 4, "mali": 5, "gao": 6}


def states_of(text):
    """One token a word, each word its own direction."""
    places, rows, at = [], [], 0
    for word in text.replace(".", " ").replace("?", " ").split():
        start = text.index(word, at)
        at = start + len(word)
        places.append((start, at))
        rows.append(WORDS[word.lower()])
    states = torch.nn.functional.one_hot(torch.tensor(rows), len(WORDS)).float()
    return TokenStates(states, np.array(places))


def likeness(question, terms, title=""):
    document = make_document(TEXT)
    (passage,) = split_passages(document)
    hit = SearchHit(passage, document, 1.0, 1, question_terms=terms)
    read = with_title(TEXT, title)
    states = states_of(read).counted_from(len(read) - len(TEXT))
    return Likeness.of(question, states_of(question), states, hit, [(0, 13), (14, 27)])


def test_match_is_the_idf_weighted_best_cosine():
    found = likeness("Dakar riz ?", {"dakar": 3.0, "riz": 1.0})
    np.testing.assert_allclose(found.match, [0.75, 0.25])
    np.testing.assert_allclose(found.context_match, [0.75, 1.0])
    assert found.passage_match == pytest.approx(1.0)


def test_what_the_title_says_counts_for_each_sentence_and_for_the_passage():
    plain = likeness("Dakar riz ?", {"dakar": 1.0, "riz": 3.0})
    titled = likeness("Dakar riz ?", {"dakar": 1.0, "riz": 3.0}, title="Mali")
    np.testing.assert_allclose(titled.match, plain.match)
    np.testing.assert_allclose(titled.meaning, plain.meaning)
    np.testing.assert_allclose(titled.context_match, plain.context_match)
    titled = likeness("Gao riz ?", {"gao": 1.0, "riz": 3.0}, title="Gao")
    np.testing.assert_allclose(titled.match, [0, 0.75])
    np.testing.assert_allclose(titled.context_match, [0.25, 1.0])
    assert titled.passage_match == pytest.approx(1.0)


def test_a_stop_word_does_not_count():
    np.testing.assert_allclose(likeness("le riz ?", {"riz": 2.0}).match, [0.0, 1.0])


def test_without_any_term_all_tokens_count_alike():
    np.testing.assert_allclose(likeness("le riz ?", {}).match, [0.0, 1.0])
    np.testing.assert_allclose(likeness("le dakar ?", {}).match, [0.5, 0.5])


def test_meaning_is_the_cosine_of_question_and_mean_of_tokens():
    found = likeness("Dakar attend ?", {"dakar": 1.0})
    np.testing.assert_allclose(found.meaning, [1.0, 0.0], atol=1e-6)
