"""Files → documents: decoding, the leading date, the title, the language."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from index.document import Document, sha256_of
from index.errors import InputError
from index.language import detect_language
from index.sentences import split_sentences

SUFFIXES = frozenset({".txt", ".md"})

_log = logging.getLogger(__name__)

# The user's own files begin with a space, the word "date" and a year, month or day.
_HEADER = re.compile(r"\s*date[^\S\r\n]+(\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)(?![\d-])\s*")
_MARKDOWN_TITLE = re.compile(r"\s*#[^\S\r\n]+([^\r\n]+?)[^\S\r\n]*#*[^\S\r\n]*(?:[\r\n]|$)")
_TITLE_LENGTH = 90
# Text files hold no control characters but white space, form feed and escape.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def load_documents(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Iterator[Document]:
    """Yield the documents in files and folders, the `.txt` and `.md` files of a folder in path order.

    Raises InputError for a path that is missing, a folder without such files, and a file that is
    not text.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files = [file for path in several for file in _files(Path(path))]
    for file in dict.fromkeys(files):
        yield read_document(file)


def read_document(path: Path) -> Document:
    """Read one text or Markdown file; its id depends on its text alone, its source is its absolute path."""
    return make_document(_decode(path), source=str(path.resolve()))


def make_document(text: str, *, source: str = "") -> Document:
    """Make a document of a text, with what the text itself tells: date, title, language."""
    header = _HEADER.match(text)
    return Document(
        id=sha256_of(text)[:16],
        text=text,
        title=_title(text),
        source=source,
        date=header.group(1) if header else None,
        language=detect_language(text[body_start(text) :]),
    )


def body_start(text: str) -> int:
    """Return where the words of a text begin: after the leading date, which is never quoted."""
    header = _HEADER.match(text)
    return header.end() if header else 0


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not files:
            raise InputError(f"{path} holds no document: expected .txt or .md files in it or below it")
        return files
    if not path.exists():
        raise InputError(f"{path} does not exist: expected a text file or a folder of them")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is a {path.suffix or 'nameless'} file: expected .txt or .md; save it as text first")
    return [path]


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif _BINARY.search(data):
        raise InputError(
            f"{path} is not text (it holds control bytes): expected UTF-8 text; remove it or save it as text"
        )
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # Every byte means something in latin-1, so this cannot fail, but it may be the wrong letter.
        text = data.decode("cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", data) else "latin-1")
        _log.warning("%s is not UTF-8: read as Western European (cp1252); check its accents", path)
    if not text.strip():
        raise InputError(f"{path} is empty: expected some text; remove it")
    return text


def _title(text: str) -> str:
    start = body_start(text)
    heading = _MARKDOWN_TITLE.match(text, start)
    if heading:
        return heading.group(1)
    sentences = split_sentences(text, start, start + 10 * _TITLE_LENGTH)
    if not sentences:
        return ""
    opening = " ".join(text[slice(*sentences[0])].split())
    if len(opening) <= _TITLE_LENGTH:
        return opening
    return opening[: _TITLE_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" ,;:«(–-") + "…"
