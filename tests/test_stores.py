"""What every store keeps to, wherever it keeps its passages: a folder, Milvus Lite, or a Milvus server."""

from __future__ import annotations

import json

import numpy as np
import pytest

from index import Filters, InputError, PassageIndex, check, make_document
from index.snapshot import find_matches
from qa import Answerer, Retriever
from tests.fakes import FakeEmbedder, FakeReader

QUESTION = "où est le riz de Gao ?"
ODD = (
    "Ligne une.\r\nLigne deux !\r\n",
    "« Vraiment\u202f? » dit-il\u00a0; « oui\u00a0! » et le riz de Gao.",
    "👩‍🌾 Le riz 🌾 de Gao. Les e\u0301te\u0301s sont chauds.",
    "Le riz " + "de Gao " * 4000,
    'Un "guillemet", un \\ et un \' droit. Le riz\tde Gao.',
    "ガオの米はどこにありますか。米はガオにあります。",
)


def texts_of(passage_index):
    return {document.id: document.text for document in passage_index.documents()}


def found(passage_index, question=QUESTION, top_k=50, **options):
    generation = passage_index.generation()
    return find_matches(generation, question, passage_index.embedder, top_k=top_k, pool=100, **options)


class GivenVectors(FakeEmbedder):
    """Texts are numbers, and each has a vector of a given matrix."""

    name = fingerprint = "given"
    dimension = 64

    def __init__(self, matrix):
        super().__init__()
        self.matrix = matrix

    def _vector(self, text):
        return self.matrix[int("".join(filter(str.isdigit, text)))]


@pytest.fixture
def made(new_place, documents, embedder):
    place = new_place()
    return place, PassageIndex.build(place, documents, embedder=embedder)


def test_an_index_holds_what_was_put_in(made, documents, embedder):
    place, passage_index = made
    again = PassageIndex.open(place, embedder=embedder)
    for opened in (passage_index, again):
        assert list(opened.documents()) == sorted(documents, key=lambda one: one.id)
        assert opened.count_documents() == len(opened) == 3 and opened.newest_date() == "2022-11-03"
        assert [one.title for one in opened.summaries()] == sorted(one.title for one in documents)
        assert [one.id for one in opened.documents([documents[1].id, "?"])] == [documents[1].id]
    assert check(place).is_sound and check(place).documents == 3
    assert PassageIndex.open(place).model == "fake"


def test_a_store_tells_languages_and_finds_a_text_in_another_by_its_vector(new_place):
    cosines = (1, 0.62, 0.58, 0.56, 0.3, 0.3, 0.3, 0.6, 0.1)
    matrix = np.zeros((len(cosines), GivenVectors.dimension), np.float32)
    matrix[:, 0] = cosines
    matrix[range(len(cosines)), range(1, len(cosines) + 1)] = np.sqrt(1 - matrix[:, 0] ** 2)
    texts = [f"Le riz de Gao est dans la rue {i}." for i in range(1, 7)]
    texts += ["The answer of 7 is not in that of the others.", "8"]
    passage_index = PassageIndex.build(new_place(), map(make_document, texts), embedder=GivenVectors(matrix))
    generation = passage_index.generation()
    numbers = np.sort(generation.search_vectors(matrix[0], len(texts))[0])
    told = generation.languages_of(numbers)
    assert told == [document.language for _, document in generation.passages(numbers.tolist())]
    assert [told.count(language) for language in ("fr", "en", None)] == [6, 1, 1]
    matches = found(passage_index, "0 : où est le riz de Gao et qui le dit ?")
    assert [match.document.language for match in matches].index("en") == 0
    # In no language, nothing is in another.
    matches = found(passage_index, "0 Gao")
    assert [match.document.language for match in matches].index("en") > 2


def test_a_store_finds_what_brute_force_finds(new_place, embedder):
    documents = [
        make_document(f"Le document {i} parle de {i % 7} et de {i % 11} choses, à Gao.", source=f"/d/{i}.txt")
        for i in range(40)
    ]
    passage_index = PassageIndex.build(new_place(), documents, embedder=embedder)
    matches = found(passage_index, "Quel document parle de 3 choses ?", top_k=40)
    vector = embedder.embed_question("Quel document parle de 3 choses ?")
    stored = embedder.embed_passages([match.passage.text for match in matches]).astype(np.float16).astype(np.float32)
    assert {match.document.id for match in matches} == {document.id for document in documents}
    np.testing.assert_allclose([match.vector_score for match in matches], stored @ vector, atol=1e-6)
    order = [(-match.score, match.document.id, match.passage.start) for match in matches]
    assert order == sorted(order)
    rare = found(passage_index, "document 23", top_k=3)
    assert rare[0].document == documents[23] and rare[0].word_score > rare[1].word_score > 0


