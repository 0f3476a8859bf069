"""PDF files: the lines of each page as pdfium finds them, and the properties that the file states."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

from index.errors import InputError
from index.formats.draft import Draft, guarded, needs, one_line, title_stated
from index.formats.furniture import without_furniture
from index.formats.options import Limits, ReadingOptions
from index.formats.pages import Line, joined
from index.language import stated_language

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_KIND = "a PDF"
# pdfium is not safe to use from two threads.
_ONE_AT_A_TIME = threading.Lock()
# What pdfium puts in the place of a hyphen that parts a word at a line's end.
_HYPHEN = 0x02
_PASSWORD = 4


def read_pdf(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one PDF; the dates among its properties say when the file was made, so none is taken."""
    with needs("pypdfium2", name, _KIND):
        import pypdfium2
    with _ONE_AT_A_TIME, guarded(name, _KIND):
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD:
                message = f"{name} is protected by a password: expected a PDF without one; save it so"
                raise InputError(message) from error
            raise
        try:
            stated = document.get_metadata_dict()
            language = _language(document)
            pages = _pages(document, name, options.limits)
        finally:
            document.close()
    if not any(pages):
        raise InputError(f"{name} is scanned: it has no text; run OCR first (ocrmypdf, for instance)")
    text, starts = joined(without_furniture(pages))
    author = one_line(stated.get("Author", ""))
    return [
        Draft(
            text=text,
            title=title_stated(stated.get("Title", "")),
            language=language,
            pages=starts,
            metadata={"author": author} if author else {},
        )
    ]


def _pages(document: PdfDocument, name: str, limits: Limits) -> list[list[Line]]:
    if len(document) > limits.pages:
        raise InputError(f"{name} has {len(document):,} pages: expected at most {limits.pages:,}; split it")
    pages = []
    characters = 0
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        try:
            characters += text_page.count_chars()
            if characters > limits.characters:
                raise InputError(f"{name} has over {limits.characters:,} characters: expected fewer; split it")
            pages.append(_lines(text_page))
        finally:
            text_page.close()
            page.close()
    return pages


def _lines(text_page: PdfTextPage) -> list[Line]:
    """Return a page's lines in reading order, each with the box of its letters."""
    from pypdfium2 import raw

    lines = []
    at = 0
    codes = [raw.FPDFText_GetUnicode(text_page.raw, index) for index in range(text_page.count_chars())]
    for index, code in enumerate([*codes, 0x0A]):
        if code not in (_HYPHEN, 0x0A, 0x0D):
            continue
        inked = [place for place in range(at, index) if codes[place] > 0x20 and codes[place] != 0xA0]
        if inked:
            boxes = [
                text_page.get_charbox(place, loose=True) for place in (inked[0], inked[len(inked) // 2], inked[-1])
            ]
            lines.append(
                Line(
                    _letters(codes[at:index]),
                    left=boxes[0][0],
                    right=boxes[2][2],
                    bottom=sorted(box[1] for box in boxes)[1],
                    top=sorted(box[3] for box in boxes)[1],
                    is_cut=code == _HYPHEN,
                )
            )
        at = index + 1
    return lines


def _letters(codes: list[int]) -> str:
    # Letters beyond U+FFFF may come in halves.
    letters = "".join(chr(code) if code < 0x110000 else "\ufffd" for code in codes)
    return letters.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _language(document: PdfDocument) -> str | None:
    """Return the language that the catalog states (/Lang), which pypdfium2 gives no name to."""
    from pypdfium2 import raw

    length = raw.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < length < 100:
        return None
    buffer = (ctypes.c_ushort * (length // 2))()
    raw.FPDFCatalog_GetLanguage(document.raw, buffer, length)
    return stated_language(bytes(buffer).decode("utf-16-le", "replace").rstrip("\x00"))
