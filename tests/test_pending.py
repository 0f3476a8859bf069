"""Documents that can be asked before they are embedded, and the embedding that follows."""

from __future__ import annotations

import pytest

from index import Filters, PassageIndex, check, durable, make_document, pending
from index.snapshot import find_matches
from tests.fakes import FakeEmbedder

TEXTS = [f" date 2022-10 Le village {n} attend la pluie numéro {n * 7}." for n in range(40)]


class Killed(BaseException):
    pass


@pytest.fixture
def early(tmp_path, embedder):
    documents = [make_document(text, source=f"/d/{number}.txt") for number, text in enumerate(TEXTS)]
    return PassageIndex.build(tmp_path / "early", documents, embedder=embedder, wait=False)


@pytest.fixture
def in_small_steps(monkeypatch):
    monkeypatch.setattr(pending, "_AT_ONCE", 4)
    monkeypatch.setattr(pending, "_FIRST_USED", 8)


def found(passage_index, question, top_k=5, **options):
    matches = find_matches(
        passage_index.generation(), question, passage_index.embedder, top_k=top_k, pool=100, **options
    )
    return [(match.document.text, match.vector_score) for match in matches]


def test_documents_are_found_before_anything_is_embedded(early, embedder):
    assert embedder.embedded == [] and (len(early), early.coverage) == (40, 0.0)
    assert found(early, "pluie numéro 49")[0][0] == TEXTS[7]
    # Only the best by words, and those once.
    assert len(embedder.embedded) == 12
    found(early, "pluie numéro 49")
    assert len(embedder.embedded) == 12
    assert found(early, "Où est Dakar ?") == []


def test_filters_hold_before_anything_is_embedded(early):
    only = Filters(sources=("3.txt",))
    assert [text for text, _ in found(early, "la pluie du village", filters=only)] == [TEXTS[3]]


def test_once_embedded_it_finds_what_an_index_finds_that_waited(early, tmp_path, embedder, in_small_steps):
    told = []
    early.embed_pending(on_progress=lambda done, total: told.append((done, total)))
    assert (early.coverage, told[-1]) == (1.0, (40, 40)) and told == sorted(told)
    waited = PassageIndex.build(tmp_path / "waited", early.documents(), embedder=embedder)
    for question in ("pluie numéro 49", "le village 12", "Où est Dakar ?"):
        assert found(early, question) == found(waited, question)
    assert check(early.folder).is_sound
    embedder.embedded.clear()
    early.embed_pending()
    assert embedder.embedded == []


def test_vectors_come_into_use_in_steps(early, monkeypatch, in_small_steps):
    seen = []
    monkeypatch.setattr(durable, "step", lambda name: seen.append(early.coverage) if name == "pending" else None)
    early.embed_pending()
    assert seen == [0, 0, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.8, 0.8]


@pytest.mark.parametrize("moment", [1, 2, 3, 6])
def test_a_kill_keeps_what_was_embedded(early, embedder, monkeypatch, in_small_steps, moment):
    count = 0

    def step(name):
        nonlocal count
        count += name == "pending"
        if count == moment and name == "pending":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(durable, "step", step)
        with pytest.raises(Killed):
            early.embed_pending()
    again = PassageIndex.open(early.folder, embedder=embedder)
    assert check(early.folder).is_sound and len(again) == 40
    embedder.embedded.clear()
    again.embed_pending()
    assert (len(embedder.embedded), again.coverage) == (40 - 4 * moment, 1.0)


def test_vectors_of_a_killed_process_come_into_use(early, embedder, monkeypatch):
    def step(name):
        if name == "pending":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(durable, "step", step)
        with pytest.raises(Killed):
            early.embed_pending()
    assert early.coverage == 0.0
    early.embed_pending()
    assert early.coverage == 1.0 and len(embedder.embedded) == 40


def test_documents_come_and_go_while_others_are_embedded(early, embedder, monkeypatch, in_small_steps):
    other = PassageIndex.open(early.folder, embedder=FakeEmbedder())
    come = make_document(" date 2023-01 Le fleuve déborde à Mopti.", source="/d/new.txt")
    gone = next(document.id for document in early.documents() if document.text == TEXTS[39])
    changes = [lambda: other.add([come], wait=False), lambda: other.remove([gone])]

    def step(name):
        if name == "pending" and changes:
            changes.pop()()

    monkeypatch.setattr(durable, "step", step)
    early.embed_pending()
    assert (len(early), early.coverage) == (40, 1.0)
    assert check(early.folder).is_sound
    assert found(early, "Où le fleuve déborde-t-il ?", top_k=1)[0][0] == come.text
    assert TEXTS[39] not in [text for text, _ in found(early, "pluie numéro 273", top_k=40)]


def test_a_document_that_comes_early_into_an_embedded_index(tmp_path, documents, embedder, monkeypatch):
    monkeypatch.setattr("index.generation._SMALL", 1)
    monkeypatch.setattr("index.generation._LARGEST_CHANGE", 2.0)
    grown = PassageIndex.build(tmp_path / "grown", documents[:1], embedder=embedder)
    grown.add(documents[1:2], wait=False)
    # Embedded out of order: the passage between stays without a vector.
    grown.add(documents[2:])
    assert grown.coverage == pytest.approx(2 / 3)
    grown.embed_pending()
    whole = PassageIndex.build(tmp_path / "whole", documents, embedder=embedder)
    assert [text for text, _ in found(grown, "Le prix du blé")] == [text for text, _ in found(whole, "Le prix du blé")]
    assert check(grown.folder).is_sound
