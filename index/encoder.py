"""A small reading of BERT encoders with mean pooling, straight from their folder.

Importing sentence-transformers takes about four times as long as importing torch, and a question
asked from a shell would wait for it. This runs the same folder with torch alone, for the few texts
that a question needs; the tests hold it against sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn import functional

from index.tokens import TokenVectors

# Padding costs as much as text, and small batches stay in the cache: texts of like length share one,
# up to this many tokens in all (on two cores a tenth quicker than four times as many).
_TOKENS_PER_BATCH = 512


class BertEncoder:
    """Texts → token vectors and their mean, as sentence-transformers computes them."""

    def __init__(
        self, weights: dict[str, torch.Tensor], tokenizer: Tokenizer, *, layers: int, heads: int, epsilon: float
    ) -> None:
        self._weights = weights
        self._tokenizer = tokenizer
        self._layers = layers
        self._heads = heads
        self._epsilon = epsilon

    @classmethod
    def open(cls, folder: Path) -> BertEncoder:
        """Load a sentence-transformers folder whose model is a BERT with mean pooling."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.encode_special_tokens = True
        tokenizer.enable_truncation(config["max_position_embeddings"])
        return cls(
            load_file(folder / "model.safetensors"),
            tokenizer,
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            epsilon=config["layer_norm_eps"],
        )

    def embed(self, texts: Sequence[str], *, prompt: str) -> list[TokenVectors]:
        """Return the tokens of each text; the prompt is read before each and is not among them."""
        encodings = self._tokenizer.encode_batch([prompt + text for text in texts])
        found: list[TokenVectors | None] = [None] * len(texts)
        for batch in _batches([len(encoding.ids) for encoding in encodings]):
            ids = [torch.tensor(encodings[i].ids) for i in batch]
            padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
            lengths = torch.tensor([len(row) for row in ids])
            mask = torch.arange(padded.shape[1])[None, :] < lengths[:, None]
            with torch.inference_mode():
                states = self._forward(padded, mask)
            for i, padded_row, length in zip(batch, states.numpy(), lengths.tolist(), strict=True):
                row = padded_row[:length]
                offsets = np.array(encodings[i].offsets, dtype=np.int64)
                found[i] = TokenVectors.of(row, offsets, row.mean(axis=0), prompt_length=len(prompt))
        return [tokens for tokens in found if tokens is not None]

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = self._normalise(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        attend = mask[:, None, None, :]
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}."
            query, key, value = (
                self._split_heads(self._linear(x, f"{name}attention.self.{part}")) for part in ("query", "key", "value")
            )
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attend)
            mixed = self._linear(mixed.transpose(1, 2).flatten(2), f"{name}attention.output.dense")
            x = self._normalise(x + mixed, f"{name}attention.output.LayerNorm")
            wide = functional.gelu(self._linear(x, f"{name}intermediate.dense"))
            x = self._normalise(x + self._linear(wide, f"{name}output.dense"), f"{name}output.LayerNorm")
        return x

    def _split_heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(*x.shape[:-1], self._heads, -1).transpose(1, 2)

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _normalise(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, self._epsilon)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Group positions, shortest first, so that no batch exceeds the token budget once padded."""
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[position] <= _TOKENS_PER_BATCH:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches
