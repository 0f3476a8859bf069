"""Files made to do harm, or broken: one line says so; nothing is fetched, written, or goes on for long."""

from __future__ import annotations

import contextlib
import io
import os
import random
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index import Columns, InputError, Limits, ReadingOptions
from index.passages import split_passages
from index.reading import find_files, parse_documents, read_bytes
from tests import made

FILES = made.every_file()
OPTIONS = ReadingOptions(columns=Columns(text="texte", title="titre", date="jour"))
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'
STEAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/passwd">]>'


def read(name, data, **limits):
    data = data.encode() if isinstance(data, str) else data
    return parse_documents(
        Path(name), data, ReadingOptions(columns=OPTIONS.columns, limits=Limits(**limits) if limits else Limits())
    )


def refused(name, data, message, **limits):
    with pytest.raises(InputError) as caught:
        read(name, data, **limits)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_huge_sparse_file_is_refused_by_its_size(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1_000_000_000)
    began = time.perf_counter()
    with pytest.raises(InputError, match=r"a\.txt has 1,000,000,000 bytes: expected at most 100,000,000"):
        read_bytes(tmp_path / "a.txt")
    assert time.perf_counter() - began < 0.5


def test_a_pipe_and_a_folder_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    for path in (tmp_path / "a.txt", tmp_path):
        with pytest.raises(InputError, match="is no ordinary file"):
            read_bytes(path)
    assert find_files(tmp_path) == []


def test_a_file_that_cannot_be_read_now_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "a.txt")


def test_links_out_of_a_folder_are_followed_only_when_asked(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    for place in (outside, folder):
        place.mkdir()
        (place / "a.txt").write_text("Oui.")
    (folder / "in.txt").symlink_to(folder / "a.txt")
    (folder / "out.txt").symlink_to(outside / "a.txt")
    (folder / "circle").symlink_to(folder)
    (folder / "other").symlink_to(outside)
    names = [file.relative_to(folder).as_posix() for file in find_files(folder)]
    assert names == ["a.txt", "in.txt"]
    names = [file.relative_to(folder).as_posix() for file in find_files(folder, ReadingOptions(follow_links=True))]
    assert names == ["a.txt", "in.txt", "other/a.txt", "out.txt"]


def test_too_many_files(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("Oui.")
    assert len(find_files(tmp_path, ReadingOptions(limits=Limits(files=3)))) == 3
    with pytest.raises(InputError, match="holds over 2 files"):
        find_files(tmp_path, ReadingOptions(limits=Limits(files=2)))


def test_a_limit_below_one_is_refused():
    with pytest.raises(InputError, match="the limit pages is 0"):
        Limits(pages=0)


@pytest.mark.parametrize("suffix", sorted(FILES))
def test_no_document_is_longer_than_the_limit(suffix):
    refused(f"a{suffix}", FILES[suffix], "characters: expected", characters=5)


@pytest.mark.parametrize("name", ["a.docx", "a.epub"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(name):
    data = made.rezipped(FILES[Path(name).suffix], {"bomb.xml": bytes(60_000_000)})
    assert len(data) < 200_000
    began = time.perf_counter()
    refused(name, data, "unpacks to 60,", unpacked=50_000_000)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("path", ["../../evil.txt", "/etc/evil", "..\\evil", "a/../../evil", "C:\\evil"])
@pytest.mark.parametrize("suffix", [".docx", ".epub"])
def test_names_that_lead_out_of_a_zip(suffix, path):
    refused(f"a{suffix}", made.rezipped(FILES[suffix], {path: "x"}), "names a file outside itself")


def test_a_chapter_outside_its_book():
    package = made.PACKAGE.format(two="../../../../etc/passwd")
    refused("a.epub", made.epub(**{"OEBPS/book.opf": package}), "names a file outside itself")


def test_a_chapter_listed_a_thousand_times_is_read_once():
    package = made.PACKAGE.format(two="b").replace("</spine>", '<itemref idref="one"/>' * 1000 + "</spine>")
    (document,) = read("a.epub", made.epub(**{"OEBPS/book.opf": package}))
    assert document.text.count("# Un") == 1


def test_a_locked_book():
    locked = '<encryption><e xmlns="x"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>'
    refused("a.epub", made.epub(**{"META-INF/encryption.xml": locked + "</encryption>"}), "is locked (DRM)")


@pytest.mark.parametrize("head", [BOMB, STEAL], ids=["billion laughs", "external entity"])
def test_entities_are_refused_or_left_alone(head):
    feed = head + made.RSS.split("?>", 1)[1].replace("Résumé", "&l9;&s;")
    refused("a.rss", feed, "declares XML entities")
    refused("a.rss", feed.encode("utf-16"), "declares XML entities")
    package = head + made.PACKAGE.format(two="b").split("?>", 1)[1]
    refused("a.epub", made.epub(**{"OEBPS/book.opf": package}), "declares XML entities")
    word = head + "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'/>"
    refused("a.docx", made.rezipped(FILES[".docx"], {"word/document.xml": word}), "declares XML entities")
    styled = head + "<x>&s;&l9;</x>"
    with pytest.raises(InputError):
        read("a.docx", made.rezipped(FILES[".docx"], {"word/styles.xml": styled}))
    (book,) = read("a.epub", made.epub(**{"OEBPS/one.xhtml": f"{head}<html><body><p>Un&s;&l9;.</p></body></html>"}))
    (page,) = read("a.html", f"{head}<html><body><p>Un&s;&l9;.</p></body></html>")
    for document in (book, page):
        assert "root:" not in document.text and "haha" not in document.text


def test_nesting_without_end():
    deep = "<div>" * 100_000 + "Le Mali attend." + "</div>" * 100_000
    began = time.perf_counter()
    for name, data in (("a.html", f"<html><body>{deep}</body></html>"), ("a.jsonl", "[" * 200_000)):
        with contextlib.suppress(InputError):
            assert read(name, data)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", '{"texte": "\\ud800 Un \\u0000.", "titre": "\\udfff", "pays": "\\u0000", "jour": null}'),
        ("a.csv", "texte,titre,jour\nUn\x0bdeux,,\n"),
        ("a.html", "<body><p>Un &#0;&#xD800; deux.</p></body>"),
        ("a.eml", "Subject: =?utf-8?q?=ED=A0=80=00?=\nFrom: a\n\nUn \0 deux."),
    ],
)
def test_no_nul_and_no_half_letters(name, data):
    for document in read(name, data):
        check(document)


def test_no_reader_opens_a_connection_or_writes(monkeypatch, tmp_path):
    import socket

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "socket", None)
    remote = '<!DOCTYPE html SYSTEM "http://127.0.0.1:9/x.dtd">'
    assert read("a.html", remote + made.HTML.split("\n", 1)[0].removeprefix("<!DOCTYPE html>") + "<body>Un.")
    assert read("a.rss", '<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd">' + made.RSS[39:])
    for suffix, data in FILES.items():
        assert read(f"a{suffix}", data)
    assert list(tmp_path.iterdir()) == []


def check(document):
    everything = [document.text, document.title, *document.metadata, *document.metadata.values()]
    for text in everything:
        text.encode("utf-8")
        assert "\0" not in text
    assert document.text.strip() and document.id and document.source
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= start <= len(document.text) for start in document.pages)
    for passage in split_passages(document):
        assert document.text[passage.start : passage.end] == passage.text


