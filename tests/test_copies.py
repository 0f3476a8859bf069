from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import PassageIndex, load_documents, make_document, split_passages
from qa import Answerer, Period, Retriever, SearchHit
from qa.answerer import in_time
from qa.copies import grouped, members, without_copies
from qa.dates import days_of
from tests.fakes import FakeEmbedder, FakeReader
from ui.demo import seeds_folder

SENTENCES = (
    "La Russie promet de livrer 300.000 tonnes d’engrais aux pays d’Afrique.",
    "Le Mali en recevra la première cargaison au port de Dakar.",
    "Le ministre de l’agriculture a salué un geste d’amitié entre les deux peuples.",
    "Les engrais étaient bloqués depuis le printemps dans des entrepôts européens.",
    "Les paysans attendent la livraison avant la saison des pluies.",
    "Le prix du sac a doublé en un an sur les marchés de Bamako.",
    "Les transporteurs réclament des garanties pour la route de Kayes.",
)
OTHERS = (
    "Les engrais russes manquent au Brésil, où les planteurs de soja réduisent leurs surfaces.",
    "Au Maroc, une usine d’engrais ouvre à Jorf Lasfar et vise les marchés d’Afrique.",
    "La Russie livre moins de tonnes de blé à l’Égypte, faute de navires assurés.",
)
QUESTION = "Combien de tonnes d’engrais la Russie promet-elle aux pays d’Afrique ?"


def printed(number):
    """Return the dispatch as one newspaper prints it: another headline, a line changed, the end cut."""
    lines = list(SENTENCES[: 6 + number % 2])
    lines[2 + number % 3] = f"Le journal {number} n’a pu joindre personne."
    return f"# Édition {number}\n\nNouvelles du jour, page {number}.\n\n" + " ".join(lines)


COPIES = [make_document(printed(number)) for number in range(30)]
DIFFERENT = [make_document(f"# Autre {number}\n\n{text}") for number, text in enumerate(OTHERS)]


def hit(text, *, rank=1, date=None):
    document = make_document(f" date {date} {text}" if date else text)
    return SearchHit(split_passages(document)[0], document, 1.0 / rank, rank)


def hits(*texts):
    return [hit(text, rank=rank) for rank, text in enumerate(texts, start=1)]


def build(folder, documents):
    return PassageIndex.build(folder, documents, embedder=FakeEmbedder())


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    return build(tmp_path_factory.mktemp("news") / "index", [*COPIES, *DIFFERENT])


def test_one_dispatch_in_thirty_copies_takes_one_place(news):
    found = Retriever(news).retrieve(QUESTION, top_k=5)
    assert [one.rank for one in found] == [1, 2, 3, 4]
    (dispatch,) = [one for one in found if one.copies]
    everywhere = {dispatch.document.id, *(document.id for document in dispatch.also_in)}
    assert everywhere == {document.id for document in COPIES} and len(dispatch.copies) == 29
    assert {one.document.id for one in found} - everywhere == {document.id for document in DIFFERENT}


def test_all_copies_are_counted_however_few_passages_are_asked_for(news):
    (dispatch,) = Retriever(news).retrieve(QUESTION, top_k=1)
    assert len(dispatch.also_in) == 29


def test_what_copies_push_out_of_the_pool_is_found_by_asking_deeper(tmp_path):
    """More copies than either side's pool, and each matches better than the other documents."""
    copies = [make_document(f"# Édition {n}\n\n" + " ".join(SENTENCES) + f" Page {n}.") for n in range(250)]
    others = [make_document(f"# Autre {n}\n\n{text}") for n, text in enumerate(OTHERS)]
    found = Retriever(build(tmp_path / "index", [*copies, *others])).retrieve(QUESTION, top_k=3)
    assert sorted(len(one.also_in) for one in found) == [0, 0, 249]


def test_a_citation_lists_every_copy_that_has_its_sentence(news):
    answer = Answerer(news, reader=FakeReader()).ask(QUESTION)
    first, *others = answer.citations
    assert first.quote == SENTENCES[0]
    assert {repeat.document.id for repeat in first.also_in} | {first.document.id} == {one.id for one in COPIES}
    assert all(one.quote != first.quote for one in others)


def test_a_copy_without_the_sentence_is_not_listed_for_it(news):
    """The third to fifth sentence are each replaced in a third of the copies."""
    answer = Answerer(news, reader=FakeReader()).ask("Qui attend la livraison avant la saison des pluies ?")
    first = answer.citations[0]
    assert first.quote == SENTENCES[4]
    holding = {document.id for document in COPIES if SENTENCES[4] in document.text}
    assert {repeat.document.id for repeat in first.also_in} | {first.document.id} == holding
    assert len(holding) == 20


def test_the_order_of_indexing_changes_nothing(tmp_path, news):
    documents = [*COPIES, *DIFFERENT]
    random.Random(3).shuffle(documents)
    other = build(tmp_path / "index", documents)
    said = [
        [one.to_json() for one in Retriever(passage_index).retrieve(QUESTION, top_k=5)]
        + [{**Answerer(passage_index, reader=FakeReader()).ask(QUESTION).to_json(), "timings_ms": None}]
        for passage_index in (news, other)
    ]
    assert said[0] == said[1]


CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(SENTENCES) - 1),
        st.sampled_from(["cut", "double", "upper", "number", "emoji", "space", "joined", "before"]),
    ),
    max_size=4,
)


