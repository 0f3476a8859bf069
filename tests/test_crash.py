"""Invariant 5: a kill at any moment leaves the index as it was before the change or as it is after."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from index import PassageIndex, check, durable, generation, make_document, writer
from index.snapshot import find_matches
from tests.fakes import FakeEmbedder

KILLS = 200
STEPS = ["read", "vectors", "embedded", "stored", "revision", "base", "words", "fresh", "sealed", "renamed", "current"]


class Died(BaseException):
    pass


def document(name, text):
    return make_document(text, source=f"/d/{name}.txt")


def content(passage_index):
    return {one.source: one.text for one in passage_index.documents()}


def assert_whole(folder, *states):
    """Check an index with other eyes than those that wrote it, and return the one of the states that it holds."""
    passage_index = PassageIndex.open(folder, embedder=FakeEmbedder())
    held = content(passage_index)
    assert held in states
    report = check(folder)
    assert report.is_sound, report.problems
    assert report.documents == len(held)
    for text in held.values():
        found = find_matches(passage_index.generation(), text, passage_index.embedder, top_k=1, pool=1000)
        assert found[0].document.text == text
    return held


@pytest.fixture
def dying(monkeypatch):
    """Have the next change die at a step."""

    def arrange(step):
        def reached(name):
            if name == step:
                monkeypatch.setattr(durable, "step", lambda _: None)
                raise Died

        monkeypatch.setattr(durable, "step", reached)

    return arrange


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("step", [*STEPS, "purged"])
def test_dying_at_a_step_leaves_before_or_after(tmp_path, monkeypatch, dying, step, extended):
    if extended:
        monkeypatch.setattr(generation, "_SMALL", 0)
        monkeypatch.setattr(generation, "_LARGEST_CHANGE", 10)
    folder = tmp_path / "index"
    old = {f"/d/{i}.txt": f"Le texte numéro {i} parle du Mali." for i in range(6)}
    passage_index = PassageIndex.build(
        folder, [make_document(t, source=s) for s, t in old.items()], embedder=FakeEmbedder()
    )
    new = old | {"/d/2.txt": "Le riz manque à Dakar.", "/d/7.txt": "La pluie tombe sur Gao."}
    dying(step)
    with pytest.raises(Died):
        passage_index.add([make_document(new[source], source=source) for source in ("/d/2.txt", "/d/7.txt")])
    held = assert_whole(folder, old, new)
    assert held == (new if step in ("current", "purged") else old)
    # Whoever writes next goes on from there.
    passage_index = PassageIndex.open(folder, embedder=FakeEmbedder())
    passage_index.add([document("8", "Le vent se lève.")])
    last = {"/d/8.txt": "Le vent se lève."}
    assert_whole(folder, held | last)


@pytest.mark.parametrize("step", STEPS)
def test_dying_in_the_first_build_can_be_begun_again(tmp_path, dying, step):
    folder = tmp_path / "index"
    texts = [make_document("Un."), make_document("Deux.")]
    dying(step)
    with pytest.raises(Died):
        PassageIndex.build(folder, texts, embedder=FakeEmbedder())
    assert len(PassageIndex.build(folder, texts, embedder=FakeEmbedder())) == 2
    assert check(folder).is_sound


def test_what_was_embedded_before_a_kill_is_not_embedded_again(tmp_path, monkeypatch, dying):
    monkeypatch.setattr(writer, "_EMBEDDED_AT_ONCE", 2)
    folder = tmp_path / "index"
    passage_index = PassageIndex.build(folder, [document("a", "Un.")], embedder=FakeEmbedder())
    texts = [document(str(i), f"Le texte numéro {i}.") for i in range(6)]
    calls = []
    monkeypatch.setattr(durable, "step", calls.append)
    passage_index.add(texts[:1])
    dying("vectors")
    with pytest.raises(Died):
        passage_index.add(texts)
    embedder = FakeEmbedder()
    PassageIndex.open(folder, embedder=embedder).add(texts)
    assert len(embedder.embedded) == 3, "one was there, two were embedded before the kill"


# Forks children that change an index and says when each has died, so that the start of Python is paid once.
SERVER = """
import json, os, sys, traceback
import faiss
from index import PassageIndex
from index import check
from tests.fakes import FakeEmbedder
from tests import test_crash
faiss.omp_set_num_threads(1)
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        try:
            getattr(test_crash, order["do"])(**order["with"])
            os._exit(0)
        except BaseException as error:
            traceback.print_exc()
            print("failed", repr(error), flush=True)
            os._exit(1)
    print("started", child, flush=True)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""


