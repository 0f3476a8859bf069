from __future__ import annotations

import numpy as np
import pytest

from index import PassageIndex, make_document
from qa import Retriever, SentenceReader
from qa.reader import CONFIDENCE, RANKING, ReaderWeights, SentenceFeatures, weighted

TEXT = "Le Mali attend ses engrais. La mer est calme. Le port de Dakar décharge du riz en 2022."
WEIGHTS = ReaderWeights({"match": 1.0}, {"match": 4.0, "bias": -2.0}, 0.5)


@pytest.fixture
def retriever(tmp_path, embedder):
    return Retriever(PassageIndex.build(tmp_path / "index", [make_document(TEXT)], embedder=embedder))


def features_of(question, retriever, embedder):
    return SentenceFeatures.of(question, retriever.retrieve(question), embedder)


def test_the_sentence_that_shares_the_question_comes_first(retriever, embedder):
    question = "Que décharge le port de Dakar ?"
    reading = SentenceReader(embedder, WEIGHTS).read(question, retriever.retrieve(question))
    assert reading.findings[0].text == "Le port de Dakar décharge du riz en 2022."
    assert [f.score for f in reading.findings] == sorted((f.score for f in reading.findings), reverse=True)
    assert len(reading.findings) == 3


def test_match_is_the_idf_weighted_best_cosine(retriever, embedder):
    found = features_of("Dakar et le riz ?", retriever, embedder).ranking
    # Both words that count stand in the third sentence, so each finds itself there.
    assert found["match"][2] == pytest.approx(1, abs=1e-6)
    expected = [
        np.mean([max(cosine(word, other) for other in sentence.split()) for word in ("dakar", "riz")])
        for sentence in ("le mali attend ses engrais", "la mer est calme")
    ]
    np.testing.assert_allclose(found["match"][:2], expected, atol=1e-5)


def test_context_match_sees_the_sentence_before(retriever, embedder):
    found = features_of("mali calme ?", retriever, embedder).ranking
    assert found["context_match"][1] == pytest.approx(1, abs=1e-6)
    assert found["match"][1] < 0.9
    assert found["context_match"][0] == found["match"][0]


def test_passage_words_is_the_share_of_idf_held(retriever, embedder):
    # One passage in all: idf of a word it holds is ln(1 + .5/1.5), of one it lacks ln(1 + 1.5/.5).
    held, lacked = np.log(1 + 0.5 / 1.5), np.log(1 + 1.5 / 0.5)
    found = features_of("engrais Tombouctou", retriever, embedder).ranking["passage_words"]
    np.testing.assert_allclose(found, held / (held + lacked), atol=1e-6)


@pytest.mark.parametrize(
    ("question", "numbers"),
    [("Quand décharge-t-il ?", [0, 0, 1]), ("In what year?", [0, 0, 1]), ("Qui décharge ?", [0, 0, 0])],
)
def test_a_number_counts_only_where_one_is_asked_for(retriever, embedder, question, numbers):
    assert features_of(question, retriever, embedder).ranking["number"].tolist() == numbers


def test_words_say_nothing_across_languages(retriever, embedder):
    english = features_of("What is it that the port of Dakar does with the mer?", retriever, embedder).confidence
    assert english["foreign"].tolist() == [1, 1, 1] and english["native_words"].tolist() == [0, 0, 0]
    assert english["foreign_match"].tolist() == english["match"].tolist()
    french = features_of("Que fait le port de Dakar ?", retriever, embedder).confidence
    assert french["foreign"].tolist() == french["foreign_match"].tolist() == [0, 0, 0]


def test_confidence_is_the_logistic_of_its_features(retriever, embedder):
    question = "Le port de Dakar décharge ?"
    reading = SentenceReader(embedder, WEIGHTS).read(question, retriever.retrieve(question))
    # All that counts in the question stands in the first sentence, so "match" is 1: 1 / (1 + e^-(4 - 2)).
    assert reading.confidence == pytest.approx(0.8808, abs=1e-4)


def test_no_hits_is_no_answer(embedder):
    assert SentenceReader(embedder, WEIGHTS).read("Qui ?", []).findings == ()


def test_a_question_of_stop_words_or_signs_is_read_too(retriever, embedder):
    for question in ("et de la ?", "où ?", "1", "Δ"):
        found = features_of(question, retriever, embedder)
        assert all(np.isfinite(values).all() for values in (*found.ranking.values(), *found.confidence.values()))


def test_the_shipped_weights_name_features_that_exist(retriever, embedder):
    shipped = ReaderWeights.shipped()
    found = features_of("Le Mali ?", retriever, embedder)
    assert set(shipped.sentence) == set(RANKING) and set(shipped.confidence) == {*CONFIDENCE, "bias"}
    assert weighted(found.ranking, shipped.sentence).shape == (3,)
    assert 0 < shipped.threshold < 1


def cosine(one, other):
    from tests.fakes import FakeEmbedder

    a, b = (FakeEmbedder().read_question(word).vector for word in (one, other))
    return float(a @ b)
