"""How passages and what is known of them lie in the collections of a server, and how rows become documents.

A store has three collections. `NAME` has a row for each passage: its vector, its terms, where it stands, and
what filters ask. `NAME_catalogue` has everything else: documents, their texts in parts, where they come from,
which files were read, how many passages hold a term. `NAME_state` says which of all that counts.

A row is written once and never changed. It notes the revision in which it came (`born`); what goes is named
by a row of its own (`Kind.GONE`) and deleted once nobody can be reading it any more. So readers of a revision
see nothing of the next one, until a single row, the state, says that it counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Self

from index.document import Document, Passage
from index.filters import Filters
from index.milvus.connection import Connection, Field, Row
from index.milvus.terms import number_of, term_index
from index.schema import digest_of, document_of, values_of

# In a store of the first format passages are not found by the titles of their documents, and those that come later
# are not either: counts of terms that were made without would not be those that are taken off when a passage goes.
FORMAT = 2
FORMATS = (1, FORMAT)
# Neighbours of a passage in the graph, and candidates when it is placed (HNSW, doi:10.1109/TPAMI.2018.2889473).
_GRAPH = {"M": 24, "efConstruction": 200}
_LONGEST_VALUE = 65_535
# Of any characters, this many fit.
_PART = 16_000
_NOT_DATED = (99_999_999, -1)
# A document's number is its change's and its own within it; a passage's is its document's and its own within that.
_DOCUMENT_BITS, _PASSAGE_BITS = 22, 17
MOST_DOCUMENTS, MOST_PASSAGES = 2**_DOCUMENT_BITS, 2**_PASSAGE_BITS
_ALMOST_NO_VECTOR = [1.0, 0.0]


@dataclass(frozen=True, slots=True)
class Collections:
    """What the collections of a store are called."""

    passages: str

    @property
    def catalogue(self) -> str:
        return f"{self.passages}_catalogue"

    @property
    def state(self) -> str:
        return f"{self.passages}_state"

    def __iter__(self) -> Iterator[str]:
        return iter((self.passages, self.catalogue, self.state))


class Kind(IntEnum):
    """What a row of the catalogue tells of."""

    DOCUMENT = 1
    TEXT = 2
    SOURCE = 3
    FILE = 4
    TERM = 5
    GONE = 6


@dataclass(frozen=True, slots=True)
class State:
    """What counts: everything born up to `revision` that is not gone by then.

    `attempt` is the number of the newest change, finished or not, and the next one's is higher. With
    `is_clean`, all that is gone by this revision has been deleted. `fields` are those of `index/words.py` in
    use, `written_at` is when it was written, in seconds since 1970. `identity` is drawn when a store is made, and
    `unsealed` how many passages came since the server was last told to index what it has.
    """

    model: str
    fingerprint: str
    dimension: int
    revision: int = 0
    attempt: int = 0
    is_clean: bool = True
    documents: int = 0
    passages: int = 0
    newest_date: str | None = None
    fields: tuple[str, ...] = ()
    written_at: float = 0.0
    identity: str = ""
    unsealed: int = 0
    format: int = FORMAT

    @property
    def has_titles(self) -> bool:
        """Whether its passages are found by the titles of their documents too."""
        return self.format > 1

    @property
    def order(self) -> tuple[int, int, bool]:
        """What the newest of several states has most of."""
        return self.revision, self.attempt, self.is_clean

    @property
    def name(self) -> str:
        return f"rev-{self.revision}"

    @property
    def key(self) -> str:
        return f"state.{self.revision}.{self.attempt}.{int(self.is_clean)}"

    def row(self) -> Row:
        return state_row(self.key, asdict(self))

    @classmethod
    def of_row(cls, row: Row) -> Self:
        values = json.loads(row["value"])
        return cls(**{**values, "fields": tuple(values["fields"])})

    @staticmethod
    def format_of(row: Row) -> object:
        return json.loads(row["value"]).get("format")


@dataclass(frozen=True, slots=True)
class Entry:
    """A document's row in the catalogue: what lists show, and how to find the rest."""

    number: int
    id: str
    digest: str
    title: str
    date: str | None
    language: str | None
    characters: int
    metadata: dict[str, str]
    parts: int
    passages: int

    @classmethod
    def of(cls, document: Document, number: int, digest: str, *, parts: int, passages: int) -> Self:
        return cls(
            number,
            document.id,
            digest,
            document.title,
            document.date,
            document.language,
            len(document.text),
            dict(document.metadata),
            parts,
            passages,
        )

    @property
    def key(self) -> str:
        return document_key(self.number)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage stands: `start` and `end` in the text of a document that lies in so many parts.

    `language` is that of the document, "" where it shows none.
    """

    number: int
    document: int
    start: int
    end: int
    parts: int
    text_sha256: str
    language: str


def fields_of(collections: Collections, dimension: int, connection: Connection) -> dict[str, list[Field]]:
    """Return the fields of each collection of a store, for vectors of a length, as a server can have them."""
    over_numbers = {"index_type": "INVERTED" if connection.has_sparse_vectors else "STL_SORT"}
    # A collection must have a vector; that of two of them says nothing.
    nothing = Field("vector", "FLOAT_VECTOR", options={"dim": 2}, index={"index_type": "FLAT", "metric_type": "IP"})
    key = Field("key", "VARCHAR", is_primary=True, options={"max_length": 64})
    value = Field("value", "VARCHAR", options={"max_length": _LONGEST_VALUE})
    return {
        collections.passages: [
            Field("number", "INT64", is_primary=True),
            Field("document", "INT64", index=over_numbers),
            Field("born", "INT64"),
            Field("start", "INT64"),
            Field("end", "INT64"),
            Field("parts", "INT64"),
            Field("text_sha256", "VARCHAR", options={"max_length": 64}),
            Field("first_day", "INT64"),
            Field("last_day", "INT64"),
            Field("language", "VARCHAR", options={"max_length": 16}),
            Field("tags", "ARRAY", options={"element_type": "INT64", "max_capacity": 256}),
            term_index(connection).field,
            Field(
                "vector",
                "FLOAT_VECTOR",
                options={"dim": dimension},
                index={"index_type": "HNSW", "metric_type": "IP", "params": _GRAPH},
            ),
        ],
        collections.catalogue: [
            key,
            Field("kind", "INT64"),
            Field("name", "INT64", index=over_numbers),
            Field("document", "INT64", index=over_numbers),
            Field("born", "INT64"),
            value,
            nothing,
        ],
        collections.state: [key, value, nothing],
    }


def state_row(key: str, value: object) -> Row:
    """Return a row of the collection that says what counts, or who writes."""
    return {"key": key, "value": json.dumps(value), "vector": _ALMOST_NO_VECTOR}


def catalogue_row(kind: Kind, key: str, name: str, document: int, born: int, value: str) -> Row:
    return {
        "key": key,
        "kind": int(kind),
        "name": name_number(kind, name),
        "document": document,
        "born": born,
        "value": value,
        "vector": _ALMOST_NO_VECTOR,
    }


def name_number(kind: Kind, name: str) -> int:
    """Return the number of 62 bits by which a name is looked up; who finds a row compares the name itself."""
    return number_of(f"{kind.name}:{name}")


def document_number(change: int, ordinal: int) -> int:
    return change << _DOCUMENT_BITS | ordinal


def passage_number(document: int, ordinal: int) -> int:
    return document << _PASSAGE_BITS | ordinal


def document_key(number: int) -> str:
    return f"d{number:x}"


def text_keys(number: int, parts: int) -> list[str]:
    return [f"t{number:x}.{part:x}" for part in range(parts)]


def versioned_key(kind: Kind, name: str, born: int) -> str:
    """Return the key of what is known of a name from a revision on."""
    return f"{kind.name[0].lower()}{name_number(kind, name):x}.{born:x}"


def gone_key(key: str) -> str:
    return f"x{key}"


def text_rows(number: int, document: Document, digest: str, born: int) -> list[Row]:
    """Return the rows that hold a whole document, with its checksum, but where it comes from."""
    whole = json.dumps([list(values_of(document)), digest], ensure_ascii=False)
    parts = [whole[begin : begin + _PART] for begin in range(0, len(whole), _PART)]
    return [
        catalogue_row(Kind.TEXT, key, "", number, born, part)
        for key, part in zip(text_keys(number, len(parts)), parts, strict=True)
    ]


def columns_of(parts: Sequence[str]) -> list[Any] | None:
    """Return the columns of a document from the values of its rows; None if they are not what was written."""
    try:
        columns, digest = json.loads("".join(parts))
        return list(columns) if digest_of(columns) == digest else None
    except (ValueError, TypeError):
        return None


def document_from(columns: Sequence[Any], sources: Iterable[str]) -> Document:
    return document_of(columns, tuple(sorted(sources)))


def passage_of(document: Document, span: Span) -> Passage:
    text = document.text[span.start : span.end]
    return Passage(f"{document.id}:{span.start}-{span.end}", document.id, span.start, span.end, text)


def filterable(document: Document) -> dict[str, object]:
    """Return the fields of a passage that filters ask, from its document."""
    first, last = days_of(document.date)
    return {
        "first_day": first,
        "last_day": last,
        "language": (document.language or "")[:16],
        "tags": [tag(key, value) for key, value in sorted(document.metadata.items())][:256],
    }


def conditions_of(filters: Filters) -> Iterator[str]:
    """Yield what a row of a passage must fulfil, but for the sources."""
    if filters.after:
        yield f"last_day >= {days_of(filters.after)[0]}"
    if filters.before:
        yield f"first_day <= {days_of(filters.before)[1]}"
    if filters.languages:
        yield f"language in {json.dumps(list(filters.languages))}"
    for key, value in sorted(filters.metadata.items()):
        yield f"array_contains(tags, {tag(key, value)})"


def days_of(date: str | None) -> tuple[int, int]:
    """Return the first and the last day that a date of any precision may mean, as 20221004; none of no date."""
    digits = (date or "").replace("-", "")
    if len(digits) not in (4, 6, 8) or not digits.isdecimal():
        return _NOT_DATED
    return int(digits.ljust(8, "0")), int(digits.ljust(8, "9"))


def tag(key: str, value: str) -> int:
    """Return the number that stands for a value of the metadata."""
    return number_of(f"{len(key)}:{key}={value}")
