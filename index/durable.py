"""Files that a crash cannot leave half written."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path


def step(name: str) -> None:
    """Mark a moment between two changes of an index; does nothing, and tests put a crash in its place."""


def flush(path: Path) -> None:
    """Have a file or folder on the disk, not only in the system's memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Give a file another content, all of it or none."""
    scratch = path.with_name(path.name + ".tmp")
    scratch.write_text(text, encoding="utf-8")
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def link(source: Path, target: Path) -> None:
    """Have a file that never changes under a second name, at no cost where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sha256_of_file(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
