from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from index import (
    Document,
    Filters,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    InputError,
    PassageIndex,
    make_document,
    split_passages,
)
from index.generation import CURRENT, current_name
from index.snapshot import find_matches
from index.store import FILE_NAME
from index.writer import alone
from tests.fakes import FakeEmbedder

QUESTION = "Où sont les engrais du Mali ?"


def titles(passage_index, question=QUESTION, top_k=10):
    found = find_matches(passage_index.generation(), question, passage_index.embedder, top_k=top_k, pool=50)
    return [match.document.title for match in found]


def files_of(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith((FILE_NAME, "writer")))


def test_what_goes_in_comes_out(passage_index, documents):
    assert list(passage_index.documents()) == sorted(documents, key=lambda document: document.id)
    assert len(passage_index) == sum(len(split_passages(document)) for document in documents)
    assert titles(passage_index)[0] == "Le Mali attend des engrais."


def test_documents_are_found_by_id(passage_index, documents):
    wanted = documents[1]
    assert list(passage_index.documents([wanted.id, "another", "'"])) == [wanted]
    assert list(passage_index.documents([])) == []


def test_a_list_of_documents_needs_no_text(tmp_path, embedder):
    texts = {"/d/z.txt": "# Zinder\n\nUn 😀 deux.", "/d/e.md": "# Écluses\n\nTrois.", "/d/f.md": "# Fleuves\n\nQuatre."}
    documents = [make_document(text, source=source) for source, text in texts.items()]
    documents.append(replace(documents[0], id="2022", title="été", date="2022-07", language="fr", source=""))
    passage_index = PassageIndex.build(tmp_path / "index", documents, embedder=embedder)
    listed = passage_index.summaries()
    assert [one.title for one in listed] == ["Écluses", "été", "Fleuves", "Zinder"]
    assert {(one.id, one.source, one.date, one.language, one.characters) for one in listed} == {
        (one.id, one.source, one.date, one.language, len(one.text)) for one in documents
    }
    assert [one.id for one in passage_index.summaries(Filters(after="2022"))] == ["2022"]


def test_it_opens_again_in_another_process(passage_index):
    program = (
        "import sys; from index import PassageIndex; from tests.fakes import FakeEmbedder;"
        "print(len(PassageIndex.open(sys.argv[1], embedder=FakeEmbedder())))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(passage_index.folder)], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) == len(passage_index)


def test_the_order_of_documents_does_not_matter(tmp_path, documents, embedder):
    one = PassageIndex.build(tmp_path / "one", documents, embedder=embedder)
    two = PassageIndex.build(tmp_path / "two", reversed(documents), embedder=embedder)
    assert titles(one) == titles(two)


def test_search_is_exact(tmp_path, embedder):
    documents = [make_document(f"Le document {i} parle de {i % 7} et de {i % 11} choses.") for i in range(60)]
    passage_index = PassageIndex.build(tmp_path / "index", documents, embedder=embedder)
    generation = passage_index.generation()
    question = "Quel document parle de 3 choses ?"
    vector = embedder.embed_question(question)
    found = find_matches(generation, question, embedder, top_k=60, pool=60)
    for match in found:
        exact = embedder.embed_passages([match.passage.text]).astype(np.float16).astype(np.float32)[0] @ vector
        assert match.vector_score == pytest.approx(exact, abs=1e-5)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)


def test_add_replaces_by_id_and_by_source(passage_index, documents, embedder):
    before = len(embedder.embedded)
    passage_index.add([documents[0]])
    assert len(embedder.embedded) == before, "unchanged text is not embedded again"
    changed = make_document(" date 2023-01 Le Mali a reçu ses engrais.", source="/d/mali.txt")
    passage_index.add([changed])
    assert passage_index.count_documents() == 3
    assert titles(passage_index)[0] == "Le Mali a reçu ses engrais."
    assert embedder.embedded[before:] == ["Le Mali a reçu ses engrais."]


