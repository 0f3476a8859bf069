"""LangChain: its FAISS store with Hugging Face embeddings, filled by its indexing function."""

from __future__ import annotations

import faiss
from langchain_community.docstore.in_memory import InMemoryDocstore
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_huggingface import HuggingFaceEmbeddings
from serve import serve


class LangChain:
    def __init__(self, model):
        # These are arguments of sentence-transformers; the prompts are in the model's own settings.
        self.embeddings = HuggingFaceEmbeddings(
            model_name=model,
            encode_kwargs={"normalize_embeddings": True, "prompt_name": "document"},
            query_encode_kwargs={"normalize_embeddings": True, "prompt_name": "query"},
        )

    def vectors(self, texts, questions):
        return self.embeddings.embed_documents(texts), [self.embeddings.embed_query(one) for one in questions]

    def index(self, passages, vectors, folder):
        if vectors is None:
            self.store = FAISS(
                embedding_function=self.embeddings,
                index=faiss.IndexFlatL2(len(self.embeddings.embed_query("une question"))),
                docstore=InMemoryDocstore(),
                index_to_docstore_id={},
            )
            self.records = InMemoryRecordManager("passages")
            self.records.create_schema()
            self._put(passages)
        else:
            self.store = FAISS.from_embeddings(
                zip((passage["text"] for passage in passages), vectors.tolist(), strict=True),
                self.embeddings,
                metadatas=[{"id": passage["id"]} for passage in passages],
            )
        self.store.save_local(str(folder))

    def index_again(self, passages, folder):
        self._put(passages)
        self.store.save_local(str(folder))

    def open(self, folder):
        # Its file is a pickle, hence the name of the flag.
        self.store = FAISS.load_local(str(folder), self.embeddings, allow_dangerous_deserialization=True)

    def search(self, question, top_k):
        return [found.metadata["id"] for found in self.store.similarity_search(question, k=top_k)]

    def _put(self, passages):
        documents = [Document(page_content=one["text"], metadata={"id": one["id"]}) for one in passages]
        index(documents, self.records, self.store, cleanup=None, key_encoder="sha256")


if __name__ == "__main__":
    serve(LangChain)
