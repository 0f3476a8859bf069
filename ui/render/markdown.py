"""Any text as Markdown (CommonMark) that is drawn as that text."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+!|~&])")
# What makes a list, a rule or a heading of a line that begins so.
_BEGINNING = re.compile(r"^(\d{0,9})([-=.):])")
_SPACE = re.compile(r"^[ \t]+")


def as_markdown(text: str) -> str:
    """Return text whose lines stay lines and whose characters stay themselves; space at a line's end is dropped."""
    return "\n".join(map(_line, text.splitlines()))


def as_markdown_line(text: str) -> str:
    """Return text on one line, such as a heading needs."""
    return _line(" ".join(text.split()))


def _line(line: str) -> str:
    space = _SPACE.match(line)
    indent = space.group() if space else ""
    words = _BEGINNING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line[len(indent) :].rstrip()))
    return (indent.replace(" ", "&#32;").replace("\t", "&#9;") if words else "") + words