def change(folder, seed, quick):
    """Make one change out of several kinds, chosen by a seed; a child process does this and is killed."""
    chance = random.Random(seed)
    if quick:
        generation._SMALL, generation._LARGEST_CHANGE = 0, 0.5
    passage_index = PassageIndex.open(folder, embedder=FakeEmbedder())
    held, wanted = planned(folder, content(passage_index), seed)
    kind = chance.choice(["build", "sync", "step"])
    if kind == "sync":
        files = Path(folder).with_name("files")
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        for source, text in wanted.items():
            Path(source).write_text(text, encoding="utf-8")
        print("changing", flush=True)
        passage_index.sync(files)
        return
    print("changing", flush=True)
    if kind == "build":
        PassageIndex.build(folder, [make_document(t, source=s) for s, t in wanted.items()], embedder=FakeEmbedder())
        return
    changed = {source: text for source, text in wanted.items() if held.get(source) != text}
    gone = [source for source in held if source not in wanted]
    if gone:
        passage_index.remove(gone)
    else:
        passage_index.add([make_document(text, source=source) for source, text in changed.items()])


def planned(folder, held, seed):
    """Return what an index holds and what it shall hold after the change of a seed."""
    chance = random.Random(seed + 1_000_000)
    wanted = dict(held)
    if len(wanted) > 12 and chance.random() < 0.5:
        for source in chance.sample(sorted(wanted), 3):
            del wanted[source]
    else:
        for _ in range(3):
            number = chance.randrange(20)
            wanted[str(Path(folder).resolve().with_name("files") / f"{number}.txt")] = (
                f"Le texte {number}, version {seed}, parle du mot{chance.randrange(99)}."
            )
    return held, wanted


def verified(folder, states):
    assert_whole(folder, *states)
    print("holds", json.dumps(content(PassageIndex.open(folder, embedder=FakeEmbedder()))), flush=True)


class Server:
    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, do, **arguments):
        self._process.stdin.write(json.dumps({"do": do, "with": arguments}) + "\n")
        self._process.stdin.flush()
        return int(self.line("started"))

    def line(self, expected):
        said = self._process.stdout.readline()
        assert said.startswith(expected), said
        return said.removeprefix(expected).strip()

    def lines_until_end(self):
        while not (said := self._process.stdout.readline()).startswith("ended"):
            yield said
        yield said

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.mark.parametrize("quick", [False, True], ids=["written whole", "extended"])
def test_killed_at_random_moments(tmp_path, quick):
    folder = tmp_path / "index"
    texts = {str(tmp_path.resolve() / "files" / f"{i}.txt"): f"Le texte {i} parle du Mali." for i in range(10)}
    PassageIndex.build(folder, [make_document(t, source=s) for s, t in texts.items()], embedder=FakeEmbedder())
    chance = random.Random(5)
    server = Server()
    held, killed, kept, done = texts, 0, 0, 0
    longest = 0.2
    try:
        for seed in range(KILLS // 2):
            _, wanted = planned(folder, held, seed)
            child = server.start("change", folder=str(folder), seed=seed, quick=quick)
            server.line("changing")
            time.sleep(chance.random() * longest)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            *_, ended = server.lines_until_end()
            was_killed = os.WIFSIGNALED(int(ended.split()[1]))
            killed += was_killed
            # However fast the machine, most changes are killed and some are not.
            longest *= 1.05 if was_killed else 0.85
            server.start("verified", folder=str(folder), states=[held, wanted])
            after = json.loads(server.line("holds"))
            list(server.lines_until_end())
            kept += after == held
            done += after == wanted
            held = after
    finally:
        server.close()
    # Otherwise the moments were not random enough to tell anything.
    assert killed >= KILLS // 8 and kept and done, (killed, kept, done)
