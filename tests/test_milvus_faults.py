"""A shared store when something goes wrong: a clear error or the whole answer, never a part of one."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from index import (
    IndexAccessError,
    IndexBusyError,
    IndexMismatchError,
    IndexNotFoundError,
    InputError,
    PassageIndex,
    check,
    durable,
    make_document,
)
from index.milvus import connection as connections
from index.milvus.address import Address
from index.milvus.connection import Connection
from index.milvus.lease import leased
from index.milvus.schema import state_row
from index.milvus.store import _founded
from index.passage_store import open_store
from qa import Retriever
from tests.fakes import FakeEmbedder
from tests.test_stores import found, texts_of

server = pytest.mark.server
QUESTION = "Où sont les engrais ?"


def documents_of(version, count=6):
    return [
        make_document(f"Le marché {i} en est à la version {version}.", source=f"/d/{i}.txt", language="fr")
        for i in range(count)
    ]


@pytest.fixture
def lite(lite_file, request):
    return f"milvus://{lite_file}/f{abs(hash(request.node.name)) % 10**9}"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(connections, "_READ_S", 4.0)
    monkeypatch.setattr(connections, "_WRITE_S", 2.0)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("milvus://localhost/", "'' is no name of a collection"),
        ("milvus://localhost/2022", "'2022' is no name of a collection"),
        ("milvus://localhost:x/news", "is no address of a store"),
        ("milvus:news", "is no address of a store"),
        ("milvus://localhost/a/news", "is no address of a store"),
        ("milvus://localhost/news?tls=2", "is no address of a store"),
    ],
)
def test_an_address_that_is_none_is_told(address, reason):
    with pytest.raises(InputError, match=reason):
        Address.parse(address)


def test_a_password_is_never_shown():
    address = Address.parse("milvus://me:s%20cret@[::1]/news?tls=1")
    assert address.uri == "https://[::1]:19530" and address.token == "me:s cret"
    assert "cret" not in repr(address) + address.name


def test_no_server_is_told_soon(impatient):
    began = time.monotonic()
    with pytest.raises(IndexAccessError, match=r"milvus://127\.0\.0\.1:9/news cannot be used now .*: what it held is"):
        PassageIndex.open("milvus://127.0.0.1:9/news")
    assert time.monotonic() - began < 30


def test_an_empty_place_is_told(lite):
    with pytest.raises(IndexNotFoundError, match="holds no sourcier index; make one with: sourcier index PATH --store"):
        PassageIndex.open(lite)


def test_another_model_is_refused(lite, documents, embedder):
    PassageIndex.build(lite, documents, embedder=embedder)
    other = FakeEmbedder()
    other.fingerprint = "fake-2"
    for attempt in (PassageIndex.open, PassageIndex.open_or_create, lambda *a, **k: PassageIndex.build(*a, [], **k)):
        with pytest.raises(IndexMismatchError, match="built with the embedding model fake-1, expected fake-2"):
            attempt(lite, embedder=other)
    assert PassageIndex.open(lite, embedder=embedder).count_documents() == 3


def test_a_collection_of_something_else_is_left_alone(lite, documents, embedder):
    from pymilvus import MilvusClient

    address = Address.parse(lite)
    client = MilvusClient(uri=address.uri)
    client.create_collection(address.collection, dimension=4)
    client.insert(address.collection, [{"id": 1, "vector": [1.0, 0, 0, 0]}])
    for attempt in (PassageIndex.open, PassageIndex.open_or_create):
        with pytest.raises(IndexMismatchError, match=r"is a collection of something else \(.* has the fields id, vec"):
            attempt(lite, embedder=embedder)
    with pytest.raises(IndexMismatchError, match="is a collection of something else"):
        PassageIndex.build(lite, documents, embedder=embedder)
    assert client.query(address.collection, filter="id == 1", output_fields=["id"])


def test_another_format_is_refused(lite, documents, embedder, monkeypatch):
    PassageIndex.build(lite, documents, embedder=embedder)
    monkeypatch.setattr("index.milvus.store.FORMATS", (3,))
    with pytest.raises(IndexMismatchError, match="has store format 2, expected"):
        PassageIndex.open(lite)


def test_a_store_of_the_first_format_goes_on_without_titles(lite, embedder, monkeypatch):
    """Else the counts of its terms would be wrong once something goes that was counted without."""
    monkeypatch.setattr("index.milvus.store._founded", lambda one: replace(_founded(one), format=1))
    documents = [make_document(f"Le riz coûte {i} francs.", title="Marché de Gao") for i in range(3)]
    PassageIndex.build(lite, documents[:2], embedder=embedder)
    monkeypatch.undo()
    passage_index = PassageIndex.open(lite, embedder=embedder)
    passage_index.add(documents[2:])
    passage_index.remove(documents[0].id)
    assert passage_index.generation().found_in(["riz", "gao"]) == {"riz": 2}
    assert check(lite).is_sound


@pytest.mark.parametrize("step", ["begun", "read", "vectors", "embedded", "stored", "written", "current", "purged"])
def test_a_change_that_dies_leaves_before_or_after(lite, step, tmp_path, monkeypatch):
    """Invariant 5, at each step of a change that adds, replaces and removes."""

    class DiedError(BaseException):
        pass

    embedder = FakeEmbedder()
    passage_index = PassageIndex.build(lite, documents_of(1), embedder=embedder)
    before = texts_of(passage_index)
    after = {one.id: one.text for one in documents_of(2, 5)}
    with monkeypatch.context() as dying:

        def die(name):
            if name == step:
                raise DiedError

        dying.setattr(durable, "step", die)
        with pytest.raises(DiedError):
            PassageIndex.build(lite, documents_of(2, 5), embedder=embedder)
    opened = PassageIndex.open(lite, embedder=embedder)
    is_after = step in ("current", "purged")
    assert texts_of(opened) == (after if is_after else before)
    assert {match.document.id: match.document.text for match in found(opened, "marché version")} == texts_of(opened)
    assert check(lite).is_sound
    embedded = len(embedder.embedded)
    PassageIndex.build(lite, documents_of(2, 5), embedder=embedder)
    again = PassageIndex.open(lite, embedder=embedder)
    assert texts_of(again) == after and len(found(again, "marché version")) == 5
    if step in ("stored", "written"):
        assert len(embedder.embedded) == embedded, "what the change that died had embedded is used"
    assert check(lite, repair=True).is_sound
    plain = PassageIndex.build(tmp_path / "plain", documents_of(2, 5), embedder=embedder)
    asked = "marché 3 version 2", "fr"
    assert again.generation().question_terms(*asked) == pytest.approx(plain.generation().question_terms(*asked))


def interrupt():
    raise KeyboardInterrupt


def test_what_a_dead_change_has_left_can_be_cleaned(lite, documents, embedder, monkeypatch):
    PassageIndex.build(lite, documents, embedder=embedder)
    with monkeypatch.context() as dying:
        dying.setattr(
            durable, "step", lambda name: (_ for _ in ()).throw(KeyboardInterrupt) if name == "written" else 0
        )
        with pytest.raises(KeyboardInterrupt):
            PassageIndex.open(lite, embedder=embedder).add(documents_of(1))
    store = open_store(lite)
    connection, names = store._connection, store._collections
    assert connection.count(names.passages, "number >= 0") == 9
    report = check(lite, repair=True)
    assert report.is_sound and report.mended and report.documents == 3
    assert connection.count(names.passages, "number >= 0") == 3
    assert not check(lite, repair=True).mended


def test_a_server_that_refuses_in_the_middle_changes_nothing(lite, documents, embedder, monkeypatch):
    from pymilvus.exceptions import MilvusException

    passage_index = PassageIndex.build(lite, documents, embedder=embedder)
    connection = Connection.open(Address.parse(lite))
    insert, inserted = connection._client.insert, []

    def full(*arguments, **options):
        inserted.append(1)
        if len(inserted) > 3:
            raise MilvusException(9, "quota exceeded[reason=disk quota exceeded, please allocate more resources]")
        return insert(*arguments, **options)

    with monkeypatch.context() as filling:
        filling.setattr(connection._client, "insert", full)
        with pytest.raises(IndexAccessError, match=r"disk quota exceeded.*: what it held is unchanged; see .* room"):
            passage_index.add(documents_of(1))
    assert passage_index.count_documents() == len(found(passage_index)) == 3
    passage_index.add(documents_of(1))
    assert passage_index.count_documents() == len(passage_index) == 9 and check(lite).is_sound


def test_a_change_that_counts_is_no_failure_when_what_it_replaced_stays(lite, documents, embedder, monkeypatch):
    from pymilvus.exceptions import MilvusException

    passage_index = PassageIndex.build(lite, documents_of(0), embedder=embedder)
    connection = Connection.open(Address.parse(lite))

    def full(*arguments, **options):
        raise MilvusException(9, "quota exceeded[reason=disk quota exceeded, please allocate more resources]")

    with monkeypatch.context() as filling:
        filling.setattr("index.milvus.lease.LASTS_S", 5.0)
        filling.setattr(connection._client, "delete", full)
        passage_index.add(documents_of(1))
        # Its lease could not be taken back either.
        time.sleep(5.0)
        assert {one.text for one in passage_index.documents()} == {one.text for one in documents_of(1)}
    passage_index.add(documents)
    assert passage_index.count_documents() == len(found(passage_index)) == 9 and check(lite).is_sound


def test_the_server_is_told_to_index_when_much_has_come(lite, documents, embedder, monkeypatch):
    monkeypatch.setattr("index.milvus.store._UNSEALED", 6)
    passage_index = PassageIndex.build(lite, documents, embedder=embedder)
    told, connection = [], Connection.open(Address.parse(lite))
    flush = connection._client.flush
    monkeypatch.setattr(
        connection._client, "flush", lambda name, **options: told.append(name) or flush(name, **options)
    )
    passage_index.add(documents_of(1, count=3))
    assert not told and passage_index.generation().state.unsealed == 6
    passage_index.add([make_document("Un de plus.")])
    name = lite.rpartition("/")[2]
    assert told == [name, f"{name}_catalogue"] and passage_index.generation().state.unsealed == 0

    def refuse(connection, collection):
        raise IndexAccessError("request is rejected by the rate limiter")

    monkeypatch.setattr(Connection, "seal", refuse)
    passage_index.add(documents_of(2, count=7))
    assert passage_index.generation().state.unsealed == 7, "it counts all the same, and the next change tells again"
    assert passage_index.count_documents() == len(found(passage_index)) == 11 and check(lite).is_sound


def test_a_store_that_was_made_anew_shows_nothing_of_the_one_before(lite, embedder):
    def made(text):
        return PassageIndex.build(lite, [make_document(f"{text} de Gao.", source="/d/1.txt")], embedder=embedder)

    before = made("Le riz")
    assert [match.passage.text for match in found(before)] == ["Le riz de Gao."]
    client = Connection.open(Address.parse(lite))._client
    name = lite.rpartition("/")[2]
    for collection in (name, f"{name}_catalogue", f"{name}_state"):
        client.drop_collection(collection)
    made("Le mil")
    # Numbers begin anew, so the same ones are of other passages.
    assert [match.passage.text for match in found(before)] == ["Le mil de Gao."]


def test_rows_that_the_server_lost_do_not_count(lite, documents, embedder, monkeypatch):
    passage_index = PassageIndex.build(lite, documents, embedder=embedder)
    connection = Connection.open(Address.parse(lite))
    insert = connection._client.insert
    with monkeypatch.context() as losing:
        losing.setattr(connection._client, "insert", lambda name, rows, **options: insert(name, rows[:1], **options))
        with pytest.raises(IndexAccessError, match=r"has taken in \d+ of \d+ rows: what it held is unchanged"):
            passage_index.add(documents_of(1))
    assert passage_index.count_documents() == 3 and check(lite).is_sound


def test_one_writes_at_a_time(lite, documents, embedder, monkeypatch):
    passage_index = PassageIndex.build(lite, documents, embedder=embedder)
    monkeypatch.setattr("index.milvus.store._PATIENCE_S", 0.2)
    store = open_store(lite)
    with leased(store._connection, store._collections.state, patience=0):
        with pytest.raises(IndexBusyError, match=f"is being written by process {os.getpid()} on .*; wait for"):
            passage_index.add(documents_of(1))
        assert found(passage_index), "readers are not kept out"
    passage_index.add(documents_of(1))
    assert passage_index.count_documents() == 9


def test_of_many_that_want_to_write_one_does(lite, documents, embedder):
    PassageIndex.build(lite, documents, embedder=embedder)
    store = open_store(lite)
    inside, seen, lock = [], [], threading.Lock()

    def write():
        with leased(store._connection, store._collections.state, patience=60):
            with lock:
                inside.append(1)
                seen.append(len(inside))
            time.sleep(0.02)
            with lock:
                inside.pop()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert seen == [1, 1, 1, 1]


def test_a_lease_that_ran_out_is_no_lease(lite, documents, embedder, monkeypatch):
    PassageIndex.build(lite, documents, embedder=embedder)
    store = open_store(lite)
    monkeypatch.setattr("index.milvus.lease.LASTS_S", 0.3)
    monkeypatch.setattr("index.milvus.lease._RENEWED_S", 60.0)
    writer = PassageIndex.open(lite, embedder=embedder)
    with pytest.raises(IndexBusyError, match="another may be writing by now"), store.writing(embedder) as change:
        change.put(make_document("Trop tard."))
        time.sleep(0.5)
    assert writer.count_documents() == 3


def test_a_writer_of_another_machine_is_believed_until_its_lease_ends(lite, documents, embedder, monkeypatch):
    passage_index = PassageIndex.build(lite, documents, embedder=embedder)
    monkeypatch.setattr("index.milvus.store._PATIENCE_S", 0.0)
    store = open_store(lite)
    # No process has this number here, which says nothing of there.
    claim = {"token": "other", "until": time.time() + 3, "writer": "process 7 on far", "pid": 2**22 + 1, "host": "far"}
    store._connection.insert(store._collections.state, [state_row("lease.other.1", claim)])
    with pytest.raises(IndexBusyError, match="being written by process 7 on far"):
        passage_index.add(documents_of(1))
    time.sleep(max(0.0, claim["until"] - time.time()))
    passage_index.add(documents_of(1))
    assert passage_index.count_documents() == 9


def test_nothing_stays_of_what_is_removed(lite, embedder):
    secret, kept = (make_document(f"Le {word} de Gao.", source=f"/d/{word}.txt") for word in ("secret", "riz"))
    passage_index = PassageIndex.build(lite, [secret, kept], embedder=embedder)
    passage_index.remove(secret.id)
    store = open_store(lite)
    connection, names = store._connection, store._collections
    left = [row["value"] for row in connection.iterate(names.catalogue, 'key != ""', ["value"])]
    assert any("riz" in value for value in left) and connection.count(names.passages, "number >= 0") == 1
    assert not [value for value in left if "secret" in value]


def test_a_reader_sees_one_version(lite, monkeypatch):
    """While all documents change again and again, every answer is of one version, and complete."""
    monkeypatch.setattr("index.milvus.store._GRACE_S", 0.3)
    embedder = FakeEmbedder()
    PassageIndex.build(lite, documents_of(0), embedder=embedder)
    ended, problems, asked = threading.Event(), [], []

    def read():
        reader = Retriever(PassageIndex.open(lite, embedder=FakeEmbedder()))
        while not ended.is_set():
            hits = reader.retrieve("marché version", top_k=6)
            # What is much alike is one hit with its copies.
            texts = [one.passage.text for hit in hits for one in (hit, *hit.copies)]
            asked.append(len(texts))
            if len(texts) != 6 or len({text.split("version ")[1] for text in texts}) != 1:
                problems.append(texts)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    writer = PassageIndex.open(lite, embedder=embedder)
    for version in range(1, 6):
        writer.add(documents_of(version))
    ended.set()
    for reader in readers:
        reader.join()
    assert not problems and len(asked) > 10


def test_a_question_whose_moment_has_passed_is_asked_again(lite):
    passage_index = PassageIndex.build(lite, documents_of(0), embedder=FakeEmbedder())
    moments = []

    def ask(generation):
        moments.append(generation.name)
        if len(moments) == 1:
            PassageIndex.open(lite, embedder=FakeEmbedder()).add(documents_of(1))
        return generation.name

    assert passage_index.consult(ask) == moments[1] != moments[0] and len(moments) == 2


@server
def test_a_server_that_goes_in_the_middle_of_a_question(wire, documents, impatient):
    place = f"milvus://127.0.0.1:{wire.port}/gone"
    embedder = FakeEmbedder()
    passage_index = PassageIndex.build(place, documents, embedder=embedder)
    retriever = Retriever(passage_index)
    expected = [hit.document.id for hit in retriever.retrieve(QUESTION)]
    ask = embedder.embed_question

    def cut(question):
        wire.cut()
        return ask(question)

    embedder.embed_question = cut
    began = time.monotonic()
    with pytest.raises(IndexAccessError, match="cannot be used now"):
        retriever.retrieve(QUESTION)
    with pytest.raises(IndexAccessError, match="cannot be used now"):
        passage_index.add(documents_of(1))
    # Long enough away that a client which waits longer after each failure would still wait now.
    while time.monotonic() - began < 17:
        with pytest.raises(IndexAccessError, match="cannot be used now"):
            retriever.retrieve(QUESTION)
    assert time.monotonic() - began < 60
    wire.mend()
    embedder.embed_question = ask
    assert [hit.document.id for hit in retriever.retrieve(QUESTION)] == expected
    assert check(place).is_sound


@server
def test_a_slow_server_is_waited_for_within_a_bound(wire, documents, impatient):
    place = f"milvus://127.0.0.1:{wire.port}/slow"
    passage_index = PassageIndex.build(place, documents, embedder=FakeEmbedder())
    retriever = Retriever(passage_index)
    expected = [hit.document.id for hit in retriever.retrieve(QUESTION)]
    wire.delay_s = 0.2
    assert [hit.document.id for hit in retriever.retrieve(QUESTION)] == expected
    wire.delay_s = 5.0
    began = time.monotonic()
    with pytest.raises(IndexAccessError, match="cannot be used now"):
        retriever.retrieve(QUESTION)
    assert time.monotonic() - began < 40
    wire.delay_s = 0.0


WRITER = """
import sys, time
from index import PassageIndex
from tests.fakes import FakeEmbedder
from tests.test_milvus_faults import documents_of

