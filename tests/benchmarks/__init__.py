from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def current_commit() -> str:
    """Return the commit that is checked out; asked before measuring, since the working tree may move on meanwhile."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()


@contextmanager
def data_and_work() -> Iterator[tuple[Path, Path]]:
    """Yield the folders named on the command line: that of the data, and that of the indexes, which else go again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        yield options.data, work


def save_result(name: str, commit: str, **measured: Any) -> dict[str, Any]:
    """Write a result file and return it: when, of which commit and on what machine it was measured, and what."""
    result = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        **measured,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
