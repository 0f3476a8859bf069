"""Text and Markdown: bytes → text."""

from __future__ import annotations

import logging
import re

from index.errors import InputError
from index.formats.draft import Draft
from index.formats.options import ReadingOptions

_log = logging.getLogger(__name__)

# Text files hold no control characters but white space, form feed and escape.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UNDEFINED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# Encodings of documents; Python has others (punycode, idna) that are none and slow.
_ENCODING = re.compile(
    r"utf-?(?:8|16|32)(?:-?[lb]e|-sig)?|us-ascii|ascii|latin-?\d|iso-?8859-?\d+|(?:windows-?|cp-?)\d{3,4}|koi8-[rtu]"
    r"|mac-?\w+|big5\w*|gb\w+|hz|shift_?jis|euc[_-]\w+|iso-?2022-\w+|tis-?620",
    re.IGNORECASE,
)


def read_text(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read a text or Markdown file; a header or front matter stays in the text, where `make_document` finds it."""
    return [Draft(text=decode(name, data))]


def decode(name: str, data: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark, or else Western European.

    Raises InputError where the bytes are no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif _BINARY.search(data):
        raise InputError(
            f"{name} is not text (it holds control bytes): expected UTF-8 text; remove it or save it as text"
        )
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise InputError(f"{name} is not text: it begins as UTF-16 but is not; save it as UTF-8 text") from error
    _log.warning("%s is not UTF-8: read as Western European (cp1252); check its accents", name)
    return decode_western(data)


def decode_western(data: bytes) -> str:
    """Return bytes as cp1252, or as latin-1, in which every byte means something, if perhaps the wrong letter."""
    return data.decode("latin-1" if _UNDEFINED_IN_CP1252.search(data) else "cp1252")


def decode_as(data: bytes, encoding: str | None) -> str:
    """Return text in the encoding that a file states, or in UTF-8 or Western European where that is wrong."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    for attempt in (encoding, "utf-8-sig"):
        if attempt and _ENCODING.fullmatch(attempt.strip()):
            try:
                return data.decode(attempt.strip())
            except (UnicodeError, LookupError):
                continue
    return decode_western(data)
