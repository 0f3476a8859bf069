"""What a user does first, in new processes that may not open a connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ui.demo import seeds_folder

pytestmark = pytest.mark.slow

GUARDED = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(refuse)
from ui.cli import main
main()
"""


def sourcier(index, *arguments):
    # Without the settings that would keep the model libraries quiet: it must not be thanks to them.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    return subprocess.run(
        [sys.executable, "-c", GUARDED, *arguments, "--index", str(index)],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_index_then_ask_in_new_processes_without_a_network(tmp_path):
    indexed = sourcier(tmp_path / "index", "index", str(seeds_folder()))
    assert indexed.returncode == 0, indexed.stderr
    asked = sourcier(tmp_path / "index", "ask", "Combien de tonnes d'engrais la Russie veut-elle donner ?", "--json")
    assert asked.returncode == 0 and asked.stderr == "", asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["answered"] and "300.000 tonnes" in answer["text"]
    (again,) = {sourcier(tmp_path / "index", "search", "le blé", "--json").stdout for _ in range(2)}
    assert json.loads(again)["hits"]
