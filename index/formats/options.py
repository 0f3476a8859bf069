"""What the user may set about reading: which column holds what, and what is too much."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

from index.errors import InputError

# Changes whenever some file would be read into another text, title, date or language than before.
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused, so that one bad file cannot fill memory or run for hours.

    `bytes` bounds a file, `unpacked` the contents of a zipped one (also in bytes), `characters` and
    `pages` a document, `files` a folder.
    """

    bytes: int = 100_000_000
    unpacked: int = 200_000_000
    characters: int = 20_000_000
    pages: int = 20_000
    files: int = 100_000

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise InputError(f"the limit {field.name} is {getattr(self, field.name)}: expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a table (CSV, TSV, JSONL) holds what; the other columns become metadata."""

    text: str
    title: str | None = None
    date: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        if not self.text:
            raise InputError("the text column has no name: expected the name of a column, as in --text body")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How files are read; `follow_links` also reads what a folder's symbolic links lead to outside of it."""

    columns: Columns | None = None
    limits: Limits = Limits()
    follow_links: bool = False

    @property
    def fingerprint(self) -> str:
        """A text that differs where a file would be read differently."""
        limits = asdict(self.limits)
        del limits["files"]
        columns = asdict(self.columns) if self.columns else None
        return json.dumps({"readers": _VERSION, "columns": columns, "limits": limits}, sort_keys=True)
