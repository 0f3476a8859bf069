"""Each format: what of a file becomes text, title, date, language and metadata."""

from __future__ import annotations

import io
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest

from index import Columns, InputError, ReadingOptions, load_documents
from index.reading import find_files, parse_documents
from tests import made

COLUMNS = Columns(text="texte", title="titre", date="jour")


def read(name, data, columns=COLUMNS):
    data = data.encode() if isinstance(data, str) else data
    return parse_documents(Path(name), data, ReadingOptions(columns=columns))


def only(name, data):
    (document,) = read(name, data)
    return document


def test_html_gives_the_main_content():
    document = only("a.html", made.HTML)
    assert document.text == (
        "# Les engrais arrivent\n\nLe Mali attend 300.000 tonnes d’engrais russes, dit le ministre. "
        "Le port de Dakar les décharge lundi prochain avec l’aide des autorités.\n\n## Le port\n\n"
        "Le port de Dakar est grand. Il reçoit des navires de tous les pays du monde.\n\n- Un quai\n\n- Deux grues\n\n"
        "Pays | Tonnes\n\nMali | 300"
    )
    assert (document.title, document.date, document.language) == ("Les engrais arrivent", "2022-10-04", "fr")
    assert document.source == str(Path("a.html").resolve())


def test_html_without_a_stated_date_has_none():
    text = "Le 4 octobre 2022, le président a parlé à Bamako. " + "Il a dit que tout ira bien. " * 20
    document = only("a.htm", f"<html><body><p>{text}</p></body></html>")
    assert document.date is None and document.text == text.strip()


def test_html_in_another_encoding_and_with_hidden_parts():
    page = '<meta charset="iso-8859-1"><body><p hidden>non</p><p style="display: none">non</p><p>L\'été à Gao.</p>'
    assert only("a.html", page.encode("latin-1")).text == "L'été à Gao."


def test_docx():
    document = only("a.docx", made.word())
    assert document.text == (
        "# Le rapport\n\n## Le port\n\nLe Mali attend. Il pleut à Gao.\n\n- Un quai\n\nPays | Tonnes\n\nMali | 300 000"
        "\n\nAprès la table."
    )
    # python-docx's template says that it was made in 2013: that is no date of the text.
    assert (document.title, document.date, document.language) == ("Les engrais", None, "fr")


def test_docx_keeps_what_was_inserted_and_not_what_was_deleted_or_moved():
    word = docx.Document()
    paragraph = word.add_paragraph("Il ")
    for tag, text in (("ins", "t"), ("del", "delText"), ("moveFrom", "t")):
        xml = f'<w:{tag} xmlns:w="{W}"><w:r><w:{text}>{tag}. </w:{text}></w:r></w:{tag}>'
        paragraph._p.append(docx.oxml.parse_xml(xml))
    box = "<w:pict><w:txbxContent><w:p><w:r><w:t>Un cadre.</w:t></w:r></w:p></w:txbxContent></w:pict>"
    paragraph._p.append(docx.oxml.parse_xml(f'<w:r xmlns:w="{W}">{box}</w:r>'))
    stream = io.BytesIO()
    word.save(stream)
    assert only("a.docx", stream.getvalue()).text == "Il ins.\n\nUn cadre."


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def test_a_docx_table_of_prose_is_read_cell_by_cell():
    word = docx.Document()
    table = word.add_table(1, 2)
    table.cell(0, 0).text = "Le Mali attend des engrais. " * 6
    table.cell(0, 1).text = "Il pleut."
    stream = io.BytesIO()
    word.save(stream)
    assert only("a.docx", stream.getvalue()).text.endswith("engrais.\n\nIl pleut.")


def test_epub_in_reading_order_without_its_table_of_contents():
    document = only("a.epub", made.epub())
    assert document.text == "# Un\n\nLe Mali attend\xa0: l’été.\n\n# Deux\n\nLe Mali attend\xa0: l’été."
    assert (document.title, document.date, document.language) == ("Le livre", "2022-10-04", "fr")
    assert document.metadata == {"creator": "A. Ba"}