def changed(changes):
    lines = list(SENTENCES)
    for place, change in changes:
        line = lines[place]
        lines[place] = {
            "cut": "",
            "double": f"{line} {line}",
            "upper": line.upper(),
            "number": line.replace("300.000", "30.000"),
            "emoji": f"\U0001f1f2\U0001f1f1 {line}",
            "space": line.replace(" ", "\u00a0"),
            "joined": line.removesuffix("."),
            "before": f"\n\nÀ lire aussi\r\n\r\n{line}",
        }[change]
    return " ".join(lines)


@settings(max_examples=60, deadline=None)
@given(copies=st.lists(CHANGES, min_size=2, max_size=6), question=st.sampled_from([QUESTION, *SENTENCES]))
def test_every_place_of_a_quote_is_exact(tmp_path_factory, copies, question):
    documents = [make_document(f"# T{n}\n\n{changed(changes)}\n") for n, changes in enumerate(copies)]
    passage_index = build(tmp_path_factory.mktemp("exact") / "index", documents)
    originals = {document.id: document.text for document in documents}
    for one in Retriever(passage_index).retrieve(question, top_k=5):
        for copy in members(one):
            assert originals[copy.document.id][copy.passage.start : copy.passage.end] == copy.passage.text
    for citation in Answerer(passage_index, reader=FakeReader()).ask(question).citations:
        ids = [citation.document.id]
        for place in (citation, *citation.also_in):
            assert originals[place.document.id][place.start : place.end] == place.quote
            # Whatever else was changed, a quote and its copies say the same number.
            assert ("300.000" in place.quote) == ("300.000" in citation.quote)
        ids += [repeat.document.id for repeat in citation.also_in]
        assert len(ids) == len(set(ids)), "a document is listed once"


def test_another_number_is_another_statement(tmp_path):
    documents = [
        make_document(" ".join(SENTENCES)),
        make_document("# Bis\n\n" + " ".join(SENTENCES).replace("300.000", "30.000")),
        make_document("# Ter\n\n" + " ".join(SENTENCES)),
    ]
    passage_index = build(tmp_path / "index", documents)
    (only,) = Retriever(passage_index).retrieve(QUESTION)
    assert len(only.copies) == 2, "they are read as one"
    asked = Answerer(passage_index, reader=FakeReader()).ask(QUESTION)
    by_number = {("300.000" in one.quote, "30.000" in one.quote): one for one in asked.citations[:2]}
    assert set(by_number) == {(True, False), (False, True)}, "both are shown"
    three_hundred, thirty = by_number[True, False], by_number[False, True]
    assert len(three_hundred.also_in) == 1 and thirty.also_in == ()
    assert thirty.document.text[thirty.start : thirty.end] == thirty.quote
    assert thirty.document.title == "Bis"
    # Where the number is not the answer, the three are one source.
    other = Answerer(passage_index, reader=FakeReader()).ask("Quand les paysans attendent-ils la livraison ?")
    (waiting,) = [one for one in other.citations if one.quote == SENTENCES[4]]
    assert len(waiting.also_in) == 2


def test_a_longer_print_of_a_short_dispatch_stays_a_hit():
    short, long = " ".join(SENTENCES[:3]), " ".join(SENTENCES)
    assert [len(one.copies) for one in without_copies(hits(short, long), 5)] == [0, 0]
    assert [len(one.copies) for one in without_copies(hits(long, short), 5)] == [1]


def test_a_copy_that_is_cut_differently_is_seen_in_two_passages_together():
    first, second, across = (" ".join(SENTENCES[a:b]) for a, b in ((0, 3), (3, 7), (1, 5)))
    found = without_copies(hits(first, second, across), 5)
    assert sorted([copy.passage.text for copy in one.copies] for one in found) == [[], [across]]


def test_texts_without_words_or_without_spaces():
    assert len(without_copies(hits("!!! 🙂", "??? 🙃"), 5)) == 2
    long = "俄罗斯承诺向非洲国家提供三十万吨化肥，马里将获得第一批货物，农民在雨季之前等待。"
    assert len(without_copies(hits(long, long.replace("第一批", "首批")), 5)) == 1
    assert len(without_copies(hits(long, "巴西缺少俄罗斯化肥，大豆种植者减少面积。"), 5)) == 2


def test_only_real_copies_collapse_in_the_demo_corpus():
    found = [
        SearchHit(passage, document, 1.0, 1)
        for document in load_documents([seeds_folder()])
        for passage in split_passages(document)
    ]
    for order in (found, found[::-1]):
        pairs = {
            frozenset(one.document.source.rpartition("/")[2] for one in (kept, copy))
            for kept in without_copies(order, len(order))
            for copy in kept.copies
        }
        assert pairs == {frozenset({"russie-afrique-cereales-gratuites.txt", "sommet-petersbourg-promesses.txt"})}


def test_the_copy_of_the_asked_time_speaks_for_all():
    october, november = hit(SENTENCES[0], date="2022-10"), hit(SENTENCES[0], rank=2, date="2022-11")
    start, end = days_of("2022-11")
    (found,) = in_time([grouped([october, november])], Period(start, end, "novembre 2022"))
    assert (found.document, found.rank) == (november.document, 1)
    assert [copy.document for copy in found.copies] == [october.document]


def test_members_and_grouped_undo_each_other():
    several = tuple(hits(*SENTENCES[:3]))
    assert members(grouped(several)) == several
