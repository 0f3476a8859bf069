from __future__ import annotations

import pytest

from index import PassageIndex, load_documents, make_document
from tests.browsing import chromium, pages_of, running
from tests.fakes import FakeEmbedder
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
