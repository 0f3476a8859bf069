"""Files → documents: which reader reads what, and what a text itself tells of its date, title and language."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from index.dates import Dateline, find_dateline, parse_date
from index.document import Document, sha256_of
from index.errors import InputError
from index.formats.docx import read_docx
from index.formats.draft import Draft, clean
from index.formats.epub import read_epub
from index.formats.feeds import HEAD, is_feed, read_feed
from index.formats.html import read_html
from index.formats.mail import read_mail
from index.formats.options import Columns, Limits, ReadingOptions
from index.formats.pdf import read_pdf
from index.formats.tables import read_csv, read_jsonl, read_tsv
from index.formats.text import read_text
from index.front_matter import find_front_matter
from index.language import detect_language
from index.sentences import split_sentences

__all__ = [
    "SUFFIXES",
    "Columns",
    "Limits",
    "ReadingOptions",
    "body_start",
    "check_some_readable",
    "find_files",
    "find_tables",
    "holds_nothing",
    "load_documents",
    "make_document",
    "parse_documents",
    "read_bytes",
    "read_document",
]

Reader = Callable[[str, bytes, ReadingOptions], list[Draft]]

_READERS: Mapping[str, Reader] = {
    ".txt": read_text,
    ".md": read_text,
    ".markdown": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".epub": read_epub,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".rss": read_feed,
    ".atom": read_feed,
    ".xml": read_feed,
    ".eml": read_mail,
}
_TABLES = frozenset({".csv", ".tsv", ".jsonl"})
_DEFAULTS = ReadingOptions()
SUFFIXES = tuple(_READERS)
_EXPECTED = ", ".join(SUFFIXES)

# The user's own files begin with a space, the word "date" and a year, month or day.
_HEADER = re.compile(r"\s*date[^\S\r\n]+(\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)(?![\d-])\s*")
_MARKDOWN_TITLE = re.compile(r"\s*#[^\S\r\n]+([^\r\n]+?)[^\S\r\n]*#*[^\S\r\n]*(?:[\r\n]|$)")
_TITLE_LENGTH = 90


def load_documents(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, options: ReadingOptions = _DEFAULTS
) -> Iterator[Document]:
    """Yield the documents in files and folders, the files of a folder in path order.

    Raises InputError for a path that is missing, a folder without documents, and a file that
    cannot be read as what its name says.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files: dict[Path, None] = {}
    for path in map(Path, several):
        found = find_files(path, options)
        if not found:
            raise holds_nothing(path, options)
        files.update(dict.fromkeys(found))
    for file in files:
        yield from parse_documents(file, _bytes_or_error(file, options), options)


def read_document(path: Path) -> Document:
    """Read a file that is one document; its source is its absolute path."""
    options = _DEFAULTS
    documents = parse_documents(path, _bytes_or_error(path, options), options)
    if len(documents) > 1:
        raise InputError(f"{path} holds {len(documents)} documents: expected one; use load_documents")
    return documents[0]


def find_files(path: Path, options: ReadingOptions = _DEFAULTS) -> list[Path]:
    """Return the readable files of a folder in path order, or the one file; hidden ones are left out.

    In a folder, tables count only where `options` names their columns, and XML only where it is a
    feed. Raises InputError for a path that is missing, a folder that cannot be read or holds too
    many files, and a file of an unknown kind.
    """
    if not path.is_dir():
        if not path.exists():
            raise InputError(f"{path} does not exist: expected a file or a folder of them")
        if path.suffix.lower() not in _READERS:
            raise InputError(f"{path} is a {path.suffix or 'nameless'} file: expected {_EXPECTED}; save it as one")
        return [path]
    files = []
    for file in _walk(path, options):
        if _counts(file, options):
            files.append(file)
        if len(files) > options.limits.files:
            raise InputError(f"{path} holds over {options.limits.files:,} files: expected fewer; name its subfolders")
    return sorted(files)


def find_tables(path: Path, options: ReadingOptions = _DEFAULTS) -> list[Path]:
    """Return the tables of a folder that `find_files` leaves out, in path order; none where columns are named."""
    if options.columns is not None or not path.is_dir():
        return []
    return sorted(file for file in _walk(path, options) if file.suffix.lower() in _TABLES)


def holds_nothing(folder: Path, options: ReadingOptions = _DEFAULTS) -> InputError:
    """Return the error for a folder in which `find_files` finds nothing."""
    if tables := find_tables(folder, options):
        return InputError(
            f"{folder} holds no document but tables, such as {tables[0].name}: name the column that holds text, "
            "--text COLUMN"
        )
    return InputError(f"{folder} holds no document: expected files such as .txt, .md, .html or .pdf in it or below it")


def read_bytes(path: Path, options: ReadingOptions = _DEFAULTS) -> bytes:
    """Return what a file holds; OSError passes through, InputError says that it is too large or no file."""
    # Opening a pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no ordinary file: expected one that holds a document")
        limit = options.limits.bytes
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            # It may grow while it is read.
            data = file.read(limit + 1) if status.st_size <= limit else b""
        size = max(status.st_size, len(data))
    finally:
        os.close(descriptor)
    if size > limit:
        raise InputError(f"{path} has {size:,} bytes: expected at most {limit:,}; split it")
    return data


