"""LlamaIndex: its vector index and its BM25 retriever, fused by reciprocal rank."""

from __future__ import annotations

import Stemmer
from llama_index.core import Document, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from serve import serve

TOP_K = 20


class LlamaIndex:
    def __init__(self, model):
        self.embedding = HuggingFaceEmbedding(
            model_name=model, query_instruction="query: ", text_instruction="passage: "
        )
        # Counts words: its own tokenizer would be fetched. Every passage is one node either way.
        self.splitter = SentenceSplitter(tokenizer=str.split)

    def vectors(self, texts, questions):
        return (
            self.embedding.get_text_embedding_batch(texts),
            [self.embedding.get_query_embedding(question) for question in questions],
        )

    def index(self, passages, vectors, folder):
        documents = made(passages)
        if vectors is None:
            self.vector_index = VectorStoreIndex.from_documents(
                documents, embed_model=self.embedding, transformations=[self.splitter]
            )
        else:
            nodes = self.splitter(documents)
            for node, vector in zip(nodes, vectors, strict=True):
                node.embedding = vector.tolist()
            self.vector_index = VectorStoreIndex(nodes, embed_model=self.embedding)
        self._index_words()
        self._save(folder)

    def index_again(self, passages, folder):
        if any(self.vector_index.refresh_ref_docs(made(passages))):
            self._index_words()
        self._save(folder)

    def open(self, folder):
        self.vector_index = load_index_from_storage(
            StorageContext.from_defaults(persist_dir=str(folder)), embed_model=self.embedding
        )
        self.words = BM25Retriever.from_persist_dir(str(folder / "bm25"))
        # It keeps the number of hits but not the language.
        self.words.stemmer = Stemmer.Stemmer("french")
        self.fusion = QueryFusionRetriever(
            [self.vector_index.as_retriever(similarity_top_k=TOP_K), self.words],
            # Without a language model there is one wording of each question.
            llm=MockLLM(),
            num_queries=1,
            mode="reciprocal_rerank",
            similarity_top_k=TOP_K,
            use_async=False,
        )

    def search(self, question, top_k):
        # How many is a setting of its retrievers, not of a question.
        return [found.node.ref_doc_id for found in self.fusion.retrieve(question)][:top_k]

    def _index_words(self):
        self.words = BM25Retriever.from_defaults(
            docstore=self.vector_index.docstore,
            similarity_top_k=TOP_K,
            stemmer=Stemmer.Stemmer("french"),
            language="fr",
        )

    def _save(self, folder):
        self.vector_index.storage_context.persist(str(folder))
        self.words.persist(str(folder / "bm25"))


def made(passages):
    return [Document(id_=passage["id"], text=passage["text"]) for passage in passages]


if __name__ == "__main__":
    serve(LlamaIndex)