def test_words_weigh_the_same_in_every_store(new_place, tmp_path, embedder):
    """The numbers of passages behind the idf are exact, and stay so when documents come and go."""
    documents = [make_document(f"Le riz {'de Gao' if i % 3 else 'du Niger'} coûte {i} francs.") for i in range(12)]
    passage_index = PassageIndex.build(new_place(), documents[:8], embedder=embedder)
    passage_index.add(documents[8:])
    passage_index.remove([documents[0].id, documents[9].id])
    passage_index.add([documents[0]])
    plain = PassageIndex.build(tmp_path / "plain", [*documents[:9], *documents[10:]], embedder=embedder)
    question = "Combien coûte le riz de Gao, au Niger, en francs, et 7 ?"
    expected = plain.generation().question_terms(question, "fr")
    assert passage_index.generation().question_terms(question, "fr") == pytest.approx(expected, abs=1e-6)
    assert len(set(expected.values())) > 2
    for one in (passage_index, plain):
        assert one.generation().found_in(["riz", "gao", "coute", "couter", "mil"]) == {"riz": 11, "gao": 8, "coute": 11}


def test_a_passage_is_found_by_the_title_of_its_document(new_place, tmp_path, embedder):
    """Of each of its passages, not in its vector, and what is quoted holds nothing of it."""
    long = "\n\n".join(f"Le paragraphe {i} dit ce qui est tombé, et où. " * 8 for i in range(4))
    documents = [
        make_document(long, title="Séisme au Maroc"),
        make_document("Il est tombé, et où ? Le 3."),
        make_document("Séisme au Maroc. Il est tombé.", title="Séisme au Maroc"),
    ]
    passage_index = PassageIndex.build(new_place(), documents, embedder=embedder)
    matches = found(passage_index, "séisme Maroc")
    of_long = [match for match in matches if match.document.id == documents[0].id]
    assert len(of_long) > 1 and all(match.word_score > 0 for match in of_long)
    assert all("Maroc" not in match.passage.text for match in of_long)
    assert [match.word_score for match in matches if match.document.id == documents[1].id] == [0]
    assert passage_index.generation().found_in(["maroc"]) == {"maroc": len(of_long) + 1}
    assert not any("Maroc" in text for text in embedder.embedded if "paragraphe" in text)
    passage_index.remove(documents[0].id)
    assert passage_index.generation().found_in(["maroc"]) == {"maroc": 1}
    plain = PassageIndex.build(tmp_path / "plain", documents[1:], embedder=embedder)
    expected = plain.generation().question_terms("séisme au Maroc", "fr")
    assert passage_index.generation().question_terms("séisme au Maroc", "fr") == pytest.approx(expected, abs=1e-6)


def test_filters_let_the_same_documents_pass(new_place, embedder):
    odd = {'le "pays"': "Côte d'Ivoire\\", "a=b": "c"}
    documents = [
        make_document("Le riz un.", source="/n/2022/a.txt", date="2022-10-04", language="fr", metadata=odd),
        make_document("Le riz deux.", source="/n/2022/b.md", date="2022", language="fr"),
        make_document("The rice three.", source="/n/2023/c.txt", date="2023-01", language="en", metadata={"a": "b=c"}),
        make_document("Le riz quatre.", source="/n/2023/été [1].txt", language="fr"),
    ]
    passage_index = PassageIndex.build(new_place(), documents, embedder=embedder)
    for filters, passing in (
        (None, {0, 1, 2, 3}),
        (Filters(after="2022-10-04"), {0, 1, 2}),
        (Filters(after="2022-11", before="2022-12"), {1}),
        (Filters(before="2022"), {0, 1}),
        (Filters(after="2023-01-31"), {2}),
        (Filters(sources=("*.txt",)), {0, 2, 3}),
        (Filters(sources=("2022/*",)), {0, 1}),
        (Filters(sources=("?.md", "c.*")), {1, 2}),
        (Filters(sources=("/n/2023/été [[]1].txt",)), {3}),
        (Filters(sources=("absent",)), set()),
        (Filters(languages=("en", "de")), {2}),
        (Filters(metadata=odd), {0}),
        (Filters(metadata={"a": "c"}), set()),
        (Filters(after="2022", languages=("fr",), sources=("*.txt",)), {0}),
    ):
        expected = {documents[i].id for i in passing}
        assert {match.document.id for match in found(passage_index, "le riz rice", filters=filters)} == expected, (
            filters
        )
        assert {one.id for one in passage_index.summaries(filters)} == expected, filters


