from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Filters, InputError, PassageIndex, make_document
from qa import Answerer, Finding, Retriever
from tests.fakes import FakeEmbedder, FakeReader
from tests.test_sentences import odd_text


class FirstSentences:
    """A reader that takes the passages as they come, as sure as it is told to be."""

    threshold = 0.5

    def __init__(self, confidence):
        self.confidence = confidence

    def read(self, question, hits):
        return tuple(Finding(hit, hit.passage.start, hit.passage.end, hit.score, self.confidence) for hit in hits)


def test_an_answer_is_made_of_quotes(passage_index):
    answer = Answerer(passage_index, reader=FirstSentences(0.9)).ask("Qui attend des engrais ?")
    assert answer.answered and answer.confidence == 0.9 and answer.closest == ()
    assert [citation.number for citation in answer.citations] == [1, 2, 3]
    for citation in answer.citations:
        assert citation.document.text[citation.start : citation.end] == citation.quote
        assert f"{citation.quote} [{citation.number}]" in answer.text


def test_below_the_threshold_it_is_silent_and_offers_what_is_closest(passage_index):
    answer = Answerer(passage_index, reader=FirstSentences(0.4), threshold=0.5).ask("Qui attend ?")
    assert not answer.answered and answer.citations == () and answer.text == ""
    assert [hit.rank for hit in answer.closest] == [1, 2, 3]
    for hit in answer.closest:
        assert hit.passage.text == hit.nearest.text == hit.document.text[hit.nearest.start : hit.nearest.end]


def test_the_nearest_sentence_of_a_close_passage_is_told(tmp_path, embedder):
    document = make_document("Le port est plein. Le Mali attend des engrais. La mer est calme.")
    passage_index = PassageIndex.build(tmp_path / "index", [document], embedder=embedder)
    (hit,) = Answerer(passage_index, reader=FakeReader(0.4)).ask("Qui attend des engrais ?").closest
    assert hit.nearest.text == "Le Mali attend des engrais."
    (found,) = Retriever(passage_index).retrieve("Qui attend des engrais ?")
    assert found.nearest is None and "nearest" not in found.to_json()


def test_what_is_asked_again_is_read_again_only_when_the_index_has_changed(passage_index):
    class Counting(FakeReader):
        reads = 0

        def read(self, question, hits):
            self.reads += 1
            return super().read(question, hits)

    reader = Counting()
    answerer = Answerer(passage_index, reader=reader)
    first = answerer.ask("Qui attend des engrais ?")
    assert answerer.ask("Qui attend des engrais ?") == first and reader.reads == 1
    assert answerer.ask("Qui attend des engrais ?", filters=Filters(after="2022-11")) != first and reader.reads == 2
    passage_index.add([make_document("Le Niger attend des engrais.")])
    assert answerer.ask("Qui attend des engrais ?") != first and reader.reads == 3


def test_an_empty_index_is_silent(tmp_path, embedder):
    passage_index = PassageIndex.build(tmp_path / "index", [], embedder=embedder)
    answer = Answerer(passage_index, reader=FakeReader()).ask("Qui ?")
    assert (answer.answered, answer.confidence, answer.closest) == (False, 0.0, ())


@pytest.mark.parametrize(
    ("question", "message"), [("", "is empty"), (" \u202f?! ", "is empty"), ("é" * 100_000, "100,000 characters")]
)
def test_questions_that_cannot_be_searched_for(passage_index, question, message):
    with pytest.raises(InputError, match=message):
        Answerer(passage_index, reader=FakeReader()).ask(question)


def test_top_k(passage_index):
    retriever = Retriever(passage_index)
    assert [hit.rank for hit in retriever.retrieve("engrais", top_k=2)] == [1, 2]
    with pytest.raises(InputError, match="top_k is 0"):
        retriever.retrieve("engrais", top_k=0)


def test_the_same_question_gives_the_same_bytes(passage_index):
    def asked():
        answer = Answerer(PassageIndex.open(passage_index.folder, embedder=FakeEmbedder()), reader=FakeReader()).ask(
            "Le prix du blé ?"
        )
        return json.dumps({**answer.to_json(), "timings_ms": None})

    assert asked() == asked()


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(odd_text, min_size=1, max_size=4))
def test_every_quote_is_exact_whatever_the_text(tmp_path_factory, texts):
    # Not a single line: one that begins with # would be a title and nothing else.
    documents = [make_document(f"{text} Mali 2022.\n\nLe Mali en 2022.") for text in texts]
    passage_index = PassageIndex.build(tmp_path_factory.mktemp("odd") / "i", documents, embedder=FakeEmbedder())
    answer = Answerer(passage_index, reader=FakeReader()).ask("Mali 2022 ?")
    originals = {document.id: document.text for document in documents}
    assert answer.citations
    for citation in answer.citations:
        assert originals[citation.document.id][citation.start : citation.end] == citation.quote
        for repeat in citation.also_in:
            assert originals[repeat.document.id][repeat.start : repeat.end] == repeat.quote


def test_json_has_the_documented_shape(passage_index):
    found = Answerer(passage_index, reader=FakeReader()).ask("Qui attend des engrais ?").to_json()
    told = ["question", "answered", "asked_nothing", "confidence", "text", "citations"]
    assert list(found) == [*told, "closest", "respellings", "carried", "period", "coverage", "timings_ms"]
    assert not found["asked_nothing"]
    citation = found["citations"][0]
    assert list(citation) == [
        "number",
        "quote",
        "start",
        "end",
        "score",
        "span",
        "document",
        "passage",
        "context",
        "also_in",
    ]
    document = ["id", "title", "source", "other_sources", "date", "language", "page", "sha256"]
    assert list(citation["document"]) == document
    assert list(citation["passage"]) == ["start", "end", "text"]
    assert list(found["timings_ms"]) == ["retrieve", "read"]
    json.dumps(found)
