from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from index import InputError, PassageIndex, make_document
from index.sentences import split_sentences
from qa import Retriever
from qa.features import CONFIDENCE, RANKING, ReaderWeights, ReadSentence, SentenceFeatures, is_question, weighted

TEXT = "Le Mali attend ses engrais. La mer est calme. Le port de Dakar décharge du riz en 2022."


@pytest.fixture
def retriever(tmp_path, embedder):
    return Retriever(PassageIndex.build(tmp_path / "index", [make_document(TEXT)], embedder=embedder))


def features_of(question, retriever, answers=(3.0, 1.0, 2.0)):
    places = [(hit, *place) for hit in retriever.retrieve(question) for place in split_sentences(hit.document.text)]
    read = [
        ReadSentence(*place, place[1], None, logit, meaning=0.4, match=0.5, context_match=0.6, passage_match=0.7)
        for place, logit in zip(places, answers, strict=True)
    ]
    return SentenceFeatures.of(question, read)


def test_words_are_the_share_of_idf_held(retriever):
    # One passage in all: idf of a word it holds is ln(1 + .5/1.5), of one it lacks ln(1 + 1.5/.5).
    held, lacked = np.log(1 + 0.5 / 1.5), np.log(1 + 1.5 / 0.5)
    found = features_of("engrais Tombouctou", retriever).columns
    np.testing.assert_allclose(found["passage_words"], held / (held + lacked), atol=1e-6)
    np.testing.assert_allclose(found["words"], [held / (held + lacked), 0, 0], atol=1e-6)


def test_words_of_the_title_are_held_by_the_passage(retriever):
    (hit,) = retriever.retrieve("engrais")
    titled = replace(hit, document=replace(hit.document, title="Nouvelles de Tombouctou"))
    start, end = split_sentences(TEXT)[0]
    for one, passage_words in ((hit, 0.0), (titled, 1.0)):
        one = replace(one, question_terms={"tombouctou": 1.0})
        read = ReadSentence(one, start, end, start, None, 1.0, 0.0, 0.0, 0.0, 0.0)
        columns = SentenceFeatures.of("Tombouctou", [read]).columns
        assert columns["passage_words"] == [passage_words] and columns["words"] == [0]


def test_words_of_the_question_before_count(retriever):
    (hit,) = retriever.retrieve("calme")
    start, end = TEXT.index("Le port"), len(TEXT)
    one = ReadSentence(hit, start, end, TEXT.index("La mer"), None, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert SentenceFeatures.of("calme", [one]).columns["words"] == [1]
    assert SentenceFeatures.of("calme", [replace(one, lead=start)]).columns["words"] == [0]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Combien ça coûte ?", True),
        ("« Combien ça coûte ? »", True),
        ("كم الثمن؟", True),
        ("多少钱？", True),
        ("Il a demandé « combien ? ».", False),
        ("Combien ça coûte, on le sait.", False),
        ("x" * 121 + " ?", False),
    ],
)
def test_a_short_sentence_with_a_question_mark_is_a_question(sentence, expected):
    assert is_question(sentence) is expected


@pytest.mark.parametrize(
    ("question", "numbers"),
    [("Quand décharge-t-il ?", [0, 0, 1]), ("In what year?", [0, 0, 1]), ("Qui décharge ?", [0, 0, 0])],
)
def test_a_number_counts_only_where_one_is_asked_for(retriever, question, numbers):
    assert features_of(question, retriever).ranking["number"].tolist() == numbers


def test_words_say_nothing_across_languages(retriever):
    english = features_of("What is it that the port of Dakar does with the mer?", retriever).columns
    assert english["foreign"].tolist() == [1, 1, 1] and english["native_words"].tolist() == [0, 0, 0]
    assert english["foreign_answers"].tolist() == english["answers"].tolist() == [3, 1, 2]
    assert english["foreign_meaning"].tolist() == english["meaning"].tolist()
    french = features_of("Que fait le port de Dakar ?", retriever).columns
    assert french["foreign"].tolist() == french["foreign_answers"].tolist() == [0, 0, 0]
    assert french["native_words"].tolist() == french["words"].tolist() != [0, 0, 0]


def test_a_question_of_stop_words_or_signs_has_features_too(retriever):
    for question in ("et de la ?", "où ?", "1", "Δ"):
        assert all(np.isfinite(values).all() for values in features_of(question, retriever).columns.values())


def test_ties_are_broken_by_place(retriever):
    features = features_of("Que fait le port ?", retriever)
    assert features.ranked(np.array([1.0, 2.0, 1.0])) == [1, 0, 2]


def test_a_weighted_sum_has_its_bias():
    features = {"a": np.array([1.0, 2.0]), "b": np.array([0.5, 0.0])}
    np.testing.assert_allclose(weighted(features, {"a": 2.0, "b": 4.0, "bias": -1.0}), [3.0, 3.0])


def test_weights_are_read_back(tmp_path):
    path = tmp_path / "reader.json"
    path.write_text(json.dumps({"sentence": {"answers": 1.0}, "confidence": {"bias": 0.0}, "threshold": 0.3}))
    assert ReaderWeights.load(path) == ReaderWeights({"answers": 1.0}, {"bias": 0.0}, 0.3)
    for text in ("{}", "[]", "no JSON"):
        path.write_text(text)
        with pytest.raises(InputError, match="does not hold a reader's weights"):
            ReaderWeights.load(path)


def test_the_shipped_weights_name_features_that_exist():
    from qa.joint_reader import SHIPPED, WEIGHTS_FILE

    shipped = ReaderWeights.load(SHIPPED / WEIGHTS_FILE)
    assert set(shipped.sentence) == set(RANKING) and set(shipped.confidence) == {*CONFIDENCE, "bias"}
    assert 0 < shipped.threshold < 1
