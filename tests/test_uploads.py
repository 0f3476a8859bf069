"""Names for files that browsers send, the inbox they come into, and the index they end in."""

from __future__ import annotations

import threading
import time
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index import IndexBusyError, PassageIndex
from index.reading import SUFFIXES
from index.writer import alone
from tests.fakes import FakeEmbedder
from ui import inbox as inbox_module
from ui.embedding import Embedding
from ui.inbox import Inbox
from ui.library import Library
from ui.uploads import LONGEST_NAME, Received, is_readable, keep, safe_name, shown_name, uploads_folder

HOSTILE_NAMES = [
    "../../x.txt",
    "..\\..\\x.txt",
    "/etc/passwd.txt",
    "C:\\windows\\x.txt",
    "CON.txt",
    "con .txt",
    "nul.tar.txt",
    "COM¹.txt",
    "x" * 300 + ".txt",
    "é" * 300 + ".pdf",
    ".hidden.txt",
    "...txt",
    ".txt",
    " . .txt",
    "a\0b\n\r\t\x1b[31m.txt",
    "gnp.\u202etxt.txt",
    "\ufeff\u200b.md",
    'a<b>:"|?*.html',
    "\ud800.txt",
    "stream.txt::$DATA",
    "",
]


def assert_safe(name):
    assert name and name not in (".", "..") and not set(name) & set('/\\<>:"|?*')
    assert len(name.encode()) <= LONGEST_NAME
    assert not name.startswith((".", " ")) and not name.endswith((".", " "))
    assert not any(unicodedata.category(one).startswith("C") for one in name)
    assert unicodedata.normalize("NFC", name) == name
    stem = name.split(".")[0].strip().upper()
    assert stem not in {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}


@given(st.text(st.characters(), max_size=400))
@pytest.mark.parametrize("suffix", ["", ".txt", ".PDF"])
def test_any_name_becomes_one_that_every_file_system_takes(suffix, stem):
    name = safe_name(stem + suffix)
    assert_safe(name)
    assert safe_name(name) == name, "what is safe stays"
    if suffix:
        assert name.endswith(suffix) and is_readable(name)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names(name):
    assert_safe(safe_name(name))
    assert not any(unicodedata.category(one).startswith("C") for one in shown_name(name))
    assert is_readable(safe_name(name)) == is_readable(name)


def test_names_stay_legible():
    assert safe_name("Rapport d’été 2022 (final).pdf") == "Rapport d’été 2022 (final).pdf"
    assert safe_name("../../x.txt") == "x.txt"
    assert safe_name("CON.txt") == "_CON.txt"
    assert safe_name("報告.DOCX") == "報告.DOCX"


@given(st.text(max_size=30), st.sampled_from(SUFFIXES))
@example("x", ".txt")
def test_a_kind_is_told_by_how_a_name_ends(stem, suffix):
    assume("/" not in stem and "\\" not in stem)
    assert is_readable(stem + suffix) and not is_readable(stem + suffix + "x")


def received(tmp_path, name, data):
    path = tmp_path / f"sent-{len(list(tmp_path.iterdir()))}"
    path.write_bytes(data)
    return Received(shown_name(name), path)


def test_a_kept_file_is_never_overwritten(tmp_path):
    folder = tmp_path / "kept"
    first, is_new = keep(received(tmp_path, "../a.txt", b"one"), folder)
    assert (first, is_new) == (folder / "a.txt", True)
    assert keep(received(tmp_path, "a.txt", b"one"), folder) == (first, False)
    second, is_new = keep(received(tmp_path, "a.txt", b"two"), folder)
    assert (second.name, is_new) == ("a (2).txt", True)
    assert keep(received(tmp_path, "a.txt", b"two"), folder) == (second, False)
    long, _ = keep(received(tmp_path, "x" * 300 + ".txt", b"one"), folder)
    longer, _ = keep(received(tmp_path, "x" * 300 + ".txt", b"two"), folder)
    assert_safe(long.name)
    assert_safe(longer.name)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "a.txt": b"one",
        "a (2).txt": b"two",
        long.name: b"one",
        longer.name: b"two",
    }


# --- The inbox ---


@pytest.fixture
def box():
    return Inbox(1)


@pytest.fixture
def client(box):
    return TestClient(Starlette(routes=[box.route()]))


def put(client, box, name, data, **headers):
    return client.put("/upload", params={"name": name}, content=data, headers={"x-upload-key": box.key, **headers})


def test_a_file_is_handed_in_once_and_by_its_ticket(client, box):
    long = put(client, box, "x" * 300 + ".txt", b"text").json()["ticket"]
    assert is_readable(box.hand_in([long])[0].name)
    ticket = put(client, box, "dossier/a.txt", b"text").json()["ticket"]
    assert box.hand_in(["", "../a", ticket[:-1]]) == []
    (file,) = box.hand_in([ticket, ticket])
    assert (file.name, file.path.read_bytes()) == ("a.txt", b"text")
    assert box.hand_in([ticket]) == []


def test_what_may_not_come_in(client, box):
    assert put(client, box, "a.txt", b"", **{"x-upload-key": "guess"}).status_code == 403
    assert put(client, box, "a.txt", b"", **{"x-upload-key": "é".encode()}).status_code == 403
    assert client.post("/upload?name=a.txt", content=b"x", headers={"x-upload-key": box.key}).status_code == 405
    assert client.get("/upload?name=a.txt").status_code == 405
    assert put(client, box, "a.exe", b"x").status_code == 415
    assert put(client, box, "a.txt", b"x" * (2**20 + 1)).status_code == 413
    assert put(client, box, "a.txt", iter([b"x" * 2**20, b"x"])).status_code == 413, "of a length not told before"
    assert put(client, box, "a.txt", b"x" * 2**20).status_code == 200
    assert len(list(box.folder.iterdir())) == 1, "what was refused is gone"


