"""The benchmark beside other libraries: what of it can be tested without them."""

from __future__ import annotations

import ast
import json
import py_compile
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.peers.__main__ import QUESTIONS, RESULTS, Benchmark, cosines, results_of
from tests.benchmarks.peers.corpus import (
    JUDGED,
    OTHERS,
    Corpus,
    made_passages,
    mean_reciprocal_rank,
    read_corpus,
    vectors_round,
)
from tests.benchmarks.peers.environments import NAMED, PEERS, REQUIREMENTS, SOURCIER, Environment, bytes_in
from tests.benchmarks.peers.protocol import ADAPTERS, PeerError, Process
from tests.benchmarks.peers.report import LABELS, advantage, markdown, rows_of, write_report

# A library that finds texts by the words they share with a question, and does as a question tells it.
FAKE = f"""
import json, os, sys, time
sys.path.insert(0, {str(ADAPTERS)!r})
from serve import serve


class Fake:
    def __init__(self, model):
        print("loading", model)

    def vectors(self, texts, questions):
        return [[1.0, 0.0]] * len(texts), [[0.0, 1.0]] * len(questions)

    def index(self, passages, vectors, folder):
        self.vectors_given = None if vectors is None else vectors.shape
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "passages.json").write_text(json.dumps(passages))
        self.passages = passages

    def index_again(self, passages, folder):
        self.index(passages, None, folder)

    def open(self, folder):
        self.passages = json.loads((folder / "passages.json").read_text())

    def search(self, question, top_k):
        if question == "slow":
            time.sleep(0.2)
        if question == "wrong":
            raise ValueError("cannot")
        if question == "die":
            os._exit(3)
        if question == "path":
            return [os.environ.get("PYTHONPATH", "none"), os.environ["HF_HUB_OFFLINE"]]
        wanted = set(question.split())
        best = sorted(self.passages, key=lambda passage: -len(wanted & set(passage["text"].split())))
        return [passage["id"] for passage in best[:top_k]]


serve(Fake)
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake_adapter.py"
    path.write_text(FAKE, encoding="utf-8")
    with Process(sys.executable, path, cwd=tmp_path, log=tmp_path / "log") as process:
        yield process


@pytest.fixture
def indexed(fake, tmp_path):
    lines = [{"id": f"p{n}", "text": text} for n, text in enumerate(["le chat", "le chien dort", "la pluie"])]
    (tmp_path / "passages.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    fake.request("load", limit_s=30, model="m")
    fake.request(
        "index", limit_s=30, passages=str(tmp_path / "passages.jsonl"), count=3, folder=str(tmp_path / "index")
    )
    return fake


def ask(process, *questions, limit_s=30.0):
    return process.request("ask", limit_s=limit_s, grace_s=30, questions=questions, top_k=2)


def test_a_peer_answers_over_its_standard_streams_although_it_prints(indexed, tmp_path):
    answer = ask(indexed, "le chien", "la pluie")
    assert answer["found"] == [["p1", "p0"], ["p2", "p0"]]
    assert len(answer["ms"]) == 2
    assert answer["peak_bytes"] > 1_000_000
    assert "loading m" in (tmp_path / "log").read_text()


def test_questions_stop_when_their_time_is_over(indexed):
    answer = ask(indexed, *["slow"] * 20, limit_s=0.5)
    assert 1 < len(answer["ms"]) < 6
    assert min(answer["ms"]) >= 200


def test_clients_ask_at_once_and_their_failures_are_counted(indexed):
    answer = indexed.request("clients", limit_s=20, questions=["slow"] * 8, clients=8, top_k=2)
    assert answer["answered"] == 8
    assert 0.2 <= answer["in_s"] < 1.0
    answer = indexed.request("clients", limit_s=20, questions=["le chat", "wrong"] * 3, clients=2, top_k=2)
    assert (answer["answered"], answer["failed"], answer["errors"]) == (3, 3, ["ValueError: cannot"])


def test_a_failure_names_the_step_and_the_reason(indexed):
    with pytest.raises(PeerError, match="ask: ValueError: cannot"):
        ask(indexed, "wrong")
    with pytest.raises(PeerError, match="ask: the process ended with 3"):
        ask(indexed, "die")


def test_a_step_that_takes_too_long_is_given_up(indexed):
    with pytest.raises(PeerError, match=r"clients: over 0\.05 s"):
        indexed.request("clients", limit_s=0.05, questions=["slow"], clients=1, top_k=2)


def test_a_peer_cannot_import_the_project_and_asks_no_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    path = tmp_path / "fake_adapter.py"
    path.write_text(FAKE, encoding="utf-8")
    with Process(sys.executable, path, cwd=tmp_path, log=tmp_path / "log") as process:
        process.request("load", limit_s=30, model="m")
        assert ask(process, "path")["found"] == [["none", "1"]]


def test_vectors_are_given_as_many_as_passages(fake, tmp_path):
    (tmp_path / "passages.jsonl").write_text('{"id": "p", "text": "un"}\n' * 5, encoding="utf-8")
    np.save(tmp_path / "vectors.npy", np.eye(5, dtype=np.float32))
    fake.request("load", limit_s=30, model="m")
    wanted = {"passages": str(tmp_path / "passages.jsonl"), "vectors": str(tmp_path / "vectors.npy")}
    fake.request("index", limit_s=30, **wanted, count=3, folder=str(tmp_path / "index"))
    assert len(json.loads((tmp_path / "index" / "passages.json").read_text())) == 3


def squad(path, contexts):
    paragraphs = [
        {"context": context, "qas": [{"id": "1", "question": question, "answers": []} for question in questions]}
        for context, questions in contexts
    ]
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}), encoding="utf-8")


def test_the_corpus_has_each_question_with_the_id_of_its_context(tmp_path):
    squad(tmp_path / JUDGED, [("le chat dort", ["qui dort ?"]), ("la pluie", ["quel temps ?", "que tombe ?"])])
    squad(tmp_path / OTHERS, [("le chien", ["qui ?"])])
    corpus = read_corpus(tmp_path)
    assert [one["text"] for one in corpus.passages] == ["le chat dort", "la pluie", "le chien"]
    assert corpus.judged == [("qui dort ?", "p0"), ("quel temps ?", "p1"), ("que tombe ?", "p1")]
    assert corpus.timed == ["qui ?"]
    assert set(corpus.hashes) == {JUDGED, OTHERS}


def test_made_passages_are_of_the_real_words_and_lengths_and_always_the_same():
    real = [{"id": "p0", "text": "un deux trois"}, {"id": "p1", "text": "quatre cinq six sept huit"}]
    made = made_passages(real, 50)
    assert made == made_passages(real, 50)
    assert {len(one["text"].split()) for one in made} == {3, 5}
    assert {word for one in made for word in one["text"].split()} == set(
        "un deux trois quatre cinq six sept huit".split()
    )
    assert len({one["id"] for one in made} | {"p0", "p1"}) == 52


def test_made_vectors_lie_near_real_ones_which_come_first():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((40, 384)).astype(np.float32)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    found = vectors_round(real, 300)
    assert found.dtype == np.float32
    assert np.array_equal(found[:40], real)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    nearest = (found[40:] @ real.T).max(axis=1)
    assert 0.8 < nearest.min() < nearest.max() < 0.95
    assert np.array_equal(vectors_round(real, 20), real[:20])


def test_reciprocal_rank_of_the_first_hit():
    found = [["a", "b", "a"], ["c", "d"], ["e", "f", "g", "h"]]
    assert mean_reciprocal_rank(found, ["b", "x", "h"]) == pytest.approx((1 / 2 + 0 + 1 / 4) / 3)


def test_cosines_do_not_depend_on_length():
    assert cosines([[3.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]) == pytest.approx([1, 0.5**0.5])


def test_every_peer_has_an_adapter_that_compiles_and_pinned_requirements():
    assert {path.stem.removesuffix("_adapter") for path in ADAPTERS.glob("*_adapter.py")} == set(PEERS) == set(LABELS)
    assert {path.stem for path in REQUIREMENTS.iterdir()} == set(PEERS)
    for peer in PEERS:
        py_compile.compile(str(ADAPTERS / f"{peer}_adapter.py"), doraise=True)
        pins = (REQUIREMENTS / f"{peer}.txt").read_text(encoding="utf-8").split()
        assert all(re.fullmatch(r"[\w.-]+==\d[\w.]*", pin) for pin in pins), peer
        names = {pin.partition("==")[0] for pin in pins}
        # The one build of it that is without gigabytes of CUDA.
        assert "torch==2.13.0" in pins
        assert not [name for name in names if "nvidia" in name or "cuda" in name]
        assert set(NAMED[peer]) - {SOURCIER} <= names


@pytest.mark.parametrize("peer", PEERS)
def test_adapters_have_the_same_methods_and_only_one_imports_the_project(peer):
    tree = ast.parse((ADAPTERS / f"{peer}_adapter.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = {
        node.name: [argument.arg for argument in node.args.args[1:]]
        for node in classes[-1].body
        if isinstance(node, ast.FunctionDef)
    }
    wanted = {
        "__init__": ["model"],
        "vectors": ["texts", "questions"],
        "index": ["passages", "vectors", "folder"],
        "index_again": ["passages", "folder"],
        "open": ["folder"],
        "search": ["question", "top_k"],
    }
    assert {name: of for name, of in methods.items() if name in wanted} == wanted
    imported = {node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert bool(imported & {"index", "qa", "ui", "tests"}) == (peer == SOURCIER)


class Fakes(Benchmark):
    """The benchmark with the fake library for every peer, and vectors that no model made."""

    @property
    def own_vectors(self):
        return {"texts": np.array([[1.0, 0.0]] * 8), "questions": np.array([[0.0, 2.0]] * 8)}

    def real_vectors(self):
        return np.eye(len(self.corpus.passages), 16, dtype=np.float32)

    def process(self, peer):
        adapter = self.work / "fake_adapter.py"
        adapter.write_text(FAKE, encoding="utf-8")
        return Process(sys.executable, adapter, cwd=self.work, log=self.work / f"{peer}.log")


@pytest.fixture
def measured(tmp_path):
    passages = [{"id": f"p{n}", "text": f"le texte numéro {n} dit mot{n}"} for n in range(10)]
    corpus = Corpus(
        passages=passages,
        judged=[("mot3", "p3"), ("mot4", "p4"), ("mot5", "p9")],
        timed=[f"que dit {n} ?" for n in range(QUESTIONS + 40)],
        hashes={},
    )
    environment = Environment(Path(sys.executable), {"torch": "2"}, 3_000_000, 1_000_000)
    benchmark = Fakes(
        tmp_path, corpus, {"sourcier": environment, "floor": environment}, model=tmp_path, repeats=2, embedded=5
    )
    benchmark.prepare(20)
    benchmark.embedding()
    for size in (10, 20):
        benchmark.size(size, smallest=10)
    return results_of(benchmark, [10, 20], "c" * 40)


def test_a_run_has_every_figure_of_every_peer(measured, tmp_path):
    for peer in ("sourcier", "floor"):
        of = measured["peers"][peer]
        assert [len(row.values(of)) for row in rows_of(measured)] == [1, 1, 2, 2, *[1, 2, 2, 2, 2, 2, 1, 1] * 2, 1]
        assert of["sizes"]["10"]["judged"] == {"questions": 3, "mrr@20": pytest.approx(2.1 / 3)}
        assert "judged" not in of["sizes"]["20"]
        assert of["embedding"][0]["least_cosine"] == pytest.approx(1)
        assert of["sizes"]["20"]["index"]["disk_bytes"] == bytes_in(tmp_path / "indexes" / f"{peer}-20")
        assert of["sizes"]["20"]["rounds"][0]["asked"] == QUESTIONS
    write_report(measured, tmp_path / "out", "peers")
    assert json.loads((tmp_path / "out" / "peers.json").read_text()) == measured
    drawn = (tmp_path / "out" / "peers.svg").read_bytes()
    assert b"encode + FAISS" in drawn
    write_report(measured, tmp_path / "out", "peers")
    assert (tmp_path / "out" / "peers.svg").read_bytes() == drawn


def made_up():
    def peer(speed, cold, **rounds):
        round_ = {
            "cold_s": cold,
            "p50_ms": 20.0,
            "p95_ms": 30.0,
            "peak_bytes": 5e8,
            "clients": {},
            "clients_per_s": 9.0,
        }
        return {
            "packages": {"torch": "2.13.0"},
            "install_bytes": 2_000_000_000,
            "torch_bytes": 750_000_000,
            "embedding": [{"passages_s": one, "again_s": 1.0, "least_cosine": 0.9999} for one in speed],
            "sizes": {
                "1000": {
                    "index": {"s": 2.0, "peak_bytes": 7e8, "disk_bytes": 3e6},
                    "rounds": [round_ | rounds],
                    "judged": {"mrr@20": 0.8},
                }
            },
        }

    return {
        "date": "2026-11-24",
        "commit": "c" * 40,
        "machine": "a machine",
        "model": "a model",
        "corpus": {"real": 625, "slice": 150},
        "sizes": [1000],
        "repeats": 3,
        "questions": 50,
        "limits_s": {"step": 300.0, "questions": 20.0, "clients": 5.0},
        "peers": {"sourcier": peer([10.0, 30.0, 20.0], 2.0), "txtai": peer([20.0, 20.0, 40.0], 8.0)},
    }


def test_ratios_are_above_one_where_sourcier_is_better_and_are_taken_round_by_round():
    results = made_up()
    rows = {row.name: row for row in rows_of(results)}
    ours, theirs = results["peers"].values()
    assert advantage(rows["cold 1000"], ours, theirs) == 4
    # Of 0.5, 1.5 and 0.5, although the medians are alike.
    assert advantage(rows["indexing"], ours, theirs) == 0.5
    assert advantage(rows["p50 1000"], ours, {**theirs, "sizes": {}}) is None


def test_the_report_says_where_sourcier_is_behind_and_what_failed():
    results = made_up()
    results["peers"]["txtai"]["sizes"]["1000"]["rounds"].append({"failed": "open: over 300 s"})
    text = "\n".join(markdown(results, "peers.svg"))
    assert "| passages embedded and indexed a second (150) | 20.0 [10.0–30.0] | 20.0 [20.0–40.0] |" in text
    behind = text.partition("## Where sourcier is behind")[2].partition("##")[0]
    assert "- passages embedded and indexed a second (150): txtai 0.50" in behind
    assert "cold" not in behind and "first answer" not in behind
    assert "- txtai, at 1,000: open: over 300 s" in text


def test_a_step_that_never_ended_leaves_a_gap_in_the_table():
    results = made_up()
    results["peers"]["txtai"]["sizes"]["1000"] = {"index": {"failed": "index: over 300 s"}}
    text = "\n".join(markdown(results, "peers.svg"))
    assert "| a question at 1,000, p50 ms | 20 | – |" in text
    assert "- txtai, at 1,000: index: over 300 s" in text


def test_failed_questions_of_clients_are_reported():
    results = made_up()
    (asked,) = results["peers"]["txtai"]["sizes"]["1000"]["rounds"]
    asked["clients"] = {"answered": 3, "failed": 2, "errors": ["ValueError: cannot"]}
    assert "- txtai, 8 clients at 1,000: 2 question(s) failed, ValueError: cannot" in "\n".join(markdown(results, "x"))


def test_the_published_table_is_of_the_published_figures():
    results = json.loads((RESULTS / "peers.json").read_text(encoding="utf-8"))
    written = (RESULTS / "peers.md").read_text(encoding="utf-8")
    assert "\n".join(markdown(results, "peers.svg")) + "\n" == written
    assert set(results["peers"]) == set(PEERS)
