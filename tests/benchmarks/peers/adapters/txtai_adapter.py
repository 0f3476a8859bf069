"""txtai: `Embeddings` with its hybrid search (vectors in FAISS and BM25) and with the texts kept in it."""

from __future__ import annotations

from threading import Lock

import numpy as np
from serve import serve
from txtai import Embeddings


class Txtai:
    def __init__(self, model):
        self.model = model
        self.lock = Lock()

    def vectors(self, texts, questions):
        # It takes the prompts "query: " and "passage: " from the model's own settings.
        self.embeddings = Embeddings(path=self.model, hybrid=True, content=True)
        return self.embeddings.batchtransform(texts, "data"), self.embeddings.batchtransform(questions, "query")

    def index(self, passages, vectors, folder):
        model = self.embeddings.model
        if vectors is not None:
            # It has no place for both a text and its vector, so the model is made to answer with the vectors:
            # it is asked for them in the order of the passages.
            waiting = iter(vectors)
            model.encode = lambda texts, category=None: np.array([next(waiting) for _ in texts], dtype=np.float32)
        self.embeddings.index((passage["id"], passage["text"]) for passage in passages)
        self.embeddings.save(str(folder))

    def index_again(self, passages, folder):
        # `upsert` would not embed less: it does not compare with what is there.
        self.index(passages, None, folder)

    def open(self, folder):
        # This loads the model, too.
        self.embeddings = Embeddings()
        self.embeddings.load(str(folder))

    def search(self, question, top_k):
        # With the texts in it, questions share one SQLite cursor: asked at once without a lock some fail
        # ("Recursive use of cursors not allowed"), and once the process died.
        with self.lock:
            return [found["id"] for found in self.embeddings.search(question, top_k)]


if __name__ == "__main__":
    serve(Txtai)
