"""What a wheel carries, and whether what the README says is true."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.benchmarks import plan
from ui.demo import seeds_folder

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = place.glob("*.whl")
    return built


def test_the_wheel_carries_the_demo_and_the_chat_s_files(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"ui/seeds/{path.name}" for path in seeds_folder().iterdir()} <= names
    assert {"qa/reader.json", "qa/reader.safetensors", "ui/chat.css", "ui/panel.js"} <= names
    assert not [name for name in names if name.startswith(("tests", "qa/training/questions"))]


def test_the_demo_is_found_from_a_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    found = subprocess.run(
        [sys.executable, "-c", "import ui.demo; print(ui.demo.__file__, ui.demo.seeds_folder())"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    module, folder = found.stdout.split()
    assert Path(module).is_relative_to(tmp_path) and Path(folder) == tmp_path / "ui" / "seeds"


@pytest.mark.slow
def test_the_readme_s_python_runs(tmp_path):
    (program, *_) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "seeds").symlink_to(seeds_folder())
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=300)


def test_the_readme_names_commands_and_files_that_exist():
    from ui.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    used = set(re.findall(r"^(?:\.venv/bin/)?sourcier (\w+)", README, re.MULTILINE))
    assert used and used <= known
    for path in re.findall(r"`((?:index|qa|ui|tests)/[\w./]+)`", README):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_plan_is_what_the_figures_say():
    assert plan.OUT.read_text(encoding="utf-8") == plan.page_of(plan.Measured.read(), plan.Prices())