def test_build_replaces_everything(passage_index, embedder):
    rebuilt = PassageIndex.build(passage_index.folder, [make_document("Seul.")], embedder=embedder)
    assert [document.text for document in rebuilt.documents()] == ["Seul."]
    assert len(passage_index) == 1, "an index that was open follows"
    store = sqlite3.connect(passage_index.folder / FILE_NAME)
    assert store.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_remove(passage_index, documents):
    with pytest.raises(InputError, match="no document has the id or path 'none'"):
        passage_index.remove([documents[0].id, "none"])
    assert passage_index.count_documents() == 3
    passage_index.remove([documents[0].id])
    assert documents[0].title not in titles(passage_index)
    passage_index.remove([document.id for document in documents[1:]])
    assert (len(passage_index), titles(passage_index)) == (0, [])


def test_a_generation_in_use_stays_as_it_was(passage_index, documents):
    held = passage_index.generation()
    passage_index.remove([document.id for document in documents])
    assert find_matches(held, QUESTION, passage_index.embedder, top_k=1, pool=10)[0].document == documents[0]
    assert len(held) == 3 and len(passage_index) == 0


def test_another_process_is_followed_without_opening_again(passage_index, embedder):
    reader = PassageIndex.open(passage_index.folder, embedder=embedder)
    passage_index.add([make_document("Un nouveau texte.")])
    assert reader.count_documents() == 4


def test_threads_may_search_while_one_writes(passage_index, embedder):
    failures = []
    done = threading.Event()

    def search():
        while not done.is_set():
            try:
                assert titles(passage_index)
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(12):
        passage_index.add([make_document(f"Le texte numéro {i} parle du Mali.", source=f"/d/{i % 3}.txt")])
    done.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_build_that_dies_while_embedding_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("index.writer._EMBEDDED_AT_ONCE", 2)
    documents = [make_document(f"Texte {i}.") for i in range(6)]

    class Dying(FakeEmbedder):
        def embed_passages(self, texts):
            if len(self.embedded) >= 4:
                raise KeyboardInterrupt
            return super().embed_passages(texts)

    with pytest.raises(KeyboardInterrupt):
        PassageIndex.build(tmp_path / "index", documents, embedder=Dying())
    with pytest.raises(IndexNotFoundError, match="never finished"):
        PassageIndex.open(tmp_path / "index", embedder=FakeEmbedder())
    second = FakeEmbedder()
    assert len(PassageIndex.build(tmp_path / "index", documents, embedder=second)) == 6
    assert len(second.embedded) == 2


def test_a_creation_that_died_leaves_a_folder_that_can_be_used(tmp_path, embedder):
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(IndexNotFoundError):
        PassageIndex.open(tmp_path, embedder=embedder)
    assert len(PassageIndex.build(tmp_path, [make_document("Un.")], embedder=embedder)) == 1


def test_two_writers_at_once_are_refused_by_name(passage_index):
    with alone(passage_index.folder), pytest.raises(IndexBusyError, match=r"being written by process \d+ on .+ since"):
        passage_index.add([make_document("Un.")])
    passage_index.add([make_document("Un.")])


def test_another_model_is_refused(passage_index):
    other = FakeEmbedder()
    other.fingerprint = "fake-2"
    with pytest.raises(IndexMismatchError, match="built with the embedding model fake-1, expected fake-2"):
        PassageIndex.open(passage_index.folder, embedder=other)
    with pytest.raises(IndexMismatchError):
        PassageIndex.build(passage_index.folder, [make_document("Un.")], embedder=other)
    assert len(passage_index) == 3


def test_another_format_is_refused(passage_index, embedder):
    with sqlite3.connect(passage_index.folder / FILE_NAME) as store:
        store.execute("UPDATE settings SET value = '99' WHERE name = 'format'")
    with pytest.raises(IndexMismatchError, match="format 99, expected 2"):
        PassageIndex.open(passage_index.folder, embedder=embedder)


