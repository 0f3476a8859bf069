"""Every error that sourcier raises on purpose.

SourcierError
├── InputError          what the caller gave cannot be used: a path, a file, a question, a number
├── ModelError          the embedding model cannot be found, read or verified
└── PassageIndexError   the index folder is missing, of another kind, or damaged
    ├── IndexNotFoundError
    ├── IndexMismatchError   written by another format or another embedding model
    ├── IndexDamagedError
    ├── IndexBusyError       another process is writing
    └── IndexAccessError     the disk is full, the folder read-only, or the like
"""

from __future__ import annotations


class SourcierError(Exception):
    """Root of the family; its message is one line: what was found, what was expected, what mends it."""


class InputError(SourcierError, ValueError):
    """The caller gave something that cannot be used."""


class ModelError(SourcierError):
    """The embedding model cannot be found, read or verified."""


class PassageIndexError(SourcierError):
    """The index folder cannot be used."""


class IndexNotFoundError(PassageIndexError):
    """There is no index in the folder."""


class IndexMismatchError(PassageIndexError):
    """The index was written by another format or with another embedding model."""


class IndexDamagedError(PassageIndexError):
    """A file of the index is missing or does not hold what was written."""


class IndexBusyError(PassageIndexError):
    """Another process is writing to the index."""


class IndexAccessError(PassageIndexError):
    """The system refuses to read or write the index now; nothing in it is damaged."""