def check_some_readable(files: Iterable[Path], options: ReadingOptions = _DEFAULTS) -> None:
    """Raise InputError if there are files and none of them holds a document; reads until one does."""
    reasons = []
    for file in files:
        try:
            parse_documents(file, _bytes_or_error(file, options), options)
        except InputError as error:
            reasons.append(str(error))
        else:
            return
    if reasons:
        others = f" ({len(reasons) - 1} more of the files cannot be read either)" if len(reasons) > 1 else ""
        raise InputError(reasons[0] + others)


def parse_documents(path: Path, data: bytes, options: ReadingOptions = _DEFAULTS) -> list[Document]:
    """Turn the bytes of a file into its documents, at least one; raises InputError where there is none."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is a {path.suffix or 'nameless'} file: expected {_EXPECTED}; save it as one")
    if not data.strip():
        raise InputError(f"{path} is empty: expected some text; remove it")
    drafts = reader(str(path), data, options)
    documents = [_document(path, draft, options) for draft in drafts]
    if not documents:
        raise InputError(f"{path} is empty: expected a text in one of its rows or entries; remove it")
    return documents


def make_document(
    text: str,
    *,
    source: str = "",
    title: str = "",
    date: str | None = None,
    language: str | None = None,
    pages: tuple[int, ...] = (),
    metadata: Mapping[str, str] | None = None,
) -> Document:
    """Make a document of a text; what is not stated here is taken from the text itself.

    Its id depends on the text, and on title, date, language and metadata where they are given.
    """
    front = find_front_matter(text)
    header = _HEADER.match(text, front.end)
    start = header.end() if header else front.end
    spoken = language or front.language or detect_language(text[start:])
    dateline = find_dateline(text, start, language=spoken)
    stated = [title, date, language, sorted((metadata or {}).items())]
    return Document(
        id=sha256_of(f"{text}\0{json.dumps(stated)}" if any(stated) else text)[:16],
        text=text,
        title=title or front.title or _title(text, _opening(text, start, dateline)),
        source=source,
        date=date
        or (header.group(1) if header else None)
        or parse_date(front.date, language=spoken)
        or (dateline.date if dateline else None),
        language=spoken,
        pages=pages,
        metadata={**front.others, **(metadata or {})},
    )


def body_start(text: str) -> int:
    """Return where the words of a text begin: after front matter and the leading date, which are never quoted."""
    start = find_front_matter(text).end
    header = _HEADER.match(text, start)
    return header.end() if header else start


def _document(path: Path, draft: Draft, options: ReadingOptions) -> Document:
    text = clean(draft.text)
    if not text[body_start(text) :].strip():
        raise InputError(f"{path} is empty: expected some text; remove it")
    most = options.limits.characters
    if len(text) > most:
        raise InputError(f"{path} has {len(text):,} characters: expected at most {most:,}; split it")
    return make_document(
        text,
        source=str(path.resolve()) if draft.number is None else f"{path}#{draft.number}",
        title=draft.title,
        date=draft.date,
        language=draft.language,
        pages=draft.pages,
        metadata=draft.metadata,
    )


def _bytes_or_error(path: Path, options: ReadingOptions) -> bytes:
    try:
        return read_bytes(path, options)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _walk(folder: Path, options: ReadingOptions) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden, and no link that leads out of it unless asked."""

    def refuse(error: OSError) -> None:
        # Left out in silence, its documents would look as if they had been removed.
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error

    root = folder.resolve()
    seen = {root}
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=options.follow_links):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith(".") and _is_new(here / name, seen, options)]
        for name in names:
            file = here / name
            if name.startswith(".") or not file.is_file():
                continue
            if options.follow_links or not file.is_symlink() or file.resolve().is_relative_to(root):
                yield file


def _is_new(folder: Path, seen: set[Path], options: ReadingOptions) -> bool:
    """Whether a folder was not walked before; links can lead in circles."""
    if not options.follow_links:
        return True
    target = folder.resolve()
    if target in seen:
        return False
    seen.add(target)
    return True


def _counts(file: Path, options: ReadingOptions) -> bool:
    suffix = file.suffix.lower()
    if suffix in _TABLES:
        return options.columns is not None
    if suffix == ".xml":
        try:
            with file.open("rb") as opened:
                return is_feed(opened.read(HEAD))
        except OSError:
            # Reading it will say why it cannot be read.
            return True
    return suffix in _READERS


def _opening(text: str, start: int, dateline: Dateline | None) -> int:
    """Return where the words begin that may name a text: a text that opens with its date is not named by it."""
    if dateline is None or text[start : dateline.start].strip() or not text[dateline.end :].strip():
        return start
    return dateline.end


def _title(text: str, start: int) -> str:
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
