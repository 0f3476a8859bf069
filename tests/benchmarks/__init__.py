from __future__ import annotations

import subprocess


def current_commit() -> str:
    """Return the commit that is checked out; asked before measuring, since the working tree may move on meanwhile."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
