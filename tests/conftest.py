from __future__ import annotations

import itertools
import os

import pytest

from index import PassageIndex, load_documents, make_document
from tests.browsing import chromium, pages_of, running
from tests.fakes import FakeEmbedder
from tests.milvus_server import APART, MilvusServer, Wire, why_not_apart
from ui.demo import seeds_folder


@pytest.fixture
def documents():
    return [
        make_document(
            " date 2022-10 Le Mali attend des engrais. Le port de Dakar les décharge lundi.", source="/d/mali.txt"
        ),
        make_document(" date 2022-11-03 Le prix du blé monte. Le Sénégal achète moins de riz.", source="/d/ble.txt"),
        make_document("# Football\n\nSenegal won the cup in 2022. The keeper saved two penalties.", source="/d/cup.md"),
    ]


@pytest.fixture
def embedder():
    return FakeEmbedder()


@pytest.fixture
def passage_index(tmp_path, documents, embedder):
    return PassageIndex.build(tmp_path / "index", documents, embedder=embedder)


@pytest.fixture(scope="session")
def seeds_index(tmp_path_factory):
    """The demo corpus with the bundled model, as a user has it."""
    return PassageIndex.build(tmp_path_factory.mktemp("seeds") / "index", load_documents(seeds_folder()))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": chromium(), "args": quiet}


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The chat over fixed answers."""
    with running(tmp_path_factory.mktemp("chat")) as app:
        yield app


@pytest.fixture
def visit(browser, app):
    yield from pages_of(browser, app)


_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def lite_file(tmp_path_factory):
    """Where Milvus Lite keeps its collections: one file for all tests, since opening one takes seconds."""
    return tmp_path_factory.mktemp("lite") / "lite.db"


@pytest.fixture(scope="session")
def apart():
    """What runs a command in a network of its own; without it a test is skipped, but never where all must run."""
    why_not = why_not_apart()
    if why_not:
        assert not os.environ.get("CI"), why_not
        pytest.skip(why_not)
    return APART


@pytest.fixture(scope="session")
def milvus_server(apart, tmp_path_factory):
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def wire(milvus_server):
    """A way of its own to the server, that a test may cut."""
    wire = Wire(milvus_server.socket)
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def milvus_port(milvus_server):
    wire = Wire(milvus_server.socket)
    yield wire.port
    wire.close()


@pytest.fixture(params=["embedded", "lite", pytest.param("server", marks=pytest.mark.server)])
def new_place(request, tmp_path):
    """Return places for new indexes, in each kind of store there is."""

    def new():
        number = next(_NUMBERS)
        if request.param == "embedded":
            return tmp_path / f"index-{number}"
        if request.param == "lite":
            return f"milvus://{request.getfixturevalue('lite_file')}/c{number}"
        return f"milvus://127.0.0.1:{request.getfixturevalue('milvus_port')}/c{number}"

    return new


@pytest.fixture(autouse=True)
def no_grace(monkeypatch):
    """Nobody reads what a test has just taken away, unless it says so."""
    monkeypatch.setattr("index.milvus.store._GRACE_S", 0.0)
