"""Word files (DOCX): paragraphs, headings, list items and table rows in order."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.errors import InputError
from index.formats.archives import member_bytes, open_archive
from index.formats.draft import Draft, guarded, needs, one_line, title_stated
from index.formats.markup import refuse_entities, row_text
from index.formats.options import ReadingOptions
from index.language import stated_language

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "a Word file"
_BODY = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LONGEST_CELL = 120
_SPACES = re.compile(r"[ \t]+")
# Text that was moved away, and the second copy of a drawing's text for old programs.
_LEFT_OUT = frozenset({_W + "moveFrom", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"})


def read_docx(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one Word file; the dates among its properties say when the file was made, so none is taken."""
    with needs("python-docx", name, _KIND):
        import docx
    archive = open_archive(name, data, _KIND, options.limits)
    if _BODY not in archive.namelist():
        raise InputError(f"{name} is not {_KIND}: it holds no {_BODY}; save it as .docx")
    refuse_entities(member_bytes(archive, _BODY, name, _KIND), name)
    with guarded(name, _KIND):
        document = docx.Document(io.BytesIO(data))
        # Styles are read now, once: python-docx searches its XML at each question.
        styles = {style.style_id: style.name or "" for style in document.styles}
        body = document.element.body
        properties = document.core_properties
        title, author, language = properties.title, properties.author, properties.language
    return [
        Draft(
            text="\n\n".join(_blocks(body, styles)),
            title=title_stated(title),
            language=stated_language(language),
            metadata={"author": one_line(author)} if author and author != "python-docx" else {},
        )
    ]


def _blocks(parent: _Element, styles: dict[str, str]) -> Iterator[str]:
    """Yield the blocks below an element without recursion, so that no nesting can exhaust the stack."""
    waiting = [iter(parent)]
    while waiting:
        element = next(waiting[-1], None)
        if element is None:
            waiting.pop()
        elif element.tag == _W + "p":
            text = _text(element)
            if text:
                marker = _marker(element, styles)
                yield marker + (text.replace("\n", " ") if marker.startswith("#") else text)
            # Text boxes are anchored in a paragraph and hold paragraphs of their own.
            waiting.append(iter([box for box in element.iter(_W + "txbxContent") if not _is_left_out(box, element)]))
        elif element.tag == _W + "tr" and (row := _row(element)):
            yield row
        elif element.tag not in _LEFT_OUT:
            waiting.append(iter(element))


def _row(row: _Element) -> str:
    """Return a row as one line, or "" where its cells hold prose or tables, which are read one by one."""
    cells = []
    for cell in row.iter(_W + "tc"):
        paragraphs = [text for paragraph in cell.iter(_W + "p") if (text := _text(paragraph))]
        if len(paragraphs) > 1 or any(len(text) > _LONGEST_CELL or "\n" in text for text in paragraphs):
            return ""
        cells.extend(paragraphs)
    return row_text(cells) if next(row.iter(_W + "tbl", _W + "txbxContent"), None) is None else ""


def _text(paragraph: _Element) -> str:
    """Return a paragraph's own text, insertions and links included, deletions and text boxes not."""
    parts = []
    waiting = [iter(paragraph)]
    while waiting:
        element = next(waiting[-1], None)
        if element is None:
            waiting.pop()
        elif element.tag == _W + "t":
            parts.append(element.text or "")
        elif element.tag in (_W + "tab", _W + "ptab"):
            parts.append(" ")
        elif element.tag in (_W + "br", _W + "cr"):
            parts.append("\n")
        elif element.tag == _W + "noBreakHyphen":
            parts.append("-")
        elif element.tag not in _LEFT_OUT and element.tag not in (_W + "txbxContent", _W + "pPr"):
            waiting.append(iter(element))
    lines = [_SPACES.sub(" ", line).strip() for line in "".join(parts).splitlines()]
    return "\n".join(line for line in lines if line)


def _is_left_out(box: _Element, paragraph: _Element) -> bool:
    """Whether a text box stands in what is left out, or in another box, with which it is read."""
    for ancestor in box.iterancestors():
        if ancestor is paragraph:
            return False
        if ancestor.tag in _LEFT_OUT or ancestor.tag == _W + "txbxContent":
            return True
    return False


def _marker(paragraph: _Element, styles: dict[str, str]) -> str:
    properties = paragraph.find(_W + "pPr")
    if properties is None:
        return ""
    style = properties.find(_W + "pStyle")
    name = styles.get(style.get(_W + "val"), "") if style is not None else ""
    if name == "Title":
        return "# "
    if name.startswith("Heading ") and name[8:] in tuple("123456789"):
        return "#" * min(int(name[8:]), 6) + " "
    if properties.find(_W + "numPr") is not None or name.startswith("List "):
        return "- "
    return ""
