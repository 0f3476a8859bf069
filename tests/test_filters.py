from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Filters, InputError, PassageIndex, make_document
from qa import Answerer, Retriever
from tests.fakes import FakeEmbedder, FakeReader

DATES = [None, "2021", "2022", "2022-09", "2022-10", "2022-10-04", "2022-10-31", "2023-01-01"]
SOURCES = ["/news/2022/a.txt", "/news/2022/b.pdf", "/news/mali/a.txt", "/other/a[1].txt", ""]
LANGUAGES = ["fr", "en", None]


def make(number):
    return make_document(
        f"Le document {number} parle du Mali.",
        source=SOURCES[number % 5] and f"{SOURCES[number % 5]}.{number}",
        date=DATES[number % 8],
        language=LANGUAGES[number % 3],
        metadata={"pays": ["Mali", "Niger"][number % 2], 'clé "x"': str(number % 4)},
    )


DOCUMENTS = {one.id: one for one in map(make, range(120))}


@pytest.fixture(scope="module")
def passage_index(tmp_path_factory):
    return PassageIndex.build(tmp_path_factory.mktemp("f") / "index", DOCUMENTS.values(), embedder=FakeEmbedder())


def passes(document, filters):
    """Say in plain Python what the filters mean."""
    for bound, is_after in ((filters.after, True), (filters.before, False)):
        if bound:
            if document.date is None:
                return False
            shared = min(len(bound), len(document.date))
            one, other = document.date[:shared], bound[:shared]
            if (one < other) if is_after else (one > other):
                return False
    ends = [pattern for glob in filters.sources for pattern in (glob, f"*/{glob}")]
    if filters.sources and not any(document.source and fnmatchcase(document.source, end) for end in ends):
        return False
    if filters.languages and document.language not in filters.languages:
        return False
    return all(document.metadata.get(key) == value for key, value in filters.metadata.items())


@given(
    after=st.sampled_from([None, "2020", "2022", "2022-09", "2022-10-05"]),
    before=st.sampled_from([None, "2022", "2022-10", "2022-10-04", "2024"]),
    sources=st.lists(st.sampled_from(["*.txt*", "a.txt.*", "2022/*", "/news/*", "*", "b.pd?.*", "none"]), max_size=2),
    languages=st.lists(st.sampled_from(["fr", "en", "de"]), max_size=2),
    metadata=st.dictionaries(st.sampled_from(["pays", 'clé "x"', "none"]), st.sampled_from(["Mali", "1"]), max_size=2),
)
def test_what_passes_is_what_the_words_say(passage_index, after, before, sources, languages, metadata):
    try:
        filters = Filters(
            after=after, before=before, sources=tuple(sources), languages=tuple(languages), metadata=metadata
        )
    except InputError:
        assert after and before and after > before
        return
    hits = Retriever(passage_index).retrieve("Mali", top_k=200, filters=filters)
    found = {member.document.id for hit in hits for member in (hit, *hit.copies)}
    assert found == {one.id for one in DOCUMENTS.values() if passes(one, filters)}


def test_a_filter_that_leaves_little_gives_the_best_of_that(passage_index):
    filters = Filters(metadata={"pays": "Mali", 'clé "x"': "2"}, languages=("en",), after="2022-10-05")
    left = [one for one in DOCUMENTS.values() if passes(one, filters)]
    assert 0 < len(left) < 12
    hits = Retriever(passage_index).retrieve(f"le document {left[-1].text.split()[2]}", top_k=1, filters=filters)
    assert hits[0].document == left[-1]


def test_only_what_passes_is_asked(passage_index):
    answerer = Answerer(passage_index, reader=FakeReader(0.9, 0.0))
    asked = answerer.ask("Qui parle du Mali ?", filters=Filters(languages=("en",), before="2021"))
    assert asked.citations and all(
        one.document.language == "en" and one.document.date == "2021" for one in asked.citations
    )
    assert not answerer.ask("Qui parle du Mali ?", filters=Filters(sources=("none",))).answered


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"after": "hier"}, "after is 'hier'"),
        ({"before": "2022-13"}, "before is '2022-13'"),
        ({"after": "2023", "before": "2022-10"}, "expected the earlier one first"),
        ({"languages": ["french"]}, "'french' is no language"),
        ({"since": "2022"}, "expected an object with some of"),
        ([], "expected an object"),
        ({"sources": "a"}, "expected a JSON array"),
        ({"metadata": ["a"]}, "expected a JSON object"),
        ({"after": 2022}, "expected a JSON string"),
    ],
)
def test_bad_filters_are_refused_in_one_line(value, message):
    with pytest.raises(InputError, match=message) as caught:
        Filters.from_json(value)
    assert "\n" not in str(caught.value)


def test_filters_from_json_are_filters():
    value = {"after": "2022", "sources": ["*.pdf"], "languages": ["fr"], "metadata": {"a": 1}}
    assert Filters.from_json(value) == Filters(after="2022", sources=("*.pdf",), languages=("fr",), metadata={"a": "1"})
    assert not Filters.from_json({})
    with pytest.raises(InputError, match="sources is 'a': expected several"):
        Filters(sources="a")
