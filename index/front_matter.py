"""The `---` block that may open a Markdown file: `title:`, `date:`, `lang:` and other words about the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from index.language import stated_language

_FENCE = re.compile(r"\ufeff?---[^\S\r\n]*(?:\r\n|\r|\n)")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_PAIR = re.compile(r"([A-Za-z_][\w-]*)[^\S\r\n]*:(?:[^\S\r\n]+([^\r\n]*))?")
# What else YAML may hold there: lists, nested keys, comments, blank lines.
_PASSED_OVER = re.compile(r"\s.*|- .*|-|#.*|")
_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a text's front matter states, and the offset at which it ends (0 where there is none)."""

    end: int = 0
    title: str = ""
    date: str = ""
    language: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)


def find_front_matter(text: str) -> FrontMatter:
    """Return the front matter of a text; lists and nested values are left out."""
    fence = _FENCE.match(text)
    if fence is None:
        return FrontMatter()
    pairs: dict[str, str] = {}
    at = fence.end()
    for _ in range(_MOST_LINES):
        line = _LINE.match(text, at)
        if line is None or line.end() == at:
            break
        words, at = line.group(1), line.end()
        if words.rstrip() in ("---", "..."):
            return _stated(pairs, at) if pairs else FrontMatter()
        pair = _PAIR.fullmatch(words)
        if pair and (value := _scalar(pair.group(2) or "")):
            pairs[pair.group(1).lower()] = value
        elif pair is None and not _PASSED_OVER.fullmatch(words):
            break
    return FrontMatter()


def _stated(pairs: dict[str, str], end: int) -> FrontMatter:
    title, date = pairs.pop("title", ""), pairs.pop("date", "")
    languages = [pairs.pop(key, None) for key in ("lang", "language")]
    return FrontMatter(end, title, date, next(filter(None, map(stated_language, languages)), None), pairs)


def _scalar(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    if value[:1] in ("[", "{", "|", ">", "&", "*", "!"):
        return ""
    return value.split(" #")[0].strip()
