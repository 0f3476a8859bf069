"""Which documents a question is asked of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from index.errors import InputError

_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_JSON_NAMES = {str: "string", list: "array", dict: "object"}
_LANGUAGE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions on documents, all of which must hold; without any, every document passes.

    `after` and `before` are ISO 8601 dates of any precision, both included: a document passes if its
    date, a day, month or year, may lie between them; one without a date never does. `sources` are glob
    patterns for a whole path or its end ("2022/*.pdf"), `languages` ISO 639-1 codes; one of them must fit.
    `metadata` are values that the document's own must equal. Raises InputError for what is none of these.
    """

    after: str | None = None
    before: str | None = None
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, date in (("after", self.after), ("before", self.before)):
            if date is not None and not _DATE.fullmatch(date):
                raise InputError(f"{name} is {date!r}: expected a date such as 2022, 2022-10 or 2022-10-04")
        if self.after and self.before:
            shared = min(len(self.after), len(self.before))
            if self.after[:shared] > self.before[:shared]:
                raise InputError(f"after is {self.after} and before is {self.before}: expected the earlier one first")
        for name, several in (("sources", self.sources), ("languages", self.languages)):
            if isinstance(several, str):
                raise InputError(f"{name} is {several!r}: expected several, such as ({several!r},)")
        for code in self.languages:
            if not _LANGUAGE.fullmatch(code):
                raise InputError(f"{code!r} is no language: expected two letters of ISO 639-1, such as 'fr'")

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes, without what filters nothing."""
        found = {
            "after": self.after,
            "before": self.before,
            "sources": list(self.sources),
            "languages": list(self.languages),
            "metadata": dict(self.metadata),
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Make filters of a JSON object with the names of the fields; raises InputError for any other."""
        expected = "expected an object with some of: after, before, sources, languages, metadata"
        if not isinstance(value, dict) or not value.keys() <= {"after", "before", "sources", "languages", "metadata"}:
            raise InputError(f"the filters are {json.dumps(value, ensure_ascii=False, default=repr)}: {expected}")
        for name, kind in (("after", str), ("before", str), ("sources", list), ("languages", list), ("metadata", dict)):
            if not isinstance(value.get(name, kind()), kind):
                raise InputError(f"{name} of the filters is {value[name]!r}: expected a JSON {_JSON_NAMES[kind]}")
        several = {name: tuple(map(str, value.get(name, ()))) for name in ("sources", "languages")}
        metadata = {str(key): str(wanted) for key, wanted in value.get("metadata", {}).items()}
        return cls(after=value.get("after"), before=value.get("before"), metadata=metadata, **several)

    def __bool__(self) -> bool:
        return any((self.after, self.before, self.sources, self.languages, self.metadata))

    @property
    def key(self) -> tuple[object, ...]:
        """What two filters that let the same documents pass have in common, to remember them by."""
        return self.after, self.before, self.sources, self.languages, tuple(sorted(self.metadata.items()))
