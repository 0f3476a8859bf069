"""Several chats over one Milvus server, behind the proxy of compose.yaml."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from index import PassageIndex, load_documents, make_document
from tests.benchmarks.load import Seen, Served, ask_once
from tests.browsing import free_port
from tests.loops import run
from ui.demo import seeds_folder

COMPOSE = Path(__file__).parents[1] / "compose.yaml"
CLIENTS = 20
# Asked before one chat is killed, and after.
BEFORE, AFTER = 60, 60

pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.fixture
def nginx():
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not found:
        assert not os.environ.get("CI"), "nginx is not installed"
        pytest.skip("nginx is not installed")
    return found


@pytest.fixture
def place(milvus_port):
    place = f"milvus://127.0.0.1:{milvus_port}/many"
    PassageIndex.build(place, load_documents(seeds_folder()))
    return place


class Proxy:
    """nginx as compose.yaml has it, before chats at other addresses."""

    def __init__(self, program, folder, chats):
        said = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["configs"]["nginx"]["content"].replace("$$", "$")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        said = said.replace("listen 7860", f"listen 127.0.0.1:{port}")
        for name, chat in chats.items():
            said = said.replace(f"{name}:7860", chat.url.removeprefix("http://"))
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = f"pid {folder}/pid; events {{}} http {{ access_log off; {paths}\n{said} }}"
        (folder / "nginx.conf").write_text(whole, encoding="utf-8")
        self._command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "errors", "-g", "daemon off;"]

    def __enter__(self):
        self._process = subprocess.Popen(self._command)
        for _ in range(100):
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).is_success:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError("nginx did not start")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)


def test_one_of_two_servers_is_killed_and_nobody_notices(nginx, place, tmp_path):
    lines = (seeds_folder() / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    texts = {document.id: document.text for document in load_documents(seeds_folder())}
    flags = ("--read-only", "--no-feedback", "--metrics")

    async def scene(proxy, chats):
        seen = Seen()
        asked = 0

        async def client(number):
            nonlocal asked
            cookies = {"sourcier_at": f"visitor-{number}"}
            async with httpx.AsyncClient(base_url=proxy.url, cookies=cookies, trust_env=False, timeout=120) as web:
                while asked < BEFORE + AFTER:
                    asked += 1
                    await ask_once(web, questions[(number * 7 + asked) % len(questions)], texts, seen)

        clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
        while asked < BEFORE:
            await asyncio.sleep(0.1)
        both = [httpx.get(f"{chat.url}/metrics", trust_env=False).text for chat in chats.values()]
        chats["chat-1"].process.kill()
        await asyncio.gather(*clients)
        return seen, both

    with Served(place, *flags) as one, Served(place, *flags) as two:
        chats = {"chat-1": one, "chat-2": two}
        with Proxy(nginx, tmp_path, chats) as proxy:
            page = httpx.get(f"{proxy.url}/", trust_env=False)
            assert page.is_success and page.cookies["sourcier_at"], "a page is kept at one chat"
            seen, both = run(scene(proxy, chats))
    # Asked again of the other chat: not even those that the killed one had begun are lost.
    assert set(seen.outcomes) == {"answered"}, seen.outcomes
    assert seen.outcomes["answered"] >= BEFORE + AFTER
    for text in both:
        assert sum(float(line.split()[-1]) for line in text.splitlines() if "sourcier_questions_total{" in line) > 0


def test_what_one_server_adds_the_other_answers(place):
    """No server keeps anything of the index: what is written through one is there for all."""
    question = "Combien de phares compte l’île de Nulle-Part ?"
    with Served(place, "--no-feedback") as one, Served(place, "--no-feedback") as two:
        passage_index = PassageIndex.open(place)
        passage_index.add([make_document("L’île de Nulle-Part compte quatorze phares.", source="/n/ile.txt")])
        answers = [
            httpx.post(f"{chat.url}/gradio_api/run/ask", json={"data": [question, None]}, trust_env=False, timeout=60)
            for chat in (one, two)
        ]
        quotes = [answer.json()["data"][0]["citations"][0]["quote"] for answer in answers]
    assert quotes == ["L’île de Nulle-Part compte quatorze phares."] * 2
