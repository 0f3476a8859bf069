"""PDF: sentences whole and word for word, each on its page."""

from __future__ import annotations

from pathlib import Path

import fpdf
import pytest

from index import InputError
from index.formats.furniture import without_furniture
from index.formats.options import Limits, ReadingOptions
from index.formats.pages import Line, joined, mended
from index.reading import parse_documents
from index.sentences import split_sentences
from tests.printed import FONT, printed

PDF = Path("a.pdf")


def read(data, **limits):
    (document,) = parse_documents(PDF, data, ReadingOptions(limits=Limits(**limits)))
    return document


@pytest.mark.parametrize("seed", range(30))
def test_every_sentence_is_whole_and_on_its_page(seed):
    made = printed(seed)
    document = read(made.data)
    found = {
        document.text[start:end]: (document.page_at(start), document.page_at(end - 1))
        for start, end in split_sentences(document.text, language=document.language)
    }
    assert len(made.sentences) > 15
    assert any(first < last for _, first, last in made.sentences) or seed
    for sentence, first, last in made.sentences:
        assert found.get(sentence) == (first, last), sentence
    assert document.language == made.language
    for words in made.furniture:
        assert words not in document.text.split("\n\n")
