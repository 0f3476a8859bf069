"""A shard: some documents, their passages and vectors, in one Parquet file.

A row is a passage. The first row of a document has the document too, and a document without passages has a row
that has nothing else; so a shard says everything that an index wants, and is whole or not there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index import durable
from index.document import Document, Passage
from index.errors import InputError

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

FORMAT = 1
INSTALL = "pip install 'sourcier[bulk]'"
_META = b"sourcier"


@dataclass(frozen=True, slots=True)
class Read:
    """A document with the file it was read from, and its passages; `vectors` is float16, (len(passages), dimension)."""

    document: Document
    file: str
    passages: tuple[Passage, ...]
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """What a shard says of itself; `failed` are the files that held no document, each with the reason."""

    fingerprint: str
    passages: int
    documents: int
    failed: tuple[tuple[str, str], ...]


def require_pyarrow() -> None:
    """Raise InputError, with what mends it, where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise InputError(f"shards of vectors need a package that is not installed; get it with: {INSTALL}")


def write_shard(
    path: Path, several: Sequence[Read], failed: Sequence[tuple[str, str]], *, fingerprint: str, dimension: int
) -> ShardInfo:
    """Write a shard, all of it or none."""
    import pyarrow as pa
    from pyarrow import parquet

    info = ShardInfo(fingerprint, sum(len(one.passages) for one in several), len(several), tuple(failed))
    rows: dict[str, list[Any]] = {name: [] for name in ("document_id", "document", "start", "end", "text", "sha256")}
    vectors: list[NDArray[np.float16] | None] = []
    for one in several:
        stated = json.dumps(_values(one), ensure_ascii=False)
        for i, passage in enumerate(one.passages or (None,)):
            rows["document_id"].append(one.document.id)
            rows["document"].append(stated if i == 0 else None)
            rows["start"].append(passage and passage.start)
            rows["end"].append(passage and passage.end)
            rows["text"].append(passage and passage.text)
            rows["sha256"].append(passage and passage.sha256)
            vectors.append(one.vectors[i] if passage else None)
    columns = {
        **{name: pa.array(rows[name], pa.string()) for name in ("document_id", "document", "text", "sha256")},
        **{name: pa.array(rows[name], pa.int64()) for name in ("start", "end")},
        "vector": pa.array(vectors, pa.list_(pa.float16(), dimension)),
    }
    meta = {"format": FORMAT, "fingerprint": fingerprint, "documents": info.documents, "failed": failed}
    table = pa.table(columns).replace_schema_metadata({_META: json.dumps(meta)})
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        parquet.write_table(table, draft, compression="zstd")
        durable.flush(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return info


def shard_info(path: Path) -> ShardInfo:
    """Read what a shard says of itself; raises InputError for what is none."""
    with _opened(path) as file:
        return _info(path, file)


def read_shard(path: Path) -> Iterator[Read]:
    """Yield the documents of a shard; raises InputError for what is none."""
    with _opened(path) as file:
        _info(path, file)
        table = file.read()
    rows = table.drop_columns(["vector"]).to_pylist()
    column = table["vector"].combine_chunks()
    dimension = column.type.list_size
    # Rows without a passage have no vector, and their place in the flat values all the same.
    flat = column.values.to_numpy(zero_copy_only=False).reshape(-1, dimension) if len(column) else None
    begin = 0
    while begin < len(rows):
        end = begin + 1
        while end < len(rows) and rows[end]["document"] is None:
            end += 1
        document, file_name = _document(path, rows[begin])
        has_passages = rows[begin]["start"] is not None
        some = rows[begin:end] if has_passages else []
        passages = tuple(
            Passage(f"{document.id}:{row['start']}-{row['end']}", document.id, row["start"], row["end"], row["text"])
            for row in some
        )
        for passage, row in zip(passages, some, strict=True):
            if document.text[passage.start : passage.end] != passage.text or passage.sha256 != row["sha256"]:
                raise _not_a_shard(path, f"a passage of document {document.id} is not where it says")
        assert flat is not None
        yield Read(document, file_name, passages, np.asarray(flat[begin : begin + len(some)], np.float16))
        begin = end


def _values(one: Read) -> dict[str, Any]:
    document = one.document
    return {
        "id": document.id,
        "text": document.text,
        "title": document.title,
        "source": document.source,
        "other_sources": document.other_sources,
        "date": document.date,
        "language": document.language,
        "pages": document.pages,
        "metadata": dict(document.metadata),
        "file": one.file,
    }


def _document(path: Path, row: dict[str, Any]) -> tuple[Document, str]:
    try:
        values = json.loads(row["document"])
        file = str(values.pop("file"))
        lists = {name: tuple(values[name]) for name in ("pages", "other_sources")}
        return Document(**{**values, **lists}), file
    except (ValueError, TypeError, KeyError) as error:
        raise _not_a_shard(path, f"document {row['document_id']} cannot be read: {error}") from error


def _opened(path: Path) -> pyarrow.parquet.ParquetFile:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise _not_a_shard(path, str(error).splitlines()[0]) from error


def _info(path: Path, file: pyarrow.parquet.ParquetFile) -> ShardInfo:
    try:
        meta = json.loads(file.schema_arrow.metadata[_META])
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']}, expected {FORMAT}")
        failed = tuple((name, reason) for name, reason in meta["failed"])
        return ShardInfo(meta["fingerprint"], file.metadata.num_rows, meta["documents"], failed)
    except (ValueError, TypeError, KeyError) as error:
        raise _not_a_shard(path, str(error)) from error


def _not_a_shard(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is no whole shard of vectors ({reason}): expected one that `sourcier embed` wrote; delete it, and "
        "embed again what is missing"
    )