def test_csv_rows_are_documents():
    one, two = read("a.csv", made.CSV)
    assert (one.text, one.title, one.date) == ('Le Mali "attend"; il pleut.\nIl neige.', "Un", "2022-10-04")
    assert (one.source, one.metadata) == ("a.csv#1", {"pays": "Mali"})
    # The empty row counts, and a date that is none stays readable.
    assert (two.source, two.date, two.metadata) == ("a.csv#3", None, {"jour": "bientôt"})


def test_tsv_is_parted_by_tabs_alone():
    (document,) = read("a.tsv", "texte\ttitre\tjour\nUn, deux; trois.\tA\t2022\n")
    assert (document.text, document.date) == ("Un, deux; trois.", "2022")


def test_a_cell_longer_than_csv_s_own_limit():
    assert len(only("a.csv", "texte,titre,jour\n" + "mot " * 50_000 + ",A,\n").text) == 200_000


def test_jsonl_rows_are_documents():
    one, two = read("a.jsonl", made.JSONL)
    assert (one.text, one.title, one.date) == ("Le Mali attend.", "Un", "2022-10")
    assert (one.source, one.metadata) == ("a.jsonl#1", {"n": "3", "l": '["é"]'})
    assert (two.text, two.source, two.metadata) == ("Deux.", "a.jsonl#2", {})


