"""Whatever happens to an index, it holds what a plain dictionary would and finds what brute force does."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from index import Filters, PassageIndex, check, generation, make_document
from index.revision import Revision
from index.snapshot import find_matches
from index.writer import alone, catch_up
from tests.fakes import FakeEmbedder

NAMES = st.integers(0, 7).map("{}.txt".format)
WORDS = "mali blé riz gao dakar pluie vent port engrais récolte".split()
TEXTS = st.lists(st.sampled_from(WORDS), min_size=3, max_size=8).map(" ".join)
DATES = st.sampled_from(["", " date 2022 ", " date 2022-10 ", " date 2023-01-05 "])


class IndexModel(RuleBasedStateMachine):
    """A folder of files and an index of it beside a dictionary of what the index should hold."""

    @initialize(small=st.booleans())
    def begin(self, small):
        self.place = Path(tempfile.mkdtemp(prefix="sourcier-"))
        self.files = self.place / "files"
        self.files.mkdir()
        (self.files / "stays.txt").write_text("Le texte qui reste.", encoding="utf-8")
        self.embedder = FakeEmbedder()
        self.model = {}
        self.settings = (generation._SMALL, generation._LARGEST_CHANGE)
        if small:
            generation._SMALL, generation._LARGEST_CHANGE = 0, 0.7
        self.where = self.new_place()
        self.passage_index = PassageIndex.open_or_create(self.where, embedder=self.embedder)

    def new_place(self):
        return self.place / "index"

    def teardown(self):
        if hasattr(self, "place"):
            generation._SMALL, generation._LARGEST_CHANGE = self.settings
            shutil.rmtree(self.place)

    def path(self, name):
        return str((self.files / name).resolve())

    @rule(names=st.lists(NAMES, min_size=1, max_size=4, unique=True), text=TEXTS, date=DATES)
    def add(self, names, text, date):
        """One text under several names, as copies of one file are."""
        self.passage_index.add([make_document(date + text, source=self.path(name)) for name in names])
        self.model |= {self.path(name): date + text for name in names}

    @rule(texts=st.dictionaries(NAMES, TEXTS, max_size=4))
    def build(self, texts):
        documents = [make_document(text, source=self.path(name)) for name, text in texts.items()]
        PassageIndex.build(self.where, documents, embedder=self.embedder)
        self.model = {self.path(name): text for name, text in texts.items()}

    @rule(texts=st.dictionaries(NAMES, TEXTS, max_size=4), dry=st.booleans())
    def sync(self, texts, dry):
        for name in [path.name for path in self.files.iterdir() if path.name != "stays.txt"]:
            if name not in texts:
                (self.files / name).unlink()
        for name, text in texts.items():
            (self.files / name).write_text(text, encoding="utf-8")
        wanted = {self.path(path.name): path.read_text(encoding="utf-8") for path in self.files.iterdir()}
        report = self.passage_index.sync(self.files, dry_run=dry)
        assert set(report.removed) == self.model.keys() - wanted.keys()
        assert {p for p in wanted if p not in self.model} <= set(report.added)
        assert {p for p in wanted if self.model.get(p, wanted[p]) != wanted[p]} <= set(report.changed)
        assert not report.failed and len(report.added) + len(report.changed) + report.unchanged == len(wanted)
        if not dry:
            self.model = wanted

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data):
        source = data.draw(st.sampled_from(sorted(self.model)))
        self.passage_index.remove(source)
        del self.model[source]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_by_id(self, data):
        text = self.model[data.draw(st.sampled_from(sorted(self.model)))]
        self.passage_index.remove(make_document(text).id)
        self.model = {source: other for source, other in self.model.items() if other != text}

    @rule()
    def reopen(self):
        self.passage_index = PassageIndex.open(self.where, embedder=self.embedder)

    @precondition(lambda self: isinstance(self.where, Path))
    @rule()
    def compact(self):
        folder = self.where
        with alone(folder), closing(Revision.open(folder)) as store:
            catch_up(folder, store, afresh=True)

    @invariant()
    def it_holds_what_the_dictionary_holds(self):
        held = {}
        for document in self.passage_index.documents():
            assert list(document.sources) == sorted(document.sources)
            held |= dict.fromkeys(document.sources, document.text)
        assert held == self.model
        assert self.passage_index.count_documents() == len(set(self.model.values()))

    @invariant()
    def it_finds_what_brute_force_finds(self):
        texts = sorted(set(self.model.values()))
        filters = Filters(after="2022-11", sources=("*.txt",))
        for question, passing in (
            ("où est le riz de gao ?", texts),
            ("la pluie sur mali", [text for text in texts if text.startswith((" date 2022 ", " date 2023"))]),
        ):
            asked = None if passing is texts else filters
            vector = self.embedder.embed_question(question)
            matches = find_matches(
                self.passage_index.generation(), question, self.embedder, top_k=50, pool=50, filters=asked
            )
            assert sorted(match.document.text for match in matches) == passing
            scores = [match.vector_score for match in matches]
            stored = self.embedder.embed_passages([match.passage.text for match in matches] or ["x"])
            exact = stored.astype(np.float16).astype(np.float32) @ vector
            np.testing.assert_allclose(scores, exact[: len(scores)], atol=1e-6)
            order = [(-match.score, match.document.id, match.passage.start) for match in matches]
            assert order == sorted(order)

    @invariant()
    def it_is_sound(self):
        report = check(self.where)
        assert report.is_sound, report.problems


IndexModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestIndexModel = IndexModel.TestCase


class LiteModel(IndexModel):
    """The same in Milvus Lite, whose answers take some hundred times as long."""

    file = Path()
    numbers = itertools.count()

    def new_place(self):
        return f"milvus://{self.file}/m{next(self.numbers)}"


@pytest.fixture(scope="module", autouse=True)
def lite(lite_file):
    LiteModel.file = lite_file


LiteModel.TestCase.settings = settings(IndexModel.TestCase.settings, max_examples=8, stateful_step_count=10)
TestLiteModel = LiteModel.TestCase
