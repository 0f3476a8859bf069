"""What may go wrong around an index: damage, full disks, read-only folders, many readers beside a writer."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading

import pytest

from index import (
    IndexAccessError,
    IndexDamagedError,
    PassageIndex,
    SourcierError,
    check,
    durable,
    embedded,
    generation,
    make_document,
    store,
)
from index.generation import CURRENT, current_name
from index.snapshot import find_matches
from index.store import FILE_NAME
from index.words import WordIndex
from tests.fakes import FakeEmbedder

QUESTION = "Le texte du Mali"


def text(number, version=0):
    return f"Le texte numéro {number}, version {version}, parle du Mali et du mot{number % 7}."


def documents(count, version=0):
    return [make_document(text(number, version), source=f"/d/{number}.txt") for number in range(count)]


def answers(passage_index):
    found = find_matches(passage_index.generation(), QUESTION, FakeEmbedder(), top_k=50, pool=50)
    return [(match.passage, round(match.score, 5)) for match in found]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An index that was written whole, then extended, so that it has files of every kind."""
    monkeypatch.setattr(generation, "_SMALL", 0)
    monkeypatch.setattr(generation, "_LARGEST_CHANGE", 0.9)
    passage_index = PassageIndex.build(tmp_path / "index", documents(20), embedder=FakeEmbedder())
    passage_index.add([make_document("Un texte de plus.", source="/d/more.txt")])
    passage_index.remove("/d/3.txt")
    return tmp_path / "index"


def files_of(folder):
    in_use = folder / current_name(folder)
    return [folder / FILE_NAME, folder / CURRENT, *(path for path in in_use.rglob("*") if path.suffix != ".lock")]


