"""Documents → passages → one persistent index that finds them by meaning and by words."""

from __future__ import annotations

from index.bulk.embedding import EmbeddingReport, embed_files
from index.document import Document, DocumentSummary, Passage
from index.embedder import Embedder, open_embedder
from index.errors import (
    IndexAccessError,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    InputError,
    ModelError,
    PassageIndexError,
    SourcierError,
)
from index.filters import Filters
from index.locations import default_index_folder
from index.passage_index import PassageIndex
from index.passage_store import CheckReport, check
from index.passages import split_passages
from index.reading import (
    Columns,
    Limits,
    ReadingOptions,
    load_documents,
    make_document,
    read_document,
)
from index.syncing import FailedFile, SyncReport

__all__ = [
    "CheckReport",
    "Columns",
    "Document",
    "DocumentSummary",
    "Embedder",
    "EmbeddingReport",
    "FailedFile",
    "Filters",
    "IndexAccessError",
    "IndexBusyError",
    "IndexDamagedError",
    "IndexMismatchError",
    "IndexNotFoundError",
    "InputError",
    "Limits",
    "ModelError",
    "Passage",
    "PassageIndex",
    "PassageIndexError",
    "ReadingOptions",
    "SourcierError",
    "SyncReport",
    "check",
    "default_index_folder",
    "embed_files",
    "load_documents",
    "make_document",
    "open_embedder",
    "read_document",
    "split_passages",
]
