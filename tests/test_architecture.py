"""The walls: who may import whom, what importing costs, what is public."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import index
import qa

ROOT = Path(__file__).parents[1]
PACKAGES = ("index", "qa", "ui")
OURS = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
# (module, the only places that may import it)
RESERVED = {
    "faiss": {"index/vectors.py"},
    "tantivy": {"index/words.py"},
    "sqlite3": {"index/store.py"},
    "sentence_transformers": {"index/embedder.py"},
    "sentencepiece": {"index/bundled_model.py", "index/tokens.py"},
    "torch": {
        "index/encoder.py",
        "index/layers.py",
        "index/processor.py",
        "index/stored_rows.py",
        "qa/joint.py",
        "qa/joint_reader.py",
        "qa/likeness.py",
        "qa/training/fitting.py",
        "qa/training/learning.py",
    },
    "gradio": {
        "ui/chat.py",
        "ui/documents.py",
        "ui/events.py",
        "ui/history_events.py",
        "ui/programs.py",
        "ui/serving.py",
    },
    "typer": {"ui/cli.py"},
    "wordfreq": {"index/word_lists.py"},
    "docx": {"index/formats/docx.py"},
    "feedparser": {"index/formats/feeds.py"},
    "lxml": {"index/formats/docx.py", "index/formats/epub.py", "index/formats/html.py", "index/formats/markup.py"},
    "pypdfium2": {"index/formats/pdf.py"},
    "trafilatura": {"index/formats/html.py"},
    "matplotlib": {"qa/chart.py"},
    "pymilvus": {"index/milvus/connection.py"},
    "pyarrow": {"index/bulk/shards.py"},
    "ray": {"index/bulk/on_ray.py"},
    "pickle": set(),
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module


def test_imports_go_from_ui_to_qa_to_index():
    allowed = {"index": {"index"}, "qa": {"index", "qa"}, "ui": {"index", "qa", "ui"}}
    assert len(OURS) > 20
    for path in OURS:
        package = path.relative_to(ROOT).parts[0]
        for module in imported(path):
            top = module.split(".")[0]
            assert top not in PACKAGES or top in allowed[package], f"{path} imports {module}"
            assert top != "tests", f"{path} imports {module}"


@pytest.mark.parametrize("module", RESERVED)
def test_a_library_has_one_door(module):
    doors = {
        path.relative_to(ROOT).as_posix() for path in OURS if any(m.split(".")[0] == module for m in imported(path))
    }
    assert doors == RESERVED[module]


def test_importing_loads_nothing_heavy():
    program = (
        "import sys, index, qa, ui, ui.cli;"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'gradio', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("package", [index, qa])
def test_the_package_root_is_the_public_address(package):
    public = {name for name in vars(package) if not name.startswith("_")}
    modules = {path.stem for path in (ROOT / package.__name__).iterdir()} | {"annotations", "index"}
    assert list(package.__all__) == sorted(package.__all__, key=str)
    assert public - modules == set(package.__all__)
