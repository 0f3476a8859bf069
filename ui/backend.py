"""What the chat asks of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from index import Document, DocumentSummary, Filters, PassageIndex
from qa import Answer, Answerer, Retriever, SearchHit
from qa.reader import Reader
from ui.demo import example_questions
from ui.embedding import Embedding
from ui.library import Library
from ui.originals import read_original
from ui.uploads import Outcome, Received


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an index holds: its generation's name, how many documents and passages, which share of them embedded."""

    generation: str
    documents: int
    passages: int
    coverage: float = 1.0


class ChatBackend(Protocol):
    """What the chat needs to know: answers, and what they can come from."""

    def ask(self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None) -> Answer:
        """Answer a question that may follow on from others; raise `SourcierError` for a mistake of who asked."""
        ...

    def stages(
        self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None
    ) -> Iterator[Sequence[SearchHit] | Answer]:
        """Yield the passages that are going to be read, then the answer, as `ask` returns it."""
        ...

    def retrieve(self, question: str, *, top_k: int = 5, filters: Filters | None = None) -> Sequence[SearchHit]:
        """Return the passages that match best; raise `SourcierError` for a mistake of who asked."""
        ...

    def holdings(self) -> Holdings:
        """Return how much is indexed; raise `SourcierError` where the index cannot be read."""
        ...

    def documents(self, filters: Filters | None = None) -> Sequence[DocumentSummary]:
        """Return the indexed documents that pass, by title."""
        ...

    def add_files(self, files: Sequence[Received], on_begin: Callable[[], None]) -> Outcome:
        """Add the documents of files, after those who came first; `on_begin` is called when it begins."""
        ...

    def remove(self, ids: Iterable[str]) -> Sequence[DocumentSummary]:
        """Remove documents; return those that were there."""
        ...

    def original(self, document_id: str) -> tuple[str, bytes] | None:
        """Return the name and the bytes of the PDF file that a document was read from; None if it is not as it was."""
        ...

    def examples(self) -> Mapping[str, Sequence[str]]:
        """Return example questions by interface language; may be empty."""
        ...

    def read(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Return those of the named documents that are there, by id."""
        ...


class IndexBackend:
    """A chat over an index."""

    def __init__(self, passage_index: PassageIndex, reader: Reader) -> None:
        self._passage_index = passage_index
        self._answerer = Answerer(passage_index, reader=reader)
        self._retriever = Retriever(passage_index)
        self._embedding = Embedding(passage_index)
        self._library = Library(passage_index, self._embedding)
        # Every visitor's page asks for these; they change only with the index.
        self._documents = lru_cache(4)(lambda _generation, filters: passage_index.summaries(filters))
        self._examples = lru_cache(1)(lambda _generation: example_questions(self.documents()))

    def ask(self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None) -> Answer:
        return self._answerer.ask(question, history=history, filters=filters)

    def stages(
        self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None
    ) -> Iterator[Sequence[SearchHit] | Answer]:
        return self._answerer.stages(question, history=history, filters=filters)

    def retrieve(self, question: str, *, top_k: int = 5, filters: Filters | None = None) -> Sequence[SearchHit]:
        return self._retriever.retrieve(question, top_k=top_k, filters=filters)

    def holdings(self) -> Holdings:
        generation = self._passage_index.generation()
        return Holdings(generation.name, generation.count_documents(), len(generation), generation.coverage)

    def documents(self, filters: Filters | None = None) -> Sequence[DocumentSummary]:
        return self._documents(self._passage_index.generation().name, filters)

    def add_files(self, files: Sequence[Received], on_begin: Callable[[], None]) -> Outcome:
        return self._library.add(files, on_begin)

    def embed(self) -> None:
        """Have the passages embedded that are not yet; return at once."""
        self._embedding.begin()

    def remove(self, ids: Iterable[str]) -> Sequence[DocumentSummary]:
        return self._library.remove(ids)

    def original(self, document_id: str) -> tuple[str, bytes] | None:
        return read_original(self._passage_index, document_id)

    def examples(self) -> Mapping[str, Sequence[str]]:
        return self._examples(self._passage_index.generation().name)

    def read(self, ids: Iterable[str]) -> Mapping[str, Document]:
        return {document.id: document for document in self._passage_index.documents(ids)}
