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


def typed(*pages, **properties):
    """Type lines on pages, `|` at a line's end breaking a word there."""
    pdf = fpdf.FPDF()
    pdf.add_font("D", fname=FONT)
    for key, value in properties.items():
        getattr(pdf, f"set_{key}")(value)
    for text in pages:
        pdf.add_page()
        pdf.set_font("D", size=12)
        if text:
            pdf.multi_cell(0, 6, text)
    return bytes(pdf.output())


def test_blank_pages_count():
    document = read(typed("", "Un.", "", "Deux.", ""))
    assert document.text == "Un. Deux."
    assert document.page_at(0) == 2 and document.page_at(4) == 4
    assert document.pages == (0, 0, 4, 4, 9)


def test_a_word_cut_by_the_page_is_whole():
    document = read(typed("Il faut recon-", "naître la Guinée-", "Bissau et dire peut-", "être."))
    assert document.text == "Il faut reconnaître la Guinée-Bissau et dire peut-être."
    assert [document.text[start] for start in document.pages] == ["I", "n", "B", "ê"]


def test_the_document_s_own_spelling_decides_about_a_hyphen():
    document = read(typed("Un arc-en-\nciel, un porte-\nplume, un porte-plume, ex-\nporter ou exporter."))
    assert document.text == "Un arc-enciel, un porte-plume, un porte-plume, exporter ou exporter."


def test_properties_that_state_something_are_kept_and_the_date_of_making_is_not():
    document = read(typed("Le texte est là.", title="Le rapport", author="A. Ba", lang="fr-FR"))
    assert (document.title, document.language, document.date) == ("Le rapport", "fr", None)
    assert document.metadata == {"author": "A. Ba"}
    assert read(typed("Le texte est là.", title="Microsoft Word - rapport.docx")).title == "Le texte est là."


def test_a_line_that_ends_with_its_paragraph_parts_it():
    wide = "Le Mali attend des engrais que le port de Dakar décharge et que des camions portent à Bamako puis à Gao. "
    document = read(typed(f"{wide}Il pleut.\n{wide * 2}"))
    assert document.text.count("\n\n") == 1 and "Il pleut.\n\nLe Mali" in document.text


def test_a_scanned_pdf_says_what_to_do():
    with pytest.raises(InputError, match=r"a\.pdf is scanned: it has no text; run OCR first"):
        read(typed("", ""))


def test_a_password_is_named():
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_encryption(owner_password="a", user_password="b")
    with pytest.raises(InputError, match="protected by a password"):
        read(bytes(pdf.output()))


def test_limits_of_pages_and_characters():
    data = typed("Un.", "Deux.", "Trois.")
    assert read(data, pages=3, characters=20)
    with pytest.raises(InputError, match="has 3 pages: expected at most 2"):
        read(data, pages=2)
    with pytest.raises(InputError, match="over 10 characters"):
        read(data, characters=10)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("conﬁrmé, eﬀet,  ﬂeuve ", "confirmé, effet, fleuve"),
        ("e\u0301te\u0301 d´ej`a", "été déjà"),
        ("« oui\u00a0»\u200b et\u2009non", "« oui\u00a0» et non"),
        ("x ` y ´ 3", "x ` y ´ 3"),
    ],
)
def test_letters_and_spaces_are_mended(line, expected):
    assert mended(line) == expected


def page(*texts, top=800):
    return [Line(text, 50, 50 + 6 * len(text), top - 14 * i - 10, top - 14 * i) for i, text in enumerate(texts)]


def kept(*pages):
    return [[line.text for line in lines] for lines in without_furniture([page(*texts) for texts in pages])]


def test_only_what_repeats_in_place_is_furniture():
    body = [f"Texte {word}" for word in ("un", "deux", "trois", "quatre", "cinq", "six")]
    assert kept(*(["Le titre", text, f"Page {n}"] for n, text in enumerate(body, 1))) == [[text] for text in body]
    # The same number on every page is no page's number, but it is furniture; another one on each is text.
    rows = [["Total 12"], ["Total 40"], ["Total 7"], ["Total 90"], ["Total 3"], ["Total 8"]]
    assert kept(*rows) == rows
    assert kept(["Oui."], ["Oui."], ["Oui."]) == [["Oui."]] * 3


def test_a_header_behind_a_line_of_text_is_text():
    pages = [[f"Texte {word}", "Le même.", *(f"{word} {n}a" for n in range(6))] for word in "abcdef"]
    assert kept(*pages) == pages


def test_no_pages_no_text():
    assert joined([[], []]) == ("", (0, 0))