def test_documents_come_change_and_go(made, embedder):
    place, passage_index = made
    changed = make_document("Le riz de Gao est là.", source="/d/ble.txt")
    passage_index.add([changed])
    assert changed.text in texts_of(passage_index).values() and passage_index.count_documents() == 3
    assert not any("Sénégal" in text for text in texts_of(passage_index).values())
    assert found(passage_index)[0].document == changed
    assert passage_index.remove("*.md") == ["/d/cup.md"]
    with pytest.raises(InputError, match="no document has the id or path 'absent'"):
        passage_index.remove([changed.id, "absent"])
    assert passage_index.count_documents() == len(found(passage_index)) == 2
    assert passage_index.newest_date() == "2022-10"
    passage_index.remove([changed.id])
    assert [match.document.source for match in found(PassageIndex.open(place, embedder=embedder))] == ["/d/mali.txt"]
    before = passage_index.generation().name
    passage_index.add(passage_index.documents())
    assert passage_index.generation().name == before, "nothing has changed"
    assert check(place).is_sound


def test_text_that_is_known_is_not_embedded_again(made, documents):
    place, _ = made
    embedder = FakeEmbedder()
    moved = [make_document(one.text, source=f"/e/{i}.txt", title="Autre") for i, one in enumerate(documents)]
    passage_index = PassageIndex.build(place, moved, embedder=embedder)
    assert not embedder.embedded and passage_index.count_documents() == 3
    assert {one.source for one in passage_index.summaries()} == {"/e/0.txt", "/e/1.txt", "/e/2.txt"}


def test_files_are_synchronised(new_place, tmp_path, embedder):
    folder = tmp_path / "files"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"Le fichier {name}.", encoding="utf-8")
    (folder / "copie.txt").write_text("Le fichier a.", encoding="utf-8")
    place = new_place()
    passage_index = PassageIndex.open_or_create(place, embedder=embedder)
    assert len(passage_index.sync(folder).added) == 4 and passage_index.count_documents() == 3
    (folder / "b.txt").write_text("Le fichier b, changé.", encoding="utf-8")
    (folder / "c.txt").unlink()
    (folder / "vide.txt").write_text("", encoding="utf-8")
    foreseen = passage_index.sync(folder, dry_run=True)
    report = passage_index.sync(folder)
    assert [path.rpartition("/")[2] for path in report.changed] == ["b.txt"] and report.changed == foreseen.changed
    assert [path.rpartition("/")[2] for path in report.removed] == ["c.txt"] and report.removed == foreseen.removed
    assert len(report.failed) == 1 and report.unchanged == 2
    again = PassageIndex.open(place, embedder=embedder).sync(folder)
    assert again.unchanged == 3 and len(again.failed) == 1 and not (again.added or again.changed or again.removed)
    a = next(one for one in passage_index.documents() if one.text == "Le fichier a.")
    assert [state.path.rpartition("/")[2] for state in passage_index.files_of(a.id)] == ["a.txt", "copie.txt"]
    passage_index.remove(str(folder / "a.txt"))
    assert a.id in texts_of(passage_index), "it was read from another file too"


def test_every_quote_is_exact_and_replays(new_place, embedder):
    """Invariants 1 and 2, over odd texts: what is quoted stands there, and comes out again byte for byte."""
    documents = [make_document(text, source=f"/d/{i}.txt", language="fr") for i, text in enumerate(ODD)]
    place = new_place()
    passage_index = PassageIndex.build(place, documents, embedder=embedder)
    assert texts_of(passage_index) == {document.id: document.text for document in documents}
    answers = []
    for opened in (passage_index, passage_index, PassageIndex.open(place, embedder=embedder)):
        answer = Answerer(opened, reader=FakeReader(), remembered=0).ask("Le riz de Gao, vraiment ?")
        assert answer.answered
        for citation in answer.citations:
            assert citation.document.text[citation.start : citation.end] == citation.quote
            assert citation.document.text in ODD
        answers.append(json.dumps({**answer.to_json(), "timings_ms": None}))
    assert len(set(answers)) == 1
    assert check(place).is_sound


def test_recall_is_high(new_place):
    """At least .95 of the ten nearest are found, in clusters as real vectors have them."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((40, 64))
    matrix = centres[random.integers(0, 40, 2050)] + 0.4 * random.standard_normal((2050, 64))
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    documents = [make_document(f"Texte {i}.") for i in range(2000)]
    passage_index = PassageIndex.build(new_place(), documents, embedder=GivenVectors(matrix))
    generation = passage_index.generation()
    assert len(generation) == 2000
    hits = 0
    for query in matrix[2000:]:
        numbers, _ = generation.search_vectors(query, 10)
        texts = {passage.text for passage, _ in generation.passages(numbers.tolist())}
        exact = np.argsort(-(matrix[:2000].astype(np.float16).astype(np.float32) @ query))[:10]
        hits += len(texts & {f"Texte {i}." for i in exact})
    assert hits >= 0.95 * 500


def test_the_retriever_sees_one_moment(made):
    _, passage_index = made
    hits = Retriever(passage_index).retrieve("Où sont les engrais ?", top_k=2)
    assert len(hits) == 2 and hits[0].document.source == "/d/mali.txt"
    held = passage_index.generation()
    passage_index.add([make_document("Un document de plus.")])
    assert len(held) == 3 and len(passage_index.generation()) == 4