def test_rows_that_differ_in_what_is_stated_are_two_documents():
    ids = {d.id for d in read("a.csv", "texte,titre,jour\nOui.,,2022\nOui.,,2023\nOui.,A,2022\nOui.,,\n")}
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("name", "data", "columns", "message"),
    [
        ("a.csv", "corps,auteur\nUn,A\n", None, "columns corps, auteur: name the one that holds text, --text COLUMN"),
        ("a.csv", "corps,auteur\nUn,A\n", COLUMNS, "has no column 'texte': expected one of corps, auteur"),
        ("a.csv", '"corps\nou",auteur\nUn,A\n', COLUMNS, "expected one of corps ou, auteur"),
        ("a.csv", "texte,titre,jour\nUn, deux,A,2022\n", COLUMNS, "4 cells in row 1: expected the 3 of its header"),
        ("a.csv", "texte,texte\nUn,A\n", COLUMNS, "has two columns 'texte'"),
        ("a.csv", "texte,titre,jour\n,A,\n", COLUMNS, "is empty"),
        ("a.jsonl", '{"texte": "Un."}\n[1]\n', COLUMNS, "no JSON object in row 2"),
        ("a.jsonl", '{"texte": \n', COLUMNS, "no JSON object in row 1"),
        ("a.xml", "<html><rssx></html>", COLUMNS, "no RSS or Atom feed"),
        ("a.eml", "Bonjour.\n\nCeci est un texte.", COLUMNS, "is no mail"),
        ("a.docx", made.zipped({"a.txt": "Un."}), COLUMNS, "holds no word/document.xml"),
        ("a.docx", b"PK", COLUMNS, "cannot be read as a Word file"),
        ("a.docx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), COLUMNS, "protected by a password, or an old Word"),
        ("a.epub", made.zipped({"a.txt": "Un."}), COLUMNS, "cannot be read as an EPUB book"),
        ("a.pdf", b"%PDF-1.7", COLUMNS, "cannot be read as a PDF"),
        ("a.html", "<html><body></body></html>", COLUMNS, "is empty"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(name, data, columns, message):
    with pytest.raises(InputError) as caught:
        read(name, data, columns)
    assert str(caught.value).startswith(name) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rss_prefers_content_and_the_day_as_it_was_written():
    one, two = read("a.rss", made.RSS)
    assert (one.text, one.title, one.date, one.language) == (
        "Le Mali attend.\n\nIl pleut.",
        "Un & deux",
        "2022-10-04",
        "fr",
    )
    assert one.metadata == {"link": "http://example.org/1", "feed": "Le fil"}
    assert (one.source, two.source, two.text) == ("a.rss#1", "a.rss#2", "Sans texte")


def test_atom():
    document = only("a.xml", made.ATOM)
    assert (document.text, document.date, document.language) == ("The whole text.", "2022-10-04", "en")


def test_mail_prefers_plain_text_and_leaves_attachments_out():
    document = only("a.eml", made.mail())
    assert document.text == "Le Mali attend.\n\nIl pleut à Gao."
    assert (document.title, document.date) == ("Les engrais sont arrivés", "2022-10-04")
    assert document.metadata == {"from": "Aïda Ba <a@example.org>", "to": "b@example.org"}


def test_mail_in_html_alone():
    message = EmailMessage()
    message["Subject"] = "H"
    message.set_content("<p>Un.</p><table><tr><td>a</td><td>b</td></tr></table>", subtype="html")
    assert only("a.eml", bytes(message)).text == "Un.\n\na | b"


def test_front_matter_is_read_and_never_quoted():
    from index import split_passages

    document = only("a.md", made.MARKDOWN)
    assert document.text == made.MARKDOWN
    assert (document.title, document.date, document.language) == ("Le titre : oui", "2022-10-04", "fr")
    assert document.metadata == {"auteur": "A. Ba"}
    assert [passage.text for passage in split_passages(document)] == ["Le texte."]


@pytest.mark.parametrize(
    "text", ["---\nUn texte.\n---\nSuite.", "---\n\n---\nUn.", "---\na: b\nUn.", "--- a: b ---\nUn."]
)
def test_a_rule_is_no_front_matter(text):
    document = only("a.md", text)
    assert document.title != "b" and document.metadata == {}


def test_a_folder_shows_what_it_holds(tmp_path):
    for suffix, data in made.every_file().items():
        (tmp_path / f"a{suffix}").write_bytes(data)
    for hidden in (".a.txt", ".git/b.txt", "c.xml"):
        (tmp_path / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / hidden).write_text("<html>non</html>")
    tables = {".csv", ".tsv", ".jsonl"}
    assert {file.suffix for file in find_files(tmp_path)} == set(made.every_file()) - tables
    with_columns = ReadingOptions(columns=COLUMNS)
    assert {file.suffix for file in find_files(tmp_path, with_columns)} == set(made.every_file())
    assert len(list(load_documents(tmp_path, options=with_columns))) == 7 + 5 * 2 + 1


def test_a_missing_package_is_named(tmp_path):
    program = (
        "import sys; from pathlib import Path; from index import InputError, reading\n"
        "sys.modules.update(dict.fromkeys(['pypdfium2', 'docx', 'lxml', 'feedparser', 'trafilatura']))\n"
        "for name in sys.argv[1:]:\n"
        "    try: reading.parse_documents(Path(name), b'<rss>')\n"
        "    except InputError as error: print(error)"
    )
    names = ("x.pdf", "x.docx", "x.rss", "x.html")
    found = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)
    needed = "is a PDF, which needs pypdfium2", "is a Word file, which needs python-docx"
    needed += "is a feed, which needs feedparser", "is a web page, which needs trafilatura"
    assert found.stdout.splitlines() == [
        f"{name} {what}: pip install 'sourcier[formats]'" for name, what in zip(names, needed, strict=True)
    ]


def test_importing_the_readers_loads_none_of_their_libraries():
    program = "import sys, index; print({'lxml', 'docx', 'pypdfium2', 'trafilatura', 'feedparser'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_the_fingerprint_tells_options_apart():
    several = [ReadingOptions(), ReadingOptions(columns=COLUMNS), ReadingOptions(columns=Columns(text="texte"))]
    assert len({options.fingerprint for options in several}) == 3
    assert ReadingOptions(follow_links=True).fingerprint == ReadingOptions().fingerprint