def test_the_inbox_has_an_end_and_forgets(client, box, monkeypatch):
    monkeypatch.setattr(inbox_module, "MOST_FILES", 2)
    tickets = [put(client, box, "a.txt", b"x").json()["ticket"] for _ in range(2)]
    assert put(client, box, "a.txt", b"x").status_code == 507
    monkeypatch.setattr(inbox_module, "_PATIENCE_S", 0)
    assert put(client, box, "a.txt", b"x").status_code == 200
    assert box.hand_in(tickets) == []


# --- The index ---


@pytest.fixture
def passage_index(tmp_path):
    return PassageIndex.open_or_create(tmp_path / "index", embedder=FakeEmbedder())


@pytest.fixture
def library(passage_index):
    return Library(passage_index, Embedding(passage_index))


def add(library, tmp_path, **files):
    several = [received(tmp_path, name.replace("_", "."), data) for name, data in files.items()]
    outcome = library.add(several, lambda: None)
    assert not [file for file in several if file.path.exists()], "what was sent is deleted"
    return outcome


def kept(passage_index):
    folder = uploads_folder(passage_index.folder)
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_files_are_added_and_the_others_named(library, passage_index, tmp_path):
    outcome = add(
        library, tmp_path, a_txt=b"Le prix du riz monte.", empty_txt=b"", blank_txt=b" \n ", bad_pdf=b"not a PDF"
    )
    assert [document.title for document in outcome.added] == ["Le prix du riz monte."]
    assert {refusal.name for refusal in outcome.refused} == {"empty.txt", "blank.txt", "bad.pdf"}
    assert not [one for one in outcome.refused if str(tmp_path) in one.reason], "nobody's folders are told"
    assert kept(passage_index) == ["a.txt"], "what holds no document is not kept"
    again = add(library, tmp_path, a_txt=b"Le prix du riz monte.")
    assert (again.added, again.unchanged, again.refused) == ((), ("a.txt",), ())


def test_what_was_added_is_embedded_afterwards(library, passage_index, tmp_path):
    add(library, tmp_path, a_txt=b"Le prix du riz monte.")
    deadline = time.monotonic() + 20
    while passage_index.coverage < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (passage_index.coverage, len(passage_index)) == (1.0, 1)


def test_an_embedding_that_fails_is_tried_again_with_the_next_addition():
    tried = []

    class Failing:
        def embed_pending(self):
            tried.append(threading.current_thread())
            raise RuntimeError("no")

    embedding = Embedding(Failing())
    for times in (1, 2):
        embedding.begin()
        deadline = time.monotonic() + 20
        while len(tried) < times and time.monotonic() < deadline:
            time.sleep(0.01)
        tried[-1].join()
        assert len(tried) == times


def test_a_removed_document_takes_its_file_along_and_can_come_back(library, passage_index, tmp_path):
    (document,) = add(library, tmp_path, a_txt=b"Le prix du riz monte.", b_txt=b"").added
    assert library.remove(["*", "%", "a.txt", "nobody"]) == [], "an id is no pattern"
    assert library.remove([document.id, document.id]) == [document]
    assert (kept(passage_index), passage_index.summaries()) == ([], [])
    assert library.remove([document.id]) == []
    assert add(library, tmp_path, a_txt=b"Le prix du riz monte.").added == (document,)


def test_a_file_of_the_reader_stays_when_its_document_goes(library, passage_index, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("Le port de Dakar.", encoding="utf-8")
    passage_index.add_files(own)
    (removed,) = library.remove([one.id for one in passage_index.summaries()])
    assert removed.title == "Le port de Dakar." and own.exists()


def test_a_table_is_kept_until_its_last_row_goes(library, passage_index, tmp_path):
    rows = b"titre,texte,date\nUn,Le riz monte.,2022\nDeux,Le mil baisse.,2023\n"
    documents = add(library, tmp_path, prix_csv=rows, notes_jsonl=b'{"note": "Le port est plein."}').added
    assert {(one.title, one.date) for one in documents} >= {("Un", "2022"), ("Deux", "2023")}
    assert len(documents) == 3
    first, second = (one for one in documents if one.date)
    library.remove([first.id])
    assert kept(passage_index) == ["notes.jsonl", "prix.csv"]
    library.remove([second.id])
    assert kept(passage_index) == ["notes.jsonl"]


def test_another_writer_is_named_and_nothing_is_left(library, passage_index, tmp_path):
    with alone(passage_index.folder), pytest.raises(IndexBusyError):
        add(library, tmp_path, a_txt=b"Le prix du riz monte.")
    assert kept(passage_index) == []
    assert len(list(tmp_path.glob("sent-*"))) == 0


def test_files_of_several_visitors_are_added_one_after_another(library, passage_index, tmp_path):
    files = [received(tmp_path, f"{n}.txt", b"Texte numero %d." % n) for n in range(6)]
    outcomes = []
    threads = [
        threading.Thread(target=lambda file=file: outcomes.append(library.add([file], lambda: None))) for file in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(outcome.added) for outcome in outcomes] == [1] * 6
    assert len(passage_index.summaries()) == 6
