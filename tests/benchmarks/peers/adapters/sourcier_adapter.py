"""sourcier: `PassageIndex` and `Retriever` with its own defaults."""

from __future__ import annotations

import numpy as np
from serve import serve

from index import PassageIndex, make_document, open_embedder
from qa import Retriever


class GivenVectors:
    """The bundled model, but the vectors of passages are looked up; its index opens with the model itself."""

    def __init__(self, passages, vectors):
        model = open_embedder()
        self.name, self.fingerprint, self.dimension = model.name, model.fingerprint, model.dimension
        self.embed_question = model.embed_question
        self._vectors = vectors
        self._places = {passage["text"]: place for place, passage in enumerate(passages)}

    def embed_passages(self, texts):
        return np.asarray(self._vectors[[self._place(text) for text in texts]], dtype=np.float32)

    def _place(self, text):
        place = self._places.get(text)
        if place is None:
            # A context that was cut in two: both parts get the vector of the whole.
            place = next(place for whole, place in self._places.items() if text in whole)
        return place


class Sourcier:
    keeps_on_disk = True

    def __init__(self, model):
        # `model` is the folder that the default unpacks: a question then goes through the small encoder, as it
        # does for everybody who installs sourcier.
        self.embedder = None

    def vectors(self, texts, questions):
        embedder = self._model()
        return embedder.embed_passages(texts), np.stack([embedder.embed_question(one) for one in questions])

    def index(self, passages, vectors, folder):
        embedder = self._model() if vectors is None else GivenVectors(passages, vectors)
        self.passage_index = PassageIndex.build(folder, map(document, passages), embedder=embedder)
        self.retriever = Retriever(self.passage_index)

    def index_again(self, passages, folder):
        self.passage_index = PassageIndex.build(folder, map(document, passages), embedder=self._model())

    def open(self, folder):
        self.retriever = Retriever(PassageIndex.open(folder))

    def search(self, question, top_k):
        # One context may be several passages: each hit counts as one of the twenty.
        return [hit.document.source for hit in self.retriever.retrieve(question, top_k=top_k)]

    def _model(self):
        if self.embedder is None:
            self.embedder = open_embedder()
        return self.embedder


def document(passage):
    return make_document(passage["text"], source=passage["id"])


if __name__ == "__main__":
    serve(Sourcier)
