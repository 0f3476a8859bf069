"""The floor: sentence-transformers' `encode` and a flat FAISS index, with nothing round them."""

from __future__ import annotations

import json

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer
from serve import serve


class Floor:
    keeps_on_disk = True

    def __init__(self, model):
        # The prompts "query: " and "passage: " are in the model's own settings.
        self.model = SentenceTransformer(model)

    def vectors(self, texts, questions):
        return self._texts(texts), self.model.encode_query(list(questions), normalize_embeddings=True)

    def index(self, passages, vectors, folder):
        if vectors is None:
            vectors = self._texts([passage["text"] for passage in passages])
        self.faiss = faiss.IndexFlatIP(vectors.shape[1])
        self.faiss.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self.ids = [passage["id"] for passage in passages]
        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.faiss, str(folder / "vectors.faiss"))
        (folder / "passages.json").write_text(json.dumps(passages), encoding="utf-8")

    def index_again(self, passages, folder):
        # Nothing remembers what is there.
        self.index(passages, None, folder)

    def open(self, folder):
        self.faiss = faiss.read_index(str(folder / "vectors.faiss"))
        self.ids = [passage["id"] for passage in json.loads((folder / "passages.json").read_text(encoding="utf-8"))]

    def search(self, question, top_k):
        query = self.model.encode_query([question], normalize_embeddings=True, show_progress_bar=False)
        _, (found,) = self.faiss.search(query, top_k)
        return [self.ids[place] for place in found if place >= 0]

    def _texts(self, texts):
        return self.model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)


if __name__ == "__main__":
    serve(Floor)
