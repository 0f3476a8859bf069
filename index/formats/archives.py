"""Zipped documents (DOCX, EPUB): opened in memory only, after a look at what they say they hold."""

from __future__ import annotations

import io
import posixpath
import zipfile

from index.errors import InputError
from index.formats.draft import guarded
from index.formats.options import Limits

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = 0x1


def open_archive(name: str, data: bytes, kind: str, limits: Limits) -> zipfile.ZipFile:
    """Open a zip whose members are together small enough, in clear, and named within it."""
    if data.startswith(_OLE):
        raise InputError(f"{name} is protected by a password, or an old Word file: save it as {kind} without one")
    with guarded(name, kind):
        archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    # A member never yields more than it declares, so the declared sizes bound what is unpacked.
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked:
        raise InputError(f"{name} unpacks to {unpacked:,} bytes: expected at most {limits.unpacked:,}; split it")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{name} is protected by a password: expected {kind} without one; save it so")
        if is_outside(member.filename):
            raise InputError(f"{name} names a file outside itself ({member.filename[:80]!r}): it was made to do harm")
    return archive


def is_outside(path: str) -> bool:
    """Whether a member's name leads out of its archive."""
    path = posixpath.normpath(path.replace("\\", "/"))
    return path.startswith(("/", "../")) or path == ".." or path[1:2] == ":"


def member_bytes(archive: zipfile.ZipFile, path: str, name: str, kind: str) -> bytes:
    """Return one member; raises InputError where it is missing or damaged."""
    with guarded(name, kind):
        return archive.read(path)
