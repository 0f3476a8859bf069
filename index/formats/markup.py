"""HTML trees → text: paragraphs parted by blank lines, headings as `# ` lines, no entity resolved, no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.errors import InputError
from index.formats.draft import guarded, needs

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ROWS = frozenset({"tr", "row"})
_CELLS = frozenset({"td", "th", "cell"})
_ITEMS = frozenset({"li", "item"})
# The last line names elements of trafilatura's trees.
_BLOCKS = (
    _HEADINGS
    | _ROWS
    | _CELLS
    | _ITEMS
    | frozenset(
        "address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer form"
        " header hr html main nav ol p pre section table tbody tfoot thead title ul"
        " head list quote ab".split()
    )
)
_SKIPPED = frozenset(
    "audio button canvas iframe math noframes noscript object script select style svg template textarea video".split()
)
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_LONGEST_CELL = 120
_ENTITY = "<!ENTITY"


def html_tree(data: bytes | str, name: str, kind: str) -> _Element:
    """Parse HTML (or XHTML, leniently) into an lxml tree; bytes are UTF-8."""
    with needs("lxml", name, kind):
        from lxml import html
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    data = data.encode("utf-8", "replace") if isinstance(data, str) else data
    with guarded(name, kind):
        return html.document_fromstring(data, parser=parser)


def xml_tree(data: bytes, name: str, kind: str) -> _Element:
    """Parse XML into an lxml tree; a file that declares entities is refused."""
    with needs("lxml", name, kind):
        from lxml import etree
    refuse_entities(data, name)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    with guarded(name, kind):
        return etree.fromstring(data, parser=parser)


def refuse_entities(data: bytes, name: str) -> None:
    """Raise InputError where XML declares entities, which documents do not need and attacks do."""
    if any(_ENTITY.encode(encoding) in data for encoding in ("ascii", "utf-16-le", "utf-16-be")):
        raise InputError(f"{name} declares XML entities: expected none, they can blow up; remove its <!ENTITY lines")


def html_text(fragment: str, name: str, kind: str) -> str:
    """Return the text of a piece of HTML, such as a feed's entry or a mail."""
    if not fragment.strip():
        return ""
    return tree_text(html_tree(f"<html><body>{fragment}</body></html>", name, kind))


def tree_text(root: _Element) -> str:
    """Return the text below an element, in document order; what is not shown (scripts, hidden parts) is left out."""
    from lxml import etree

    page = _Page()
    walk = etree.iterwalk(root, events=("start", "end"))
    skipped = None
    for event, element in walk:
        tag = element.tag.lower() if isinstance(element.tag, str) else None
        if event == "start":
            if element is root or not _is_hidden(element, tag):
                page.open(element, tag)
            else:
                skipped = element
                walk.skip_subtree()
            continue
        if element is not skipped:
            page.close(element, tag)
        if element is not root:
            page.add(element.tail)
    page.flush()
    return "\n\n".join(page.blocks)


def _is_hidden(element: _Element, tag: str | None) -> bool:
    return (
        tag is None
        or tag in _SKIPPED
        or (tag == "head" and element.get("rend") is None)
        or element.get("hidden") is not None
        or re.search(r"display\s*:\s*none", element.get("style") or "") is not None
    )


class _Page:
    """The blocks found so far, and the one being gathered."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._parts: list[str] = []
        self._headings: list[str] = []
        self._marker = ""
        self._preformatted = 0
        # For each open row, the number of blocks before it and before each of its cells.
        self._rows: list[list[int]] = []

    def open(self, element: _Element, tag: str | None) -> None:
        if tag in _BLOCKS:
            self.flush()
        if tag in _HEADINGS or tag == "head":
            level = (element.get("rend") or tag)[-1]
            self._headings.append("#" * int(level) if level in "123456" else "#")
        elif tag in _ITEMS:
            self._marker = "- "
        elif tag in _ROWS:
            self._rows.append([len(self.blocks)])
        elif tag in _CELLS and self._rows:
            self._rows[-1].append(len(self.blocks))
        elif tag in ("br", "lb"):
            self._parts.append("\n")
        elif tag == "pre":
            self._preformatted += 1
        self.add(element.text)

    def close(self, element: _Element, tag: str | None) -> None:
        if tag in _BLOCKS:
            self.flush()
        if tag in _HEADINGS or tag == "head":
            self._headings.pop()
        elif tag in _ITEMS:
            self._marker = ""
        elif tag in _ROWS:
            self._join_row(self._rows.pop())
        elif tag == "pre":
            self._preformatted -= 1

    def add(self, text: str | None) -> None:
        if text:
            self._parts.append(text if self._preformatted else _SPACE.sub(" ", text))

    def flush(self) -> None:
        lines = [_SPACE.sub(" ", line).strip(" ") for line in "".join(self._parts).split("\n")]
        self._parts.clear()
        lines = [line for line in lines if line and not line.isspace()]
        if not lines:
            return
        if self._headings:
            self.blocks.append(f"{self._headings[-1]} {' '.join(lines)}")
        else:
            self.blocks.append(self._marker + "\n".join(lines))
        self._marker = ""

    def _join_row(self, starts: list[int]) -> None:
        """Put a row's cells on one line, unless they hold prose or are there for the layout."""
        ends = [*starts[2:], len(self.blocks)]
        cells = self.blocks[starts[0] :]
        plain = all(end - start <= 1 for start, end in zip(starts[1:], ends, strict=False))
        if len(cells) > 1 and plain and all(len(cell) <= _LONGEST_CELL and "\n" not in cell for cell in cells):
            self.blocks[starts[0] :] = [row_text(cells)]


def row_text(cells: list[str]) -> str:
    """Return the cells of a table's row as one line."""
    return " | ".join(cell.lstrip("# ") for cell in cells)
