from __future__ import annotations

import logging

import pytest

from index import InputError, load_documents, make_document, read_document
from index.reading import body_start


def test_a_user_file_gives_its_date_and_its_opening_words_as_title(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text(" date 2022-10 M. Poutine a téléphoné à Bamako. La suite.", encoding="utf-8")
    document = read_document(file)
    assert (document.date, document.title) == ("2022-10", "M. Poutine a téléphoné à Bamako.")
    assert document.text == file.read_text(encoding="utf-8")
    assert document.source == str(file)
    assert document.language == "fr"


@pytest.mark.parametrize("date", ["2022", "2022-10", "2022-10-04"])
def test_dates_of_every_precision(date):
    document = make_document(f" date {date} Bonjour.")
    assert document.date == date
    assert document.text[body_start(document.text) :] == "Bonjour."


@pytest.mark.parametrize("text", ["date 2022-13 Non.", " date 20221 Non.", "Une date 2022-10 Non.", "dates 2022 Non."])
def test_what_only_looks_like_a_header_is_text(text):
    assert make_document(text).date is None
    assert body_start(text) == 0


def test_a_markdown_title_wins():
    assert make_document("# Le **titre** #\n\nLe texte.").title == "Le **titre**"


def test_a_long_opening_is_cut_at_a_word():
    title = make_document("mot " * 100).title
    assert len(title) <= 90 and title.endswith("mot…")


def test_crlf_and_bom(tmp_path):
    file = tmp_path / "a.md"
    file.write_bytes(b"\xef\xbb\xbfUn.\r\nDeux.\r\n")
    assert read_document(file).text == "Un.\r\nDeux.\r\n"


def test_other_encodings_are_read_with_a_warning(tmp_path, caplog):
    file = tmp_path / "a.txt"
    file.write_bytes("L’été à « Gao »".encode("cp1252"))
    with caplog.at_level(logging.WARNING):
        assert read_document(file).text == "L’été à « Gao »"
    assert "not UTF-8" in caplog.text


def test_utf_16_is_told_by_its_mark(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("été".encode("utf-16"))
    assert read_document(file).text == "été"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"PK\x03\x04" + bytes(100), "is not text"),
        ("a.txt", b" \n", "is empty"),
        ("a.odt", b"PK", "expected .txt, .md"),
    ],
)
def test_a_bad_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(load_documents(tmp_path / name))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_path_and_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        list(load_documents(tmp_path / "none"))
    with pytest.raises(InputError, match="holds no document"):
        list(load_documents(tmp_path))


def test_a_folder_is_read_in_path_order_and_a_file_named_twice_once(tmp_path):
    for name in ("b.txt", "a.md", "sub/c.TXT", "image.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"Ceci est {name}.", encoding="utf-8")
    found = list(load_documents([tmp_path, tmp_path / "a.md"]))
    assert [document.text for document in found] == ["Ceci est a.md.", "Ceci est b.txt.", "Ceci est sub/c.TXT."]


def test_the_id_depends_on_the_text_alone():
    assert make_document("Oui.", source="a").id == make_document("Oui.", source="b").id
    assert make_document("Oui.").id != make_document("Non.").id
