from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from index import Columns, InputError, Limits, PassageIndex, ReadingOptions, check, make_document


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "news"
    folder.mkdir()
    write(folder / "a.txt", "Le Mali attend des engrais.")
    write(folder / "b.txt", "Le prix du blé monte.")
    return folder


@pytest.fixture
def passage_index(tmp_path, embedder):
    return PassageIndex.open_or_create(tmp_path / "index", embedder=embedder)


def write(path, text):
    """Write a file that looks as if it was not written just now, as nearly all files do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    a_while_ago = time.time_ns() - 60_000_000_000 - hash(text) % 1_000_000_000
    os.utime(path, ns=(a_while_ago, a_while_ago))


def names(paths):
    return [Path(path).name for path in paths]


def held(passage_index):
    return {source: one.text for one in passage_index.documents() for source in names(one.sources)}


def test_the_index_becomes_what_the_folder_is(passage_index, folder, embedder):
    report = passage_index.sync(folder)
    assert (names(report.added), report.changed, report.removed) == (["a.txt", "b.txt"], (), ())
    write(folder / "a.txt", "Le Mali a reçu ses engrais.")
    (folder / "b.txt").unlink()
    write(folder / "deep" / "c.md", "# Riz\n\nLe riz manque.")
    before = len(embedder.embedded)
    report = passage_index.sync(folder)
    assert names(report.added) == ["c.md"] and names(report.changed) == ["a.txt"] and names(report.removed) == ["b.txt"]
    assert held(passage_index) == {"a.txt": "Le Mali a reçu ses engrais.", "c.md": "# Riz\n\nLe riz manque."}
    assert len(embedder.embedded) - before == 2


def test_what_has_not_changed_is_not_even_opened(passage_index, folder, monkeypatch):
    passage_index.sync(folder)
    name = passage_index.generation().name

    def refuse(*_):
        raise AssertionError("opened")

    monkeypatch.setattr("index.syncing.read_bytes", refuse)
    report = passage_index.sync(folder)
    assert (report.unchanged, report.added, report.changed) == (2, (), ())
    assert passage_index.generation().name == name, "and nothing was written"


def test_a_file_touched_but_the_same_is_read_once_and_not_parsed(passage_index, folder, monkeypatch):
    passage_index.sync(folder)
    os.utime(folder / "a.txt", (1, 1))
    monkeypatch.setattr("index.syncing.parse_documents", lambda *_: pytest.fail("parsed"))
    assert passage_index.sync(folder).unchanged == 2
    monkeypatch.setattr("index.syncing.read_bytes", lambda *_: pytest.fail("opened"))
    assert passage_index.sync(folder).unchanged == 2


def test_a_change_within_one_tick_of_the_clock_is_seen(passage_index, folder):
    path = folder / "a.txt"
    now = time.time_ns()
    path.write_text("Un deux.", encoding="utf-8")
    os.utime(path, ns=(now, now))
    passage_index.sync(folder)
    path.write_text("Un dix !", encoding="utf-8")
    os.utime(path, ns=(now, now))
    assert names(passage_index.sync(folder).changed) == ["a.txt"]
    assert held(passage_index)["a.txt"] == "Un dix !"


def test_the_same_bytes_under_two_names_are_one_document(passage_index, folder):
    write(folder / "copy.txt", "Le Mali attend des engrais.")
    passage_index.sync(folder)
    (document,) = [one for one in passage_index.documents() if "Mali" in one.text]
    assert names(document.sources) == ["a.txt", "copy.txt"] and len(passage_index) == 2
    (folder / "a.txt").unlink()
    passage_index.sync(folder)
    (document,) = [one for one in passage_index.documents() if "Mali" in one.text]
    assert names(document.sources) == ["copy.txt"]


def test_a_renamed_file_is_not_embedded_again(passage_index, folder, embedder):
    passage_index.sync(folder)
    (folder / "a.txt").rename(folder / "z.txt")
    before = len(embedder.embedded)
    report = passage_index.sync(folder)
    assert names(report.added) == ["z.txt"] and names(report.removed) == ["a.txt"]
    assert len(embedder.embedded) == before and set(held(passage_index)) == {"b.txt", "z.txt"}


def test_what_came_from_elsewhere_stays(passage_index, folder, tmp_path):
    passage_index.add([make_document("Sans fichier."), make_document("D'ailleurs.", source="/elsewhere/x.txt")])
    write(tmp_path / "news2" / "y.txt", "Le dossier voisin.")
    passage_index.sync(tmp_path / "news2")
    passage_index.sync(folder)
    assert passage_index.count_documents() == 5
    assert set(held(passage_index)) == {"a.txt", "b.txt", "x.txt", "y.txt"}


def test_documents_that_were_added_by_hand_are_kept_in_step_too(passage_index, folder):
    gone = folder / "gone.txt"
    passage_index.add([make_document("Parti.", source=str(gone.resolve()))])
    assert names(passage_index.sync(folder).removed) == ["gone.txt"]


def test_a_removed_document_comes_back_with_the_next_sync(passage_index, folder):
    passage_index.sync(folder)
    assert names(passage_index.remove("b.txt")) == ["b.txt"]
    assert set(held(passage_index)) == {"a.txt"}
    assert names(passage_index.sync(folder).added) == ["b.txt"]


def test_a_bad_file_is_named_every_time_and_stops_no_other(passage_index, folder):
    (folder / "bad.txt").write_bytes(b"\x00\x01")
    os.utime(folder / "bad.txt", (1, 1))
    for _ in range(2):
        report = passage_index.sync(folder)
        assert [Path(one.path).name for one in report.failed] == ["bad.txt"]
        assert "is not text" in report.failed[0].reason
        assert set(held(passage_index)) == {"a.txt", "b.txt"}
    write(folder / "bad.txt", "Guéri.")
    assert not passage_index.sync(folder).failed and "bad.txt" in held(passage_index)


def test_a_file_that_turns_bad_takes_its_text_along(passage_index, folder):
    passage_index.sync(folder)
    write(folder / "a.txt", "  ")
    report = passage_index.sync(folder)
    assert "is empty" in report.failed[0].reason and not report.failed[0].is_kept
    assert set(held(passage_index)) == {"b.txt"}


def test_a_file_that_cannot_be_read_now_keeps_its_text(passage_index, folder, monkeypatch):
    passage_index.sync(folder)
    write(folder / "a.txt", "Autre chose.")

    def refuse(path, _):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("index.syncing.read_bytes", refuse)
    report = passage_index.sync(folder)
    assert report.failed[0].is_kept and "Permission denied" in report.failed[0].reason
    assert held(passage_index)["a.txt"] == "Le Mali attend des engrais."


def test_a_folder_that_is_suddenly_empty_removes_nothing(passage_index, folder):
    passage_index.sync(folder)
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(InputError, match="holds no document now, and the index holds 2 files of it"):
        passage_index.sync(folder)
    folder.rmdir()
    with pytest.raises(InputError, match="is no folder"):
        passage_index.sync(folder)
    assert len(passage_index) == 2


def test_an_index_inside_the_folder_is_not_read(tmp_path, folder, embedder):
    passage_index = PassageIndex.open_or_create(folder / "index", embedder=embedder)
    write(folder / "index" / "note.txt", "Pas un document.")
    assert names(passage_index.sync(folder).added) == ["a.txt", "b.txt"]


def test_links_out_of_the_folder_are_followed_only_when_asked(passage_index, folder, tmp_path):
    write(tmp_path / "out" / "secret.txt", "Le secret.")
    (folder / "link").symlink_to(tmp_path / "out")
    assert "secret.txt" not in names(passage_index.sync(folder).added)
    options = ReadingOptions(follow_links=True)
    assert names(passage_index.sync(folder, options=options).added) == ["secret.txt"]
    assert passage_index.sync(folder, options=options).unchanged == 3
    assert names(passage_index.sync(folder).removed) == ["secret.txt"]


def test_rows_come_and_go_one_by_one(passage_index, folder, embedder):
    options = ReadingOptions(columns=Columns(text="texte"))
    write(folder / "t.csv", "texte,pays\nUn un un.,Mali\nDeux deux.,Niger\n")
    passage_index.sync(folder, options=options)
    before = len(embedder.embedded)
    write(folder / "t.csv", "texte,pays\nUn un un.,Mali\nTrois trois.,Niger\n")
    assert names(passage_index.sync(folder, options=options).changed) == ["t.csv"]
    assert {one.text for one in passage_index.documents() if "#" in one.source} == {"Un un un.", "Trois trois."}
    assert len(embedder.embedded) == before + 1
    assert names(passage_index.sync(folder).removed) == ["t.csv"], "without columns a table is no document"


def test_other_settings_read_the_files_again(passage_index, folder):
    passage_index.sync(folder)
    report = passage_index.sync(folder, options=ReadingOptions(limits=Limits(characters=25)))
    assert names(report.changed) == ["b.txt"] and len(report.failed) == 1


def test_too_large_a_file_is_refused_unread(passage_index, folder):
    with (folder / "huge.txt").open("wb") as file:
        file.truncate(10**9)
    report = passage_index.sync(folder)
    assert "1,000,000,000 bytes" in report.failed[0].reason and len(report.added) == 2


def test_a_dry_run_changes_nothing(passage_index, folder):
    report = passage_index.sync(folder, dry_run=True)
    assert names(report.added) == ["a.txt", "b.txt"] and len(passage_index) == 0


def test_one_bad_letter_among_hundreds(passage_index, folder, tmp_path):
    for number in range(300):
        write(folder / f"{number:03}.txt", f"La lettre numéro {number}.")
    (folder / "150.txt").write_bytes(b"\x00")
    report = passage_index.sync(folder)
    assert len(report.added) == 301 and len(report.failed) == 1
    assert check(tmp_path / "index").is_sound


def test_files_named_one_by_one_remove_nothing(passage_index, folder):
    passage_index.sync(folder)
    (folder / "b.txt").unlink()
    report = passage_index.add_files([folder / "a.txt", folder])
    assert (report.unchanged, report.removed) == (1, ()) and len(passage_index) == 2