def test_a_byte_changed_in_any_file_is_noticed_or_harmless_and_mended(folder, tmp_path):
    expected = answers(PassageIndex.open(folder, embedder=FakeEmbedder()))
    pristine = tmp_path / "pristine"
    shutil.copytree(folder, pristine)
    files = [path.relative_to(folder) for path in files_of(folder) if path.is_file() and path.stat().st_size]
    assert len(files) > 12
    noticed = []
    copies = (tmp_path / f"copy{number}" for number in itertools.count())
    for file in files:
        size = (pristine / file).stat().st_size
        # SQLite fills its pages from the end, so there, at the beginning, and in between.
        pages = range(0, size, 4096) if file.name == FILE_NAME else ()
        for at in sorted({size // 2, size - 1, *(page + i for page in pages for i in (5, 2500, 3800, 4090))}):
            folder = shutil.copytree(pristine, next(copies))
            content = bytearray((folder / file).read_bytes())
            content[at] ^= 0x41
            (folder / file).write_bytes(content)
            try:
                opened = answers(PassageIndex.open(folder, embedder=FakeEmbedder()))
                is_sound = check(folder).is_sound
            except SourcierError as error:
                assert str(error).count("\n") == 0
                is_sound, opened = False, None
            assert not is_sound or opened == expected, f"{file} at {at} gave another answer"
            if not is_sound:
                noticed.append(file)
            if file.name != FILE_NAME:
                assert not is_sound, f"{file} at {at} went unnoticed"
                report = check(folder, repair=True, embedder=FakeEmbedder())
                assert report.is_sound and report.mended, report.problems
                assert answers(PassageIndex.open(folder, embedder=FakeEmbedder()))[:5]
    assert sum(file.name == FILE_NAME for file in noticed) > 5


@pytest.mark.parametrize(
    ("damage", "mended"),
    [
        ("UPDATE vectors SET vector = zeroblob(64) WHERE rowid = 1", True),
        ("DELETE FROM vectors WHERE rowid = 2", True),
        ("UPDATE documents SET text = replace(text, 'Mali', 'Niger') WHERE number = 5", False),
        ("UPDATE documents SET date = '1999' WHERE number = 5", False),
        ("UPDATE passages SET start = start + 1 WHERE number = 5", True),
        ("UPDATE sources SET source = 'x' WHERE document = 5", True),
    ],
)
def test_what_is_wrong_in_the_truth_is_found(folder, damage, mended):
    import sqlite3

    with sqlite3.connect(folder / FILE_NAME) as truth:
        assert truth.execute(damage).rowcount == 1
    truth.close()
    assert len(check(folder).problems) == 1
    report = check(folder, repair=True, embedder=FakeEmbedder())
    assert report.is_sound == mended
    if not mended:
        assert "index its file again" in report.problems[0]
    PassageIndex.open(folder, embedder=FakeEmbedder()).add(documents(20))
    assert check(folder).is_sound
    assert sorted(one.source for one in PassageIndex.open(folder).documents() if one.source) == sorted(
        ["/d/more.txt", *(f"/d/{number}.txt" for number in range(20))]
    )


def test_a_missing_generation_is_made_again(folder):
    expected = [passage for passage, _ in answers(PassageIndex.open(folder, embedder=FakeEmbedder()))]
    shutil.rmtree(folder / current_name(folder))
    with pytest.raises(IndexDamagedError, match="sourcier check --repair"):
        PassageIndex.open(folder, embedder=FakeEmbedder())
    assert not check(folder).is_sound
    assert check(folder, repair=True).is_sound
    assert [passage for passage, _ in answers(PassageIndex.open(folder, embedder=FakeEmbedder()))] == expected


def of_layout(folder, number):
    """Have a folder say that its files are of another layout."""
    manifest = folder / current_name(folder) / "manifest.json"
    found = manifest.read_text(encoding="utf-8")
    assert '"layout": 3' in found
    manifest.write_text(found.replace('"layout": 3', f'"layout": {number}'), encoding="utf-8")


def test_files_of_an_earlier_version_are_made_again_when_they_are_opened(folder, caplog):
    expected = [passage for passage, _ in answers(PassageIndex.open(folder, embedder=FakeEmbedder()))]
    of_layout(folder, 2)
    before = current_name(folder)
    assert not check(folder).is_sound
    opened = PassageIndex.open(folder, embedder=FakeEmbedder())
    assert [passage for passage, _ in answers(opened)] == expected
    assert "written by an earlier version" in caplog.text
    assert current_name(folder) != before
    assert check(folder).is_sound


def test_whoever_is_stopped_making_them_again_leaves_what_was_there(folder, monkeypatch):
    of_layout(folder, 2)
    before = current_name(folder)

    def stop(step):
        if step == "sealed":
            raise KeyboardInterrupt

    monkeypatch.setattr(durable, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        PassageIndex.open(folder, embedder=FakeEmbedder())
    assert current_name(folder) == before
    monkeypatch.undo()
    assert len(PassageIndex.open(folder, embedder=FakeEmbedder())) == 20
    assert check(folder).is_sound


def test_files_of_a_later_version_are_not_read(folder):
    of_layout(folder, 4)
    with pytest.raises(IndexDamagedError, match=r"another version of sourcier.*sourcier check --repair"):
        PassageIndex.open(folder)
    assert check(folder, repair=True, embedder=FakeEmbedder()).is_sound
    assert len(PassageIndex.open(folder))


def small_disk(place):
    """Mount a file system of a few hundred kilobytes, or skip where that is not allowed."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting is not allowed here; a failing writer is tested all the same")
    return place


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path):
    disk = small_disk(tmp_path / "disk")
    try:
        passage_index = PassageIndex.build(disk / "index", documents(5), embedder=FakeEmbedder())
        expected = answers(passage_index)
        with pytest.raises(IndexAccessError, match="what it held is unchanged") as caught:
            for version in range(50):
                passage_index.add(documents(200, version))
                expected = answers(passage_index)
        assert "\n" not in str(caught.value)
        (disk / "index" / "writer.holder").unlink(missing_ok=True)
        del passage_index
        opened = PassageIndex.open(disk / "index", embedder=FakeEmbedder())
        assert answers(opened) == expected
        del opened
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("failing", ["sha256_of_file", "flush", "replace_text"])
def test_a_writer_that_fails_says_so_and_leaves_what_was(folder, monkeypatch, failing):
    passage_index = PassageIndex.open(folder, embedder=FakeEmbedder())
    expected = answers(passage_index)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable, failing, fail)
        with pytest.raises(IndexAccessError, match="No space left on device"):
            passage_index.add(documents(4, version=1))
    assert answers(PassageIndex.open(folder, embedder=FakeEmbedder())) == expected
    passage_index.add(documents(4, version=1))
    assert check(folder).is_sound


def test_a_read_only_folder_can_be_searched_and_not_changed(folder, tmp_path):
    place = tmp_path / "frozen"
    place.mkdir()
    done = subprocess.run(["mount", "--bind", str(folder), str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        passage_index = PassageIndex.open(place, embedder=FakeEmbedder())
        assert answers(passage_index)
        assert check(place).is_sound
        with pytest.raises(IndexAccessError, match="cannot be"):
            passage_index.add(documents(1, version=9))
        with pytest.raises(IndexAccessError):
            PassageIndex.build(place / "new", documents(1), embedder=FakeEmbedder())
        del passage_index
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


READER = """
import sys
from index import PassageIndex
from tests.fakes import FakeEmbedder
from tests.test_index_safety import versions
passage_index = PassageIndex.open(sys.argv[1], embedder=FakeEmbedder())
seen = set()
print("reading", flush=True)
while "last" not in seen:
    seen |= {versions(passage_index)}
    if max(v for v in seen) >= int(sys.argv[2]):
        break
print(len(seen), flush=True)
"""


def versions(passage_index):
    """Return the one version that a search of one generation finds; every sync changes all documents."""
    found = find_matches(passage_index.generation(), QUESTION, FakeEmbedder(), top_k=50, pool=50)
    told = {match.document.text.split("version ")[1].split(",")[0] for match in found}
    assert len(found) == 12 and len(told) == 1, f"{len(found)} passages of versions {told}"
    return int(told.pop())


def test_threads_and_processes_read_while_a_writer_syncs(tmp_path):
    files = tmp_path / "files"
    files.mkdir()

    def write(version):
        for number in range(12):
            (files / f"{number}.txt").write_text(text(number, version), encoding="utf-8")

    write(0)
    passage_index = PassageIndex.open_or_create(tmp_path / "index", embedder=FakeEmbedder())
    passage_index.sync(files)
    last = 8
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path / "index"), str(last)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "reading\n"
    failures, seen, done = [], [set() for _ in range(8)], threading.Event()

    def read(versions_seen):
        while not done.is_set():
            try:
                versions_seen.add(versions(passage_index))
            except BaseException as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=read, args=(one,)) for one in seen]
    for thread in threads:
        thread.start()
    writer = PassageIndex.open(tmp_path / "index", embedder=FakeEmbedder())
    for version in range(1, last + 1):
        write(version)
        writer.sync(files)
    done.set()
    for thread in threads:
        thread.join()
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert not failures
    assert all(process.returncode == 0 for process in processes)
    # Each saw the index change under it, not only its first state or its last.
    assert all(int(one) > 2 for one in printed) and all(len(one) > 2 for one in seen), (printed, seen)


def test_the_log_stays_short_while_readers_hold_what_they_read(tmp_path, monkeypatch):
    """SQLite begins its log anew only when nobody reads from it, and an open generation reads all the time."""
    for module in (embedded, store):
        monkeypatch.setattr(module, "LOG_BYTES", 100_000)
    monkeypatch.setattr(embedded, "_SHORTENED_EVERY_S", 0)
    place = tmp_path / "index"
    writer = PassageIndex.build(place, documents(2), embedder=FakeEmbedder())
    readers = [PassageIndex.open(place, embedder=FakeEmbedder()) for _ in range(2)]
    lengths, held = [], readers[0].generation()
    for number in range(40):
        writer.add([make_document(f"{text(number)} " * 500, source=f"/d/long-{number}.txt")])
        # The one that has written it out reads it from its place, the others when they are asked again.
        for reader in [*readers, *readers]:
            assert reader.count_documents() == number + 3
        lengths.append(store.log_bytes(place))
        if number == 9:
            assert sum(1 for _ in held.documents()) == 2, "what is held stays as it was"
            del held
    # A change writes some 150 kB: held by nobody, the log is that of the last change or two.
    assert max(lengths[20:]) < 600_000 < lengths[9]
    assert len(answers(writer)) == len(answers(readers[0])) > 40 and check(place).is_sound


def test_words_that_do_not_hold_every_passage_are_found(tmp_path, monkeypatch):
    whole = WordIndex.write
    with monkeypatch.context() as patched:
        patched.setattr(WordIndex, "write", lambda folder, entries: whole(folder, list(entries)[:-1]))
        PassageIndex.build(tmp_path / "index", documents(5), embedder=FakeEmbedder())
    assert any("words" in problem for problem in check(tmp_path / "index").problems)
    assert check(tmp_path / "index", repair=True, embedder=FakeEmbedder()).is_sound
