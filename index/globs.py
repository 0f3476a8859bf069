"""Whether paths fit patterns, as SQLite's GLOB and a folder have it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache


def matches_glob(source: str, patterns: Iterable[str]) -> bool:
    """Whether a path, or its end after a `/`, fits one of the patterns: `*` and `?` stand for any characters."""
    return any(_compiled(pattern).fullmatch(source) for pattern in patterns)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or in or below it."""
    return path == folder or path.startswith(f"{folder}{os.sep}")


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:.*/)?(?:{_translated(pattern)})", re.DOTALL)


def _translated(pattern: str) -> str:
    """Return a pattern of SQLite's GLOB as a regular expression; a `[` without its `]` fits nothing."""
    said = []
    i = 0
    while i < len(pattern):
        character = pattern[i]
        i += 1
        if character == "*":
            said.append(".*")
        elif character == "?":
            said.append(".")
        elif character != "[":
            said.append(re.escape(character))
        else:
            is_negated = pattern[i : i + 1] == "^"
            begin = i + is_negated
            # A bracket that stands first is one of the set.
            end = pattern.find("]", begin + 1)
            if end < 0:
                return "(?!)"
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", pattern[begin:end])
            said.append(f"[{'^' if is_negated else ''}{inside}]")
            i = end + 1
    return "".join(said)
