"""HTML pages: the main content, found by trafilatura, with the title, date and language that the page states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from index.errors import InputError
from index.formats.draft import Draft, guarded, needs, one_line, title_stated
from index.formats.markup import html_tree, tree_text
from index.formats.options import ReadingOptions
from index.formats.text import decode_as
from index.language import stated_language

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "a web page"
_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
# trafilatura takes time that grows faster than the page, and pages this large are generated lists.
_LARGEST = 20_000_000
# From less, trafilatura makes one paragraph of all that is on the page.
_LEAST = 250
_HIDDEN = "//body//*[@hidden or contains(translate(@style, ' ', ''), 'display:none')]"


def read_html(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one web page; where no main content stands out, all its text."""
    if len(data) > _LARGEST:
        raise InputError(f"{name} has {len(data):,} bytes: expected a web page of at most {_LARGEST:,}; split it")
    with needs("trafilatura", name, _KIND):
        import trafilatura
        from trafilatura.settings import Document
    tree = html_tree(page_text(data), name, _KIND)
    for hidden in tree.xpath(_HIDDEN):
        hidden.drop_tree()
    whole = tree_text(tree)
    with guarded(name, _KIND):
        found = trafilatura.bare_extraction(
            tree,
            with_metadata=True,
            include_comments=False,
            include_tables=True,
            include_formatting=True,
            # Only what the head states: a guess from the text could take any date that is written there.
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    text = tree_text(found.body) if isinstance(found, Document) else ""
    if len(text) < _LEAST:
        text = whole
    metadata = {key: getattr(found, key, None) for key in ("author", "sitename", "url")}
    return [
        Draft(
            text=text,
            title=title_stated(getattr(found, "title", None) or tree.findtext(".//title") or ""),
            date=getattr(found, "date", None),
            language=language_of(tree),
            metadata={key: one_line(value) for key, value in metadata.items() if value},
        )
    ]


def page_text(data: bytes) -> str:
    """Return the text of a page's bytes, in the encoding that the page states."""
    stated = _CHARSET.search(data[:2048])
    text = decode_as(data, stated and stated.group(1).decode("ascii", "replace"))
    return _DECLARATION.sub("", text, count=1)


def language_of(tree: _Element) -> str | None:
    """Return the language that a page's root element states."""
    return stated_language(tree.get("lang") or tree.get("xml:lang"))
