"""The chat that answers for the shell, through a socket in its index folder."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from contextlib import asynccontextmanager

import pytest

from index import Filters, InputError, PassageIndex
from index.environment import PRECISION
from qa import Answerer, Retriever
from tests.browsing import running
from tests.fakes import FakeEmbedder, FakeReader
from tests.loops import run
from ui.backend import IndexBackend
from ui.desk import Desk
from ui.render.plain import printed_answer, printed_hits
from ui.resident import Reply, answering_shell, ask_chat

QUESTION = "Qui attend des engrais ?"


@pytest.fixture
def backend(passage_index):
    return IndexBackend(passage_index, FakeReader())


def while_answering(desk, folder, *scenes):
    """Return what the scenes return, each called in a thread while the desk answers for the shell."""

    async def all_of_them():
        async with answering_shell(desk, folder):
            return [await asyncio.to_thread(scene) for scene in scenes]

    return run(all_of_them())


def test_it_replies_what_the_command_would_print(passage_index, backend):
    folder = passage_index.folder
    answer, text, hits, filtered = while_answering(
        Desk(backend),
        folder,
        lambda: ask_chat(folder, QUESTION, as_json=True),
        lambda: ask_chat(folder, QUESTION),
        lambda: ask_chat(folder, "engrais", top_k=2),
        lambda: ask_chat(folder, "engrais", top_k=2, filters=Filters(after="2040"), as_json=False),
    )
    here = Answerer(passage_index, reader=FakeReader()).ask(QUESTION)
    replied, own = json.loads(answer.printed), json.loads(printed_answer(here, as_json=True))
    assert replied.pop("timings_ms").keys() == own.pop("timings_ms").keys()
    assert replied == own and answer.coverage == 1.0
    assert text == Reply(printed_answer(here, as_json=False), 1.0)
    found = Retriever(passage_index).retrieve("engrais", top_k=2)
    assert hits.printed == printed_hits("engrais", found, as_json=False, filtered=False)
    assert filtered.printed == "No document passes the filters."


def test_the_real_chat_answers(tmp_path):
    with running(tmp_path, "documents_app.py"):
        folder = tmp_path / "index"
        here = Answerer(PassageIndex.open(folder, embedder=FakeEmbedder()), reader=FakeReader())
        question = "Combien de tonnes d'engrais pour le Mali ?"
        assert ask_chat(folder, question) == Reply(printed_answer(here.ask(question), as_json=False), 1.0)
    assert not (folder / "chat.sock").exists()
    assert ask_chat(folder, question) is None


def test_a_mistake_is_told_as_if_it_were_made_here(passage_index, backend):
    def ask():
        with pytest.raises(InputError, match="the question is empty"):
            ask_chat(passage_index.folder, "?")

    while_answering(Desk(backend), passage_index.folder, ask)


def test_only_its_owner_may_ask(passage_index, backend):
    def look():
        return (passage_index.folder / "chat.sock").stat().st_mode

    (mode,) = while_answering(Desk(backend), passage_index.folder, look)
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_where_no_chat_is_like_this_command_it_does_the_work_itself(passage_index, backend, monkeypatch):
    folder = passage_index.folder
    assert ask_chat(folder, QUESTION) is None

    def of_another_precision():
        # The chat, in this process, sees the variable as well: it is asked as by another process.
        ours = json.dumps({"like": {"version": "0"}, "question": QUESTION, "top_k": None, "filters": None})
        with socket.socket(socket.AF_UNIX) as chat:
            chat.connect(str(folder / "chat.sock"))
            chat.sendall(ours.encode() + b"\n")
            return chat.makefile().readline()

    monkeypatch.setenv(PRECISION, "fp32")
    assert while_answering(Desk(backend), folder, of_another_precision) == ["{}\n"]


def test_a_busy_chat_leaves_it_to_the_command(passage_index, backend):
    desk = Desk(backend, concurrency=1, queue=0)
    desk._inside = 1
    assert while_answering(desk, passage_index.folder, lambda: ask_chat(passage_index.folder, QUESTION)) == [None]


def test_nonsense_ends_only_its_own_connection(passage_index, backend):
    def talk():
        for line in (b"", b"\xff\n", b"[]\n", b"{}\n", b"x" * (2 << 20)):
            with socket.socket(socket.AF_UNIX) as chat:
                chat.settimeout(20)
                chat.connect(str(passage_index.folder / "chat.sock"))
                try:
                    chat.sendall(line)
                    chat.shutdown(socket.SHUT_WR)
                    assert chat.recv(100) in (b"", b"{}\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass
        return ask_chat(passage_index.folder, QUESTION)

    (reply,) = while_answering(Desk(backend), passage_index.folder, talk)
    assert reply.printed


def test_what_a_killed_chat_left_is_replaced_and_a_running_one_left_alone(passage_index, backend):
    path = passage_index.folder / "chat.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    assert path.is_socket() and ask_chat(passage_index.folder, QUESTION) is None

    @asynccontextmanager
    async def two():
        async with answering_shell(Desk(backend), passage_index.folder):
            before = path.stat().st_ino
            async with answering_shell(Desk(backend), passage_index.folder):
                assert path.stat().st_ino == before
            yield

    async def scene():
        async with two():
            return await asyncio.to_thread(ask_chat, passage_index.folder, QUESTION)

    assert run(scene()).printed


def test_where_it_cannot_listen_the_chat_does_without(tmp_path, backend):
    far = tmp_path / ("x" * 200)
    far.mkdir()
    assert while_answering(Desk(backend), far, lambda: ask_chat(far, QUESTION)) == [None]
