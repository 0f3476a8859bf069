"""Whether a shared store holds what was written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from index.document import Document
from index.errors import IndexDamagedError
from index.milvus.schema import Entry, Span, passage_of
from index.milvus.snapshot import MilvusSnapshot
from index.passage_store import CheckReport
from index.passages import sentences_of

# What rounding to float16 leaves of a length of 1.
_TOLERANCE = 5e-3


def check_server(snapshot: MilvusSnapshot, mended: tuple[str, ...] = ()) -> CheckReport:
    """Verify every document, passage and vector of a revision, and that there are as many as it says."""
    problems: list[str] = []
    passages = sentences = 0
    entries = list(snapshot.entries())
    for entry in entries:
        try:
            found = list(snapshot.placed([entry]))
            of_it = [sentences_of(document, passage_of(document, span)) for document, span in found]
            problems += _problems(snapshot, entry, found)
        except IndexDamagedError as error:
            problems.append(str(error))
            continue
        passages += len(found)
        sentences += sum(map(len, of_it))
    for what, said, there in (
        ("documents", snapshot.count_documents(), len(entries)),
        ("passages", len(snapshot), passages),
    ):
        if said != there and not problems:
            problems.append(f"{snapshot.place} has {there:,} {what}, expected {said:,}; index the documents again")
    return CheckReport(len(entries), passages, sentences, tuple(problems), mended)


def _problems(snapshot: MilvusSnapshot, entry: Entry, found: list[tuple[Document, Span]]) -> Iterator[str]:
    again = f"take it out with: sourcier remove {entry.id} --store {snapshot.place}, then index its file again"
    if len(found) != entry.passages:
        yield f"document {entry.id} has {len(found):,} passages, expected {entry.passages:,}; {again}"
    for document, span in found:
        if passage_of(document, span).sha256 != span.text_sha256:
            yield f"a passage of document {entry.id} is not where it was; {again}"
            return
    numbers = np.array(sorted(span.number for _, span in found), np.int64)
    lengths = np.linalg.norm(snapshot.stored_vectors(numbers), axis=1) if len(numbers) else np.ones(0)
    if not np.all(np.abs(lengths - 1) < _TOLERANCE):
        yield f"a vector of document {entry.id} is damaged; {again}"
