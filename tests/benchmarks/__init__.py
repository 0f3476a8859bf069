from __future__ import annotations

import subprocess
import time
from collections.abc import Callable


def current_commit() -> str:
    """Return the commit that is checked out; asked before measuring, since the working tree may move on meanwhile."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
