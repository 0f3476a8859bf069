"""CSV, TSV and JSONL: one document a row, its parts in the columns that the user names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from index.dates import parse_date
from index.errors import InputError
from index.formats.draft import Draft, clean, one_line
from index.formats.options import Columns, ReadingOptions
from index.formats.text import decode
from index.language import detect_language, stated_language

_DELIMITERS = ",;\t|"
_MANY = 12
# What columns are called where nobody names them, by what they hold.
_USUAL = {
    "text": ("text", "texte", "body", "content", "contenu", "article"),
    "title": ("title", "titre", "headline", "name", "nom"),
    "date": ("date", "published", "published_at", "created_at"),
    "language": ("language", "langue", "lang"),
}

Row = tuple[int, Mapping[str, str]]


def read_csv(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read a table with a header line, parted by whichever of `,` `;` tab `|` parts its header most."""
    return _read(name, list(_csv_rows(name, decode(name, data), None, options)), options)


def read_tsv(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read a table with a header line, parted by tabs."""
    return _read(name, list(_csv_rows(name, decode(name, data), "\t", options)), options)


def read_jsonl(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one JSON object a line."""
    return _read(name, list(_json_rows(name, decode(name, data))), options)


def find_columns(path: Path, data: bytes, options: ReadingOptions) -> Columns | None:
    """Tell the columns of a table by their usual names, that of the text else by the length of what it holds.

    None for a file that is no table, or one without text. Raises InputError where it cannot be read.
    """
    name, suffix = str(path), path.suffix.lower()
    if suffix == ".jsonl":
        rows = list(_json_rows(name, decode(name, data)))
    elif suffix in (".csv", ".tsv"):
        rows = list(_csv_rows(name, decode(name, data), "\t" if suffix == ".tsv" else None, options))
    else:
        return None
    lengths: dict[str, int] = {}
    for _, row in rows:
        for column, cell in row.items():
            lengths[column] = lengths.get(column, 0) + len(cell)
    called = {column.strip().casefold(): column for column in lengths}
    usual = {what: next((called[name] for name in names if name in called), None) for what, names in _USUAL.items()}
    text = usual.pop("text") or max(lengths, key=lambda column: lengths[column], default=None)
    if not text:
        return None
    return Columns(text=text, **{what: column for what, column in usual.items() if column != text})


def _read(name: str, rows: list[Row], options: ReadingOptions) -> list[Draft]:
    found = list(dict.fromkeys(column for _, row in rows for column in row))
    listed = ", ".join(one_line(column)[:40] for column in found[:_MANY]) + (", …" if len(found) > _MANY else "")
    columns = options.columns
    if columns is None:
        raise InputError(f"{name} is a table with the columns {listed}: name the one that holds text, --text COLUMN")
    wanted = (columns.text, columns.title, columns.date, columns.language)
    if missing := [column for column in wanted if column is not None and column not in found]:
        raise InputError(f"{name} has no column {missing[0]!r}: expected one of {listed}")
    return [_draft(row, number, columns) for number, row in rows if row.get(columns.text, "").strip()]


def _draft(row: Mapping[str, str], number: int, columns: Columns) -> Draft:
    text = row[columns.text]
    language = stated_language(row.get(columns.language)) if columns.language else None
    stated = row.get(columns.date, "") if columns.date else ""
    date = parse_date(stated, language=language or detect_language(text)) if stated else None
    used = {columns.text, columns.title, columns.language}
    if not stated or date is not None:
        # A date that cannot be read stays in the metadata, as it was written.
        used.add(columns.date)
    return Draft(
        text=text,
        title=one_line(row.get(columns.title, "")) if columns.title else "",
        date=date,
        language=language,
        metadata={clean(column): clean(cell) for column, cell in row.items() if column not in used and cell},
        number=number,
    )


def _csv_rows(name: str, text: str, delimiter: str | None, options: ReadingOptions) -> Iterator[Row]:
    # csv refuses cells over 131,072 characters; a document may be longer. The setting is the process's.
    csv.field_size_limit(max(csv.field_size_limit(), options.limits.characters))
    if delimiter is None:
        header = next(iter(text.lstrip("\r\n").splitlines()), "")
        delimiter = max(_DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [column.strip() for column in next((cells for cells in reader if cells), [])]
        if len(set(columns)) < len(columns):
            twice = next(column for column in columns if columns.count(column) > 1)
            raise InputError(f"{name} has two columns {twice!r}: expected a header line with a name for each column")
        for number, cells in enumerate((cells for cells in reader if cells), start=1):
            if len(cells) > len(columns):
                raise InputError(
                    f"{name} has {len(cells)} cells in row {number}: expected the {len(columns)} of its header;"
                    ' put cells that hold commas or quotes in "…"'
                )
            yield number, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise InputError(f"{name} cannot be read as a table ({error}): save it anew as CSV in UTF-8") from error


def _json_rows(name: str, text: str) -> Iterator[Row]:
    lines = (line for line in text.split("\n") if line.strip())
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name} has no JSON object in row {number}: expected one on each line") from error
        if not isinstance(row, dict):
            raise InputError(f"{name} has no JSON object in row {number}: expected one on each line")
        yield number, {column: _cell(value) for column, value in row.items()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
