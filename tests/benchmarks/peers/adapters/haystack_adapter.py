"""Haystack: the in-memory store, and the hybrid pipeline of its documentation without a ranker."""

from __future__ import annotations

from haystack import Document, Pipeline
from haystack.components.caching import CacheChecker
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from serve import serve


class Haystack:
    def __init__(self, model):
        self.texts = SentenceTransformersDocumentEmbedder(
            model=model, prefix="passage: ", normalize_embeddings=True, progress_bar=False
        )
        self.questions = SentenceTransformersTextEmbedder(
            model=model, prefix="query: ", normalize_embeddings=True, progress_bar=False
        )

    def vectors(self, texts, questions):
        self.texts.warm_up()
        self.questions.warm_up()
        documents = self.texts.run([Document(content=text) for text in texts])["documents"]
        return (
            [document.embedding for document in documents],
            [self.questions.run(question)["embedding"] for question in questions],
        )

    def index(self, passages, vectors, folder):
        self.store = InMemoryDocumentStore()
        if vectors is None:
            documents = [Document(id=passage["id"], content=passage["text"]) for passage in passages]
            self._write(documents)
        else:
            documents = [
                Document(id=passage["id"], content=passage["text"], embedding=vector.tolist())
                for passage, vector in zip(passages, vectors, strict=True)
            ]
            self.store.write_documents(documents)
        self._save(folder)

    def index_again(self, passages, folder):
        # Its indexing pipelines embed before they look for duplicates; this component is what saves that.
        found = CacheChecker(self.store, cache_field="id").run([passage["id"] for passage in passages])
        missing = set(found["misses"])
        self._write([Document(id=one["id"], content=one["text"]) for one in passages if one["id"] in missing])
        self._save(folder)

    def open(self, folder):
        self.store = InMemoryDocumentStore.load_from_disk(str(folder / "store.json"))
        self.pipeline = Pipeline()
        self.pipeline.add_component("embedder", self.questions)
        self.pipeline.add_component("by_vector", InMemoryEmbeddingRetriever(self.store))
        self.pipeline.add_component("by_words", InMemoryBM25Retriever(self.store))
        self.pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        self.pipeline.connect("embedder.embedding", "by_vector.query_embedding")
        self.pipeline.connect("by_vector", "joiner")
        self.pipeline.connect("by_words", "joiner")

    def search(self, question, top_k):
        found = self.pipeline.run(
            {
                "embedder": {"text": question},
                "by_vector": {"top_k": top_k},
                "by_words": {"query": question, "top_k": top_k},
                "joiner": {"top_k": top_k},
            }
        )
        return [document.id for document in found["joiner"]["documents"]]

    def _write(self, documents):
        if not documents:
            return
        pipeline = Pipeline()
        pipeline.add_component("embedder", self.texts)
        pipeline.add_component("writer", DocumentWriter(self.store))
        pipeline.connect("embedder", "writer")
        pipeline.run({"embedder": {"documents": documents}})
        # A component belongs to one pipeline.
        pipeline.remove_component("embedder")

    def _save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.store.save_to_disk(str(folder / "store.json"))


if __name__ == "__main__":
    serve(Haystack)
