"""Invariant 5: a kill at any moment leaves the index as it was before the change or as it is after."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from index import PassageIndex, make_document
from tests.fakes import FakeEmbedder

KILLS = 15
WRITER = """
import sys
from index import PassageIndex, make_document
from tests.fakes import FakeEmbedder
from tests.test_crash import document
passage_index = PassageIndex.open(sys.argv[1], embedder=FakeEmbedder())
for number in range(int(sys.argv[2]), 10_000):
    passage_index.add([document(number)])
    print(number, flush=True)
"""


def document(number):
    return make_document(f"Le texte numéro {number} parle du Mali.", source=f"/d/{number}.txt")


def test_a_killed_writer_leaves_before_or_after(tmp_path):
    chance = random.Random(5)
    folder = tmp_path / "index"
    PassageIndex.build(folder, [document(0)], embedder=FakeEmbedder())
    count = 1
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(folder), str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            first = writer.stdout.readline()
            time.sleep(chance.random() * 0.15)
            writer.kill()
            finished = [int(line) for line in [first, *writer.stdout]]
        opened = PassageIndex.open(folder, embedder=FakeEmbedder())
        count = opened.count_documents()
        assert count in (finished[-1] + 1, finished[-1] + 2), "what was reported done is there, and at most one more"
        assert {d.text for d in opened.documents()} == {document(number).text for number in range(count)}
        assert len(opened) == count
        last = document(count - 1).text
        vector = opened.embedder.embed_question(last)
        assert opened.generation().search(last, vector, top_k=1, pool=10)[0].passage.text == last


def test_a_kill_while_the_folder_is_new_can_be_begun_again(tmp_path):
    program = (
        "import os, sys, signal; from index import PassageIndex, make_document; from tests.fakes import FakeEmbedder\n"
        "class Dying(FakeEmbedder):\n"
        "    def embed_passages(self, texts): os.kill(os.getpid(), signal.SIGKILL)\n"
        "PassageIndex.build(sys.argv[1], [make_document('Un.')], embedder=Dying())"
    )
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path / "index")])
    assert died.returncode == -9
    assert len(PassageIndex.build(tmp_path / "index", [make_document("Un.")], embedder=FakeEmbedder())) == 1
