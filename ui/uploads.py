"""Files that visitors send: what they are called on this machine, and where they are kept."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from index import DocumentSummary
from index.reading import SUFFIXES

# In bytes: file systems take 255, and a name needs room for a number.
LONGEST_NAME = 120

_NAMELESS = "document"
# What Windows refuses in a name, whatever this machine would take.
_REFUSED = re.compile(r'[<>:"|?*/\\]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Received:
    """A file that a browser sent, and what it called it; it lies in `path` until it is taken in."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken in, and why: a word of `REASONS`, or a sentence of the index."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of files: the documents that were added, the names of those already there, the refused."""

    added: tuple[DocumentSummary, ...] = ()
    unchanged: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


REASONS = ("kind", "large", "empty", "full", "many", "failed")


def is_readable(name: str) -> bool:
    """Whether the index reads files that are called so."""
    return bool(_split(_own_name(name))[1])


def shown_name(name: str) -> str:
    """Return what to call a file on the screen: its own name, without folders and without what cannot be seen."""
    return _own_name(name) or _NAMELESS


def safe_name(name: str) -> str:
    """Return the name under which a file is kept, as near to its own as any file system takes.

    It names no folder, no device and no hidden file, holds nothing that cannot be seen, and is at most
    `LONGEST_NAME` bytes long; how it ends, by which the index knows what it is, stays.
    """
    stem, suffix = _split(_REFUSED.sub("_", _own_name(name)))
    stem = _trimmed(stem, LONGEST_NAME - len(suffix.encode()) - 1)
    if _DEVICES.match(stem):
        stem = f"_{stem}"
    return (stem or _NAMELESS) + suffix


def uploads_folder(index_folder: Path) -> Path:
    """Return where the files of an index are kept that were sent to it: beside it, for it reads none inside it."""
    place = index_folder.resolve()
    return place.with_name(f"{place.name}-uploads")


def keep(received: Received, folder: Path) -> tuple[Path, bool]:
    """Copy a file into a folder; return its path there, and whether it is new.

    A file of this name and content is not copied again; one of the same name and other content stays,
    and this one gets a number. The copy appears at once and whole. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = safe_name(received.name)
    digest = _digest(received.path)
    number = 1
    while (target := folder / _numbered(name, number)).exists():
        if target.is_file() and _digest(target) == digest:
            return target, False
        number += 1
    descriptor, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with received.path.open("rb") as sent, os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(sent, copy)
            copy.flush()
            os.fsync(copy.fileno())
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return target, True


def _own_name(name: str) -> str:
    """Return the last part of a path of any system, of which browsers may send more."""
    return _visible(re.split(r"[/\\]", name)[-1])


def _split(name: str) -> tuple[str, str]:
    """Part a name into its stem and what tells how it is read; that is "" for what the index does not read."""
    stem, dot, kind = name.rpartition(".")
    return (stem, dot + kind) if (dot + kind).lower() in SUFFIXES else (name, "")


def _visible(text: str) -> str:
    """Return a text on one line, without controls, marks of direction and the like, in composed form."""
    kept = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _trimmed(stem: str, longest: int) -> str:
    """Return as much of a stem as fits, without dots and spaces at its ends."""
    return stem.strip(". ").encode()[:longest].decode(errors="ignore").strip(". ")


def _numbered(name: str, number: int) -> str:
    if number == 1:
        return name
    stem, suffix = _split(name)
    mark = f" ({number})"
    return _trimmed(stem, LONGEST_NAME - len((mark + suffix).encode())) + mark + suffix


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
