"""EPUB books: the chapters in reading order, with the title, date and language of the package file."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zipfile import ZipFile

from index.dates import parse_date
from index.errors import InputError
from index.formats.archives import is_outside, member_bytes, open_archive
from index.formats.draft import Draft, one_line, title_stated
from index.formats.html import page_text
from index.formats.markup import html_tree, tree_text, xml_tree
from index.formats.options import ReadingOptions
from index.language import stated_language

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "an EPUB book"
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/xml"})
_DC = "{http://purl.org/dc/elements/1.1/}"
# Fonts may be disguised without locking the text; these schemes do only that.
_FONT_SCHEMES = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one book as one document."""
    archive = open_archive(name, data, _KIND, options.limits)
    _refuse_locked(archive, name)
    container = xml_tree(member_bytes(archive, "META-INF/container.xml", name, _KIND), name, _KIND)
    package_path = next((path for file in container.iter("{*}rootfile") if (path := file.get("full-path"))), None)
    if package_path is None:
        raise InputError(f"{name} is not {_KIND}: its container names no package file; convert it again")
    package = xml_tree(member_bytes(archive, package_path, name, _KIND), name, _KIND)
    members = set(archive.namelist())
    chapters = []
    for path in _spine(package, package_path, name):
        if path in members:
            chapters.append(_chapter(member_bytes(archive, path, name, _KIND), name))
    return [
        Draft(
            text="\n\n".join(chapter for chapter in chapters if chapter),
            title=title_stated(_stated(package, "title")),
            date=parse_date(_stated(package, "date")),
            language=stated_language(_stated(package, "language")),
            metadata={key: value for key in ("creator", "publisher") if (value := _stated(package, key))},
        )
    ]


def _refuse_locked(archive: ZipFile, name: str) -> None:
    if "META-INF/encryption.xml" not in archive.namelist():
        return
    tree = xml_tree(member_bytes(archive, "META-INF/encryption.xml", name, _KIND), name, _KIND)
    for method in tree.iter("{*}EncryptionMethod"):
        if method.get("Algorithm") not in _FONT_SCHEMES:
            raise InputError(f"{name} is locked (DRM): expected a book in clear; get one without DRM")


def _spine(package: _Element, package_path: str, name: str) -> list[str]:
    """Return the members that hold the chapters, in reading order, without the table of contents."""
    items = {}
    for item in package.iter("{*}item"):
        if item.get("media-type") in _CHAPTERS and "nav" not in (item.get("properties") or "").split():
            items[item.get("id")] = unquote(item.get("href") or "")
    folder = posixpath.dirname(package_path)
    paths = []
    for reference in package.iter("{*}itemref"):
        href = items.get(reference.get("idref"))
        if not href:
            continue
        path = posixpath.normpath(posixpath.join(folder, href.split("#")[0]))
        if is_outside(path):
            raise InputError(f"{name} names a file outside itself ({href[:80]!r}): it was made to do harm")
        paths.append(path)
    # A chapter named twice is read once, or a small book could unpack to a huge text.
    return list(dict.fromkeys(paths))


def _chapter(data: bytes, name: str) -> str:
    text = page_text(data)
    return tree_text(html_tree(text, name, _KIND)) if text.strip() else ""


def _stated(package: _Element, key: str) -> str:
    return one_line(next((element.text or "" for element in package.iter(_DC + key)), ""))