def mutated(data, chance):
    """Return bytes with some of them changed, taken out, doubled or cut off."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 40))):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 4, 30, 300))
        piece = data[at : at + length]
        kind = chance.randrange(6)
        if kind == 0:
            data[at : at + length] = chance.randbytes(len(piece))
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = piece * chance.choice((1, 50))
        elif kind == 3:
            data[at:at] = chance.choice(
                (
                    b"<",
                    b"&#0;",
                    b"\xff",
                    b"\x00",
                    b'"',
                    b"\n\n",
                    b"<!ENTITY",
                    b"=?x?q?=ff?=",
                    b"\xed\xa0\x80",
                    b"-1",
                    b"9" * 30,
                )
            )
        elif kind == 4:
            other = chance.randrange(len(data) + 1)
            data[at : at + length] = data[other : other + length]
        elif chance.random() < 0.2:
            del data[at:]
    return bytes(data)


def inner(data, chance):
    """Return a zip whose members, not its own bytes, are mutated."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = chance.choice([n for n in archive.namelist() if n.endswith(("ml", "opf", ".rels"))])
        return made.rezipped(data, {name: mutated(archive.read(name), chance)})


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("suffix", sorted(FILES))
@settings(max_examples=60, deadline=5_000, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_file_gives_documents_or_one_line(suffix, seed):
    chance = random.Random(seed)
    whole = FILES[suffix]
    data = inner(whole, chance) if suffix in (".docx", ".epub") and seed % 4 else mutated(whole, chance)
    try:
        documents = parse_documents(Path(f"a{suffix}"), data, OPTIONS)
    except InputError as error:
        assert "\n" not in str(error) and str(error).startswith(f"a{suffix} ")
        return
    assert documents
    for document in documents:
        check(document)
