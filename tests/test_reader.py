from __future__ import annotations

import pytest

from index import PassageIndex, make_document
from qa import Retriever, SentenceReader
from qa.reader import ReaderWeights, sentence_features, weighted

TEXT = "Le Mali attend ses engrais. La mer est calme. Le port de Dakar décharge du riz."
WEIGHTS = ReaderWeights({"words": 1.0, "meaning": 0.5}, {"words": 4.0, "bias": -2.0}, 0.5)


@pytest.fixture
def read(tmp_path, embedder):
    passage_index = PassageIndex.build(tmp_path / "index", [make_document(TEXT)], embedder=embedder)

    def read(question):
        return SentenceReader(embedder, WEIGHTS).read(question, Retriever(passage_index).retrieve(question))

    return read


def test_the_sentence_that_shares_the_question_comes_first(read):
    reading = read("Que décharge le port de Dakar ?")
    assert reading.findings[0].text == "Le port de Dakar décharge du riz."
    assert [finding.score for finding in reading.findings] == sorted(
        (finding.score for finding in reading.findings), reverse=True
    )
    assert len(reading.findings) == 3


def test_confidence_is_the_logistic_of_its_features(read):
    # All three terms of the question stand in the first sentence, so "words" is 1: 1 / (1 + e^-(4 - 2)).
    assert read("Le port de Dakar décharge ?").confidence == pytest.approx(0.8808, abs=1e-4)
    assert read("Une baleine bleue ?").confidence == pytest.approx(0.1192, abs=1e-4)


def test_words_say_nothing_across_languages(read):
    assert read("Which of the ports is it in Dakar that does décharge?").confidence == pytest.approx(0.1192, abs=1e-4)


def test_no_hits_is_no_answer(embedder):
    assert SentenceReader(embedder, WEIGHTS).read("Qui ?", []).findings == ()


def test_the_shipped_weights_name_features_that_exist(tmp_path, embedder):
    passage_index = PassageIndex.build(tmp_path / "index", [make_document(TEXT)], embedder=embedder)
    (hit,) = Retriever(passage_index).retrieve("Le Mali ?")
    shipped = ReaderWeights.shipped()
    features = sentence_features("Le Mali ?", [(hit, 0, 27)], embedder)
    assert weighted(features, shipped.sentence).shape == (1,)
    assert 0 < shipped.threshold < 1
