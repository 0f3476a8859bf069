"""What a reader returns, and what all readers need: clean text, and one line for what libraries stumble on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from index.errors import InputError

_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")
# What programs call a document whose author gave it no title.
_NO_TITLE = re.compile(
    r"(?:untitled|sans titre|sin título|ohne titel|document|word document|unknown|\[?no subject\]?)[\s\d]*"
    r"|microsoft (?:word|powerpoint|excel)\b.*|.*\.(?:docx?|odt|pdf|rtf|indd|qxd|tex|dvi|pptx?|xlsx?|txt|html?)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document as a file states it; what the file leaves out is found in the text, or left empty.

    `number` counts the rows or entries of a file from 1; it is None where a file is one document.
    """

    text: str = field(repr=False)
    title: str = ""
    date: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    number: int | None = None


@contextmanager
def needs(package: str, name: str, kind: str) -> Iterator[None]:
    """Turn the lack of an optional package into one line that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{name} is {kind}, which needs {package}: pip install 'sourcier[formats]'"
        raise InputError(message) from error


@contextmanager
def guarded(name: str, kind: str, mend: str = "open it in its program and save it anew") -> Iterator[None]:
    """Turn whatever a library stumbles on in a damaged file into one line; to stand around that library's calls only.

    Parsers of hostile bytes raise KeyError, AttributeError, RecursionError and more, undocumented.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{name} cannot be read as {kind} ({reason}): {mend}") from error


def clean(text: str) -> str:
    """Replace what no index accepts (NUL, lone surrogates), letter by letter, so that offsets stay."""
    return _FORBIDDEN.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Return a title or name on one line, without the space around it."""
    return " ".join(clean(text).split())


def title_stated(title: str) -> str:
    """Return a title from a file's properties, or "" where it is a file's name or a program's filler."""
    title = one_line(title[:_LONGEST_TITLE])
    return "" if _NO_TITLE.fullmatch(title) or not any(map(str.isalnum, title)) else title
