"""The scripts and style sheets that lie beside this file."""

from __future__ import annotations

from pathlib import Path


def beside(name: str) -> str:
    """Return the text of a file of this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
