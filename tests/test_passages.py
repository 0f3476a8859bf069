from __future__ import annotations

from hypothesis import given

from index import make_document, split_passages
from index.sentences import LONGEST, byte_length, split_sentences
from tests.test_sentences import odd_text


@given(odd_text)
def test_passages_are_slices_that_hold_every_sentence_once(text):
    document = make_document(text)
    passages = split_passages(document)
    at = 0
    for passage in passages:
        assert at <= passage.start < passage.end
        assert document.text[passage.start : passage.end] == passage.text
        assert byte_length(passage.text) <= LONGEST
        at = passage.end
    for start, end in split_sentences(text, passages[0].start if passages else 0, language=document.language):
        assert sum(passage.start <= start and end <= passage.end for passage in passages) == 1


def test_the_header_is_in_the_text_and_in_no_passage():
    document = make_document(" date 2022-10 Il pleut. Il neige.")
    assert document.text.startswith(" date 2022-10 ")
    assert [passage.text for passage in split_passages(document)] == ["Il pleut. Il neige."]


def test_paragraphs_are_packed_whole_while_they_fit():
    paragraph = "Une phrase de taille moyenne revient. " * 10
    document = make_document("\n\n".join([paragraph] * 5))
    passages = split_passages(document)
    assert [passage.text.count("\n\n") for passage in passages] == [2, 1]
    assert all(passage.text.endswith(".") for passage in passages)


def test_a_long_paragraph_is_cut_between_sentences():
    document = make_document("Une phrase de taille moyenne revient encore. " * 80)
    passages = split_passages(document)
    assert len(passages) == 4
    assert all(passage.text.startswith("Une") and passage.text.endswith(".") for passage in passages)


def test_ids_name_the_place():
    (passage,) = split_passages(make_document("Oui."))
    assert passage.id == f"{passage.document_id}:0-4"
