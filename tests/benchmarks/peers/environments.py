"""One virtual environment for each peer, so that none decides which versions another gets."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
REQUIREMENTS = HERE / "requirements"
SOURCIER = "sourcier"
# Whose versions the report names, with each peer's own packages.
NAMED = {
    "sourcier": ("sourcier", "sentence-transformers", "faiss-cpu", "tantivy"),
    "floor": ("sentence-transformers", "faiss-cpu"),
    "txtai": ("txtai", "transformers", "faiss-cpu"),
    "haystack": ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers"),
    "llamaindex": (
        "llama-index-core",
        "llama-index-embeddings-huggingface",
        "llama-index-retrievers-bm25",
        "sentence-transformers",
    ),
    "langchain": ("langchain-community", "langchain-huggingface", "sentence-transformers", "faiss-cpu"),
}
PEERS = tuple(NAMED)
_LISTED = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
# What pip and venv put there themselves.
_OF_THE_ENVIRONMENT = ("pip", "_distutils_hack", "distutils-precedence.pth")


@dataclass(frozen=True, slots=True)
class Environment:
    """A peer's Python, what is installed there, and how large that is in bytes."""

    python: Path
    packages: dict[str, str]
    bytes: int
    torch_bytes: int


def make_environment(peer: str, work: Path) -> Environment:
    """Make the environment of a peer under `work`, or take the one there if its requirements are the same."""
    folder = work / "environments" / peer
    python = folder / "bin" / "python"
    stamp = folder / "made-of.txt"
    wanted = _fingerprint(peer)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        venv.EnvBuilder(with_pip=True, clear=True).create(folder)
        _pip(python, "-r", str(REQUIREMENTS / f"{peer}.txt"))
        if peer == SOURCIER:
            _pip(python, "--no-deps", str(ROOT))
        stamp.write_text(wanted, encoding="utf-8")
    printed = subprocess.run([python, "-c", _LISTED], capture_output=True, text=True, check=True).stdout
    (packages,) = folder.glob("lib/python*/site-packages")
    of = {path.name: bytes_in(path) for path in packages.iterdir() if path.name not in _OF_THE_ENVIRONMENT}
    return Environment(python, json.loads(printed), sum(of.values()), of.get("torch", 0))


def bytes_in(path: Path) -> int:
    """Return the sizes of the files of a folder, or of one file, in bytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def _fingerprint(peer: str) -> str:
    """Return a text that differs when a peer has to be installed again."""
    digest = hashlib.sha256((REQUIREMENTS / f"{peer}.txt").read_bytes())
    if peer == SOURCIER:
        listed = subprocess.run(
            ["git", "ls-files", "index", "qa", "ui", "seeds", "pyproject.toml"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in listed.splitlines():
            digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return f"{sys.version}\n{digest.hexdigest()}\n"


def _pip(python: Path, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
