"""The PDF behind a citation: the very file that was indexed, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index import PassageIndex, make_document
from tests.fakes import FakeEmbedder
from tests.printed import printed
from ui import originals


class Backend:
    def __init__(self, passage_index: PassageIndex) -> None:
        self._passage_index = passage_index

    def original(self, document_id: str) -> tuple[str, bytes] | None:
        return originals.read_original(self._passage_index, document_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "rapport d’été.pdf").write_bytes(printed(1).data)
    (tmp_path / "docs" / "note.txt").write_text("Une note.", encoding="utf-8")
    return tmp_path / "docs"


@pytest.fixture
def passage_index(folder: Path) -> PassageIndex:
    passage_index = PassageIndex.open_or_create(folder.parent / "index", embedder=FakeEmbedder())
    passage_index.add_files([folder])
    passage_index.add([make_document("Sans fichier.", source=str(folder.parent / "secret.pdf"))])
    (folder.parent / "secret.pdf").write_bytes(b"%PDF-secret")
    return passage_index


@pytest.fixture
def client(passage_index: PassageIndex) -> TestClient:
    return TestClient(Starlette(routes=[originals.original_route(Backend(passage_index))]))


def ids(passage_index: PassageIndex) -> dict[str, str]:
    return {Path(one.source).name: one.id for one in passage_index.summaries()}


def test_a_pdf_is_served_as_it_was_indexed(client, passage_index, folder):
    response = client.get(f"/original/{ids(passage_index)['rapport d’été.pdf']}")
    assert response.status_code == 200
    assert response.content == (folder / "rapport d’été.pdf").read_bytes()
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"] == "inline; filename*=UTF-8''rapport%20d%E2%80%99%C3%A9t%C3%A9.pdf"
    assert "default-src" not in response.headers["content-security-policy"]


def test_a_file_that_has_changed_is_not(client, passage_index, folder):
    document = ids(passage_index)["rapport d’été.pdf"]
    (folder / "rapport d’été.pdf").write_bytes(printed(2).data)
    assert client.get(f"/original/{document}").status_code == 404
    (folder / "rapport d’été.pdf").unlink()
    assert client.get(f"/original/{document}").status_code == 404


def test_nothing_else_is(client, passage_index, folder):
    names = ids(passage_index)
    somewhere = "../../../../etc/passwd"
    for wanted in (names["note.txt"], names["secret.pdf"], "none", "", somewhere, somewhere.replace("/", "%2F"), "'"):
        response = client.get(f"/original/{wanted}")
        assert response.status_code == 404, wanted
        assert b"root:" not in response.content
    passage_index.remove([names["rapport d’été.pdf"]])
    assert client.get(f"/original/{names['rapport d’été.pdf']}").status_code == 404


def test_a_large_file_is_not(client, passage_index, monkeypatch):
    monkeypatch.setattr(originals, "LARGEST", 100)
    assert client.get(f"/original/{ids(passage_index)['rapport d’été.pdf']}").status_code == 404