def test_folders_that_hold_no_index(tmp_path, embedder):
    with pytest.raises(IndexNotFoundError, match="holds no sourcier index"):
        PassageIndex.open(tmp_path, embedder=embedder)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="a folder of other files"):
        PassageIndex.build(tmp_path, [make_document("Un.")], embedder=embedder)
    with pytest.raises(InputError, match="is a file"):
        PassageIndex.build(tmp_path / "letter.txt", [make_document("Un.")], embedder=embedder)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_every_damaged_file_is_noticed_when_it_is_opened(passage_index, embedder):
    pristine = passage_index.folder.with_name("pristine")
    name = current_name(passage_index.folder)
    del passage_index
    folder = pristine.with_name("index")
    shutil.copytree(folder, pristine)
    files = [path.relative_to(folder) for path in (folder / name).rglob("*") if path.is_file()]
    assert len(files) > 5
    for file in files:
        if file.name.startswith(".tantivy"):
            continue
        content = bytearray((folder / file).read_bytes())
        content[len(content) // 2] ^= 0xFF
        (folder / file).write_bytes(content)
        with pytest.raises(IndexDamagedError, match=file.name):
            PassageIndex.open(folder, embedder=embedder)
        shutil.copyfile(pristine / file, folder / file)
    (folder / CURRENT).unlink()
    assert len(PassageIndex.open(folder, embedder=embedder)) == 3, "the truth makes its indexes again"


def test_a_damaged_truth_is_noticed(tmp_path, passage_index, embedder):
    shutil.copytree(passage_index.folder, tmp_path / "copy")
    for leftover in (tmp_path / "copy").glob(f"{FILE_NAME}-*"):
        leftover.unlink()
    (tmp_path / "copy" / FILE_NAME).write_bytes(b"not a database, whatever it says" * 400)
    with pytest.raises(IndexDamagedError, match="cannot be read"):
        PassageIndex.open(tmp_path / "copy", embedder=embedder)


def test_a_changed_letter_in_the_truth_is_never_quoted(passage_index, embedder):
    with sqlite3.connect(passage_index.folder / FILE_NAME) as store:
        store.execute("UPDATE documents SET text = replace(text, 'engrais', 'angrais')")
    opened = PassageIndex.open(passage_index.folder, embedder=embedder)
    with pytest.raises(IndexDamagedError, match=r"the text of document \w+ has changed"):
        titles(opened)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("", "Un."), "empty id"),
        (Document("a", "Un \ud800."), "half a character at 3"),
        (Document("a", "Un \0."), "NUL"),
    ],
)
def test_documents_that_cannot_be_kept_are_refused_before_anything_is_written(tmp_path, embedder, document, message):
    with pytest.raises(InputError, match=message):
        PassageIndex.build(tmp_path / "index", [make_document("Oui."), document], embedder=embedder)
    assert not (tmp_path / "index").exists()


def test_metadata_pages_and_odd_text_survive(tmp_path, embedder):
    text = "Un\u202f!\r\n\r\n😀 e\u0301 «\u00a0deux\u00a0»"
    document = Document("a", text, "T", "s", "2022", "fr", (0, 8), {"clé": "v"})
    (stored,) = PassageIndex.build(tmp_path / "index", [document], embedder=embedder).documents()
    assert stored == document and stored.page_at(9) == 2


def test_progress_is_told(tmp_path, documents, embedder):
    told = []
    PassageIndex.build(tmp_path / "index", documents, embedder=embedder, on_progress=lambda *at: told.append(at))
    assert told[-1] == (3, 3)


def test_old_generations_are_cleared_away(passage_index):
    for i in range(5):
        passage_index.add([make_document(f"Texte {i}.")])
    assert files_of(passage_index.folder) == ["CURRENT", "gen-5", "gen-6"]


def test_equal_matches_are_in_the_order_of_their_ids_whenever_they_came(tmp_path, embedder):
    documents = [make_document(f"Le riz manque à Ségou{'.' * dots}") for dots in range(1, 9)]
    expected = sorted(document.id for document in documents)
    for name, order in (("one", documents), ("other", documents[::-1])):
        built = PassageIndex.build(tmp_path / name, order, embedder=embedder)
        for top_k in (8, 3):
            matches = find_matches(built.generation(), "riz Ségou", embedder, top_k=top_k, pool=50)
            assert [match.document.id for match in matches] == expected[:top_k]