class Slow(FakeEmbedder):
    def embed_passages(self, texts):
        print("embedding", flush=True)
        time.sleep(float(sys.argv[2]))
        return super().embed_passages(texts)

PassageIndex.build(sys.argv[1], documents_of(2), embedder=Slow())
print("done", flush=True)
"""


@server
def test_a_writer_that_is_killed_leaves_what_was(milvus_port):
    place = f"milvus://127.0.0.1:{milvus_port}/killed"
    before = PassageIndex.build(place, documents_of(1), embedder=FakeEmbedder())
    with subprocess.Popen([sys.executable, "-c", WRITER, place, "60"], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "embedding\n"
        writer.send_signal(signal.SIGKILL)
    assert texts_of(before) == {one.id: one.text for one in documents_of(1)}
    subprocess.run([sys.executable, "-c", WRITER, place, "0"], check=True, timeout=60)
    assert texts_of(before) == {one.id: one.text for one in documents_of(2)}
    assert len(found(before, "marché version")) == 6 and check(place).is_sound


@server
def test_a_full_server_changes_nothing_and_answers(apart, tmp_path_factory, embedder, monkeypatch):
    from tests.milvus_server import MilvusServer, Wire

    # It counts what it has indexed, every three seconds.
    monkeypatch.setattr("index.milvus.store._UNSEALED", 0)
    own = MilvusServer(tmp_path_factory.mktemp("full"), disk_mb=2)
    own.start()
    wire = Wire(own.socket)
    try:
        place = f"milvus://127.0.0.1:{wire.port}/full"
        passage_index = PassageIndex.build(place, documents_of(1), embedder=embedder)
        draw = random.Random(1)
        deadline = time.monotonic() + 120
        there = 6
        with pytest.raises(IndexAccessError, match=r"quota exceeded.*: what it held is unchanged; see .* room"):
            while time.monotonic() < deadline:
                text = " ".join(f"Le marché {draw.getrandbits(64)}." for _ in range(2_000))
                passage_index.add([make_document(text, source=f"/d/long-{there}.txt", language="fr")])
                there += 1
        assert there > 6 and passage_index.count_documents() == there
        assert len(found(passage_index, "marché version", top_k=5)) == 5 and check(place).is_sound
    finally:
        wire.close()
        own.stop()


@server
def test_a_server_that_is_killed_has_all_when_it_is_back(tmp_path_factory):
    from tests.milvus_server import MilvusServer, Wire

    own = MilvusServer(tmp_path_factory.mktemp("own"))
    own.start()
    wire = Wire(own.socket)
    try:
        place = f"milvus://127.0.0.1:{wire.port}/kept"
        passage_index = PassageIndex.build(place, documents_of(1), embedder=FakeEmbedder())
        own.stop()
        own.start()
        # It takes its collections up again one by one, and says so meanwhile.
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(IndexAccessError):
                passage_index.count_documents()
                break
        assert texts_of(passage_index) == {one.id: one.text for one in documents_of(1)}
        assert len(found(passage_index, "marché version")) == 6
        passage_index.add(documents_of(2))
        assert check(place).is_sound and passage_index.count_documents() == 6
    finally:
        wire.close()
        own.stop()
