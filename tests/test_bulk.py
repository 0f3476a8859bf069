"""Embedding apart from indexing: what shards hold, on one machine and on several, and how they fill a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import IndexMismatchError, InputError, PassageIndex, ReadingOptions, check, embed_files, load_documents
from index.bulk import embedding
from index.bulk.shards import read_shard
from index.formats.options import Columns
from index.snapshot import find_matches
from tests.fakes import FakeEmbedder
from tests.test_stores import found
from ui.demo import seeds_folder

SMALL = 300
# A file or two of the demo corpus.
OF_SEEDS = 5000


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(12):
        (folder / f"{i:02}.txt").write_text(f"Le texte {i} parle du riz. « Vrai\u202f? » 👩‍🌾 Oui.", encoding="utf-8")
    (folder / "copie.txt").write_bytes((folder / "03.txt").read_bytes())
    return folder


def rows(folder):
    return [one for path in sorted(Path(folder).glob("*.parquet")) for one in read_shard(path)]


def assert_same_rows(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (one.document, one.file, one.passages) == (other.document, other.file, other.passages)
        np.testing.assert_array_equal(one.vectors, other.vectors)


def test_shards_hold_documents_passages_and_vectors(files, tmp_path, embedder):
    report = embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    assert (report.documents, report.passages, report.failed) == (13, 13, ()) and report.shards > 2
    held = rows(tmp_path / "v")
    assert [one.document for one in held] == list(load_documents(files))
    for one in held:
        expected = embedder.embed_passages([passage.text for passage in one.passages]).astype(np.float16)
        np.testing.assert_array_equal(one.vectors, expected)


def test_a_large_table_is_dealt_out(tmp_path, embedder):
    table = tmp_path / "t.csv"
    table.write_text("texte\n" + "".join(f"Le riz numéro {i}.\n" for i in range(40)), encoding="utf-8")
    options = ReadingOptions(columns=Columns(text="texte"))
    report = embed_files(table, tmp_path / "v", embedder=embedder, options=options, shard_bytes=SMALL)
    assert report.shards > 1 and report.documents == 40
    assert {one.document for one in rows(tmp_path / "v")} == set(load_documents(table, options=options))


def test_embedding_goes_on_where_it_stopped(files, tmp_path, embedder, monkeypatch):
    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL, on_progress=stop)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "v").glob("*.parquet")}
    assert len(written) == 2
    with pytest.raises(InputError, match=r"holds 2 of \d+ shards"):
        PassageIndex.open_or_create(tmp_path / "i", embedder=embedder).load(tmp_path / "v")
    embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in written.items())
    embed_files(files, tmp_path / "whole", embedder=embedder, shard_bytes=SMALL)
    assert_same_rows(rows(tmp_path / "v"), rows(tmp_path / "whole"))
    count = len(embedder.embedded)
    embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    assert len(embedder.embedded) == count


def test_what_is_bad_is_told(files, tmp_path, embedder):
    (files / "vide.txt").write_text("")
    report = embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    assert report.documents == 13 and [Path(path).name for path, _ in report.failed] == ["vide.txt"]
    with pytest.raises(InputError, match="other files, or of files that have changed"):
        (files / "00.txt").write_text("Changé.", encoding="utf-8")
        embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    other = FakeEmbedder()
    other.fingerprint = "fake-2"
    with pytest.raises(IndexMismatchError, match="fake-1, expected fake-2"):
        embed_files(files, tmp_path / "v", embedder=other)
    with pytest.raises(IndexMismatchError, match="fake-1, expected fake-2"):
        PassageIndex.open_or_create(tmp_path / "i", embedder=other).load(tmp_path / "v")
    with pytest.raises(InputError, match=r"holds no shards of vectors: expected plan\.json"):
        PassageIndex.open_or_create(tmp_path / "i2", embedder=embedder).load(files)
    with pytest.raises(InputError, match="a folder of other files"):
        embed_files(files, files, embedder=embedder)
    shard = next((tmp_path / "v").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-40])
    with pytest.raises(InputError, match="is no whole shard of vectors"):
        PassageIndex.open_or_create(tmp_path / "i3", embedder=embedder).load(tmp_path / "v")


def test_a_load_is_what_indexing_makes_and_embeds_nothing(files, tmp_path, new_place, embedder):
    embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    place, silent = new_place(), FakeEmbedder()
    loaded = PassageIndex.open_or_create(place, embedder=silent)
    assert loaded.load(tmp_path / "v") == 13 and not silent.embedded
    indexed = PassageIndex.build(tmp_path / "indexed", load_documents(files), embedder=embedder)
    assert list(loaded.documents()) == list(indexed.documents())
    assert [one.document for one in found(loaded)] == [one.document for one in found(indexed)]
    name = loaded.generation().name
    loaded.load(tmp_path / "v")
    assert loaded.generation().name == name and loaded.count_documents() == 12, "nothing is doubled"
    assert loaded.remove(str(files / "03.txt")) == [str(files / "03.txt")]
    assert check(place).is_sound


def test_a_load_that_is_cut_off_goes_on(files, tmp_path, new_place, embedder, monkeypatch):
    embed_files(files, tmp_path / "v", embedder=embedder, shard_bytes=SMALL)
    monkeypatch.setattr("index.bulk.loading._AT_ONCE", 4)
    loaded = PassageIndex.open_or_create(new_place(), embedder=embedder)

    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loaded.load(tmp_path / "v", on_progress=stop)
    before = loaded.count_documents()
    assert 0 < before < 12
    loaded.load(tmp_path / "v")
    assert loaded.count_documents() == 12 and len(loaded) == 12
    assert len(find_matches(loaded.generation(), "riz", embedder, top_k=50, pool=50)) == 12


def test_a_shard_is_whole_or_not_there(files, tmp_path, embedder, monkeypatch):
    monkeypatch.setattr("index.durable.flush", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        embedding.write_shard(tmp_path / "part-00000.parquet", [], [], fingerprint="f", dimension=3)
    assert not list(tmp_path.glob("*part*"))


@pytest.mark.slow
def test_three_machines_of_which_one_is_lost(apart, tmp_path):
    """Ray on three local nodes: the rows are those of one process, whatever becomes of a node."""
    program = [sys.executable, "-m", "tests.ray_nodes", str(seeds_folder()), str(tmp_path / "ray"), str(OF_SEEDS)]
    with (tmp_path / "said").open("w") as said:
        run = subprocess.run([*apart, *program], stdout=said, stderr=said, timeout=300, check=False)
    assert run.returncode == 0, (tmp_path / "said").read_text()[-3000:]
    assert "a node was removed" in (tmp_path / "said").read_text()
    embed_files(seeds_folder(), tmp_path / "alone", shard_bytes=OF_SEEDS)
    assert_same_rows(rows(tmp_path / "ray"), rows(tmp_path / "alone"))
    assert not [path for path in (tmp_path / "ray").iterdir() if path.name.startswith(".")]
