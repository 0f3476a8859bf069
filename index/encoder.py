"""A small reading of BERT encoders with mean pooling, straight from their folder.

Importing sentence-transformers takes about four times as long as importing torch, and a question
asked from a shell would wait for it. This runs the same folder with torch alone, for the few texts
that a question needs; the tests hold it against sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from index.bundled_model import bundled_model_folder, hub_model_folder
from index.precision import matrix_precision

# What the parts of a layer are called in the files of BERT models.
_BERT_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mix_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "narrow_norm": "output.LayerNorm",
}

# Each takes about half a megabyte.
_QUESTIONS_KEPT = 16


class TransformerLayer(nn.Module):
    """One layer of BERT: attention, then feed-forward, each added to what it read and normalised."""

    def __init__(self, width: int, wide: int, *, heads: int, epsilon: float, dropout: float = 0.0) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mix = nn.Linear(width, width)
        self.mix_norm = nn.LayerNorm(width, eps=epsilon)
        self.widen = nn.Linear(width, wide)
        self.narrow = nn.Linear(wide, width)
        self.narrow_norm = nn.LayerNorm(width, eps=epsilon)
        self.heads = heads
        self._dropout = dropout

    @classmethod
    def of_bert(cls, weights: Mapping[str, Tensor], number: int, *, heads: int, epsilon: float) -> Self:
        """Take layer `number` from a BERT's weights, without copying them."""
        state = {
            f"{ours}.{part}": weights[f"encoder.layer.{number}.{theirs}.{part}"]
            for ours, theirs in _BERT_NAMES.items()
            for part in ("weight", "bias")
        }
        wide, width = state["widen.weight"].shape
        with torch.device("meta"):
            layer = cls(width, wide, heads=heads, epsilon=epsilon)
        layer.load_state_dict(state, assign=True)
        return layer.eval()

    def copied(self, *, dropout: float) -> TransformerLayer:
        """Return a layer with its own copy of the weights, which can be trained."""
        wide, width = self.widen.weight.shape
        layer = TransformerLayer(width, wide, heads=self.heads, epsilon=self.mix_norm.eps, dropout=dropout)
        layer.load_state_dict(self.state_dict())
        return layer

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        """Read x, of shape (texts, tokens, width); attend is True, shape (texts, 1, 1, tokens), where there is text.

        x is float32, whatever precision the matrices are in: what is added up over the layers keeps its digits.
        """
        precision = self.query.weight.dtype
        query, key, value = (self._split(part(x.to(precision))) for part in (self.query, self.key, self.value))
        attention = _attention_to_train if self.training else functional.scaled_dot_product_attention
        mixed = attention(query, key, value, attend)
        x = self.mix_norm(x + self._dropped(self.mix(mixed.transpose(1, 2).flatten(2))))
        wide = functional.gelu(self.widen(x.to(precision)))
        found: Tensor = self.narrow_norm(x + self._dropped(self.narrow(wide)))
        return found

    def multiplying_in(self, precision: torch.dtype) -> TransformerLayer:
        """Return the layer with its matrices in another precision, to be read with; its norms stay in float32."""
        if precision == self.query.weight.dtype:
            return self
        state = {name: t if "norm" in name else t.to(precision) for name, t in self.state_dict().items()}
        wide, width = self.widen.weight.shape
        with torch.device("meta"):
            layer = TransformerLayer(width, wide, heads=self.heads, epsilon=self.mix_norm.eps)
        layer.load_state_dict(state, assign=True)
        return layer.eval()

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)

    def _dropped(self, x: Tensor) -> Tensor:
        """Drop the same places of all tokens of a text, or drawing random numbers takes an eighth of the training."""
        if not self.training or not self._dropout:
            return x
        return functional.dropout1d(x.transpose(1, 2), self._dropout).transpose(1, 2)


def _attention_to_train(query: Tensor, key: Tensor, value: Tensor, attend: Tensor) -> Tensor:
    """Attend as `scaled_dot_product_attention` does, whose gradient takes three times as long on a processor."""
    likeness = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    outside = torch.zeros(attend.shape, dtype=likeness.dtype, device=likeness.device).masked_fill(~attend, -1e4)
    return torch.softmax(likeness + outside, -1, dtype=likeness.dtype) @ value


@dataclass(frozen=True, slots=True, eq=False)
class TokenStates:
    """A text's hidden states after some layer, shape (tokens, width), and where each token stands in the text.

    Token i stands at `offsets[i]`, int64 of shape (tokens, 2); those of the prompt and the control
    tokens have no width.
    """

    states: Tensor
    offsets: NDArray[np.int64]

    @property
    def vector(self) -> NDArray[np.float32]:
        """The mean of the states, of unit length: after the last layer, the vector of the text."""
        mean = self.states.mean(dim=0)
        found: NDArray[np.float32] = (mean / mean.norm()).numpy()
        return found

    def halved(self) -> TokenStates:
        """Return the same in half precision, to be kept."""
        return TokenStates(self.states.half(), self.offsets)

    def within(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return which tokens touch `[start, end)` of the text, shape (tokens,)."""
        starts, ends = self.offsets.T
        found: NDArray[np.bool_] = (starts < end) & (ends > start) & (ends > starts)
        return found


class BertEncoder:
    """Texts → hidden states, and the vectors that sentence-transformers makes of them."""

    def __init__(
        self,
        embeddings: Mapping[str, Tensor],
        layers: Sequence[TransformerLayer],
        tokenizer: Tokenizer,
        *,
        epsilon: float,
    ) -> None:
        self.layers = tuple(layers)
        precision = matrix_precision()
        self._layers = [layer.multiplying_in(precision) for layer in layers]
        self._embeddings = embeddings
        self._tokenizer = tokenizer
        self._epsilon = epsilon
        self._question_states = lru_cache(_QUESTIONS_KEPT)(self._read_question)

    @classmethod
    @cache
    def open(cls, folder: Path) -> BertEncoder:
        """Load a sentence-transformers folder whose model is a BERT with mean pooling; once a process."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.encode_special_tokens = True
        tokenizer.enable_truncation(config["max_position_embeddings"])
        weights = load_file(folder / "model.safetensors")
        heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
        return cls(
            {name: tensor for name, tensor in weights.items() if name.startswith("embeddings.")},
            [
                TransformerLayer.of_bert(weights, number, heads=heads, epsilon=epsilon)
                for number in range(config["num_hidden_layers"])
            ],
            tokenizer,
            epsilon=epsilon,
        )

    def read_question(self, question: str) -> tuple[TokenStates, ...]:
        """Return the states of a question before the first layer and after each, those after layer n at [n].

        Those of the last questions are remembered: finding passages and reading them need the same.
        """
        return self._question_states(question)

    def read(self, text: str, *, prompt: str, layers: int | None = None) -> TokenStates:
        """Return the states of a text, read after a prompt, once it has passed the first `layers` layers, or all.

        Texts are read one at a time: on a processor that is no slower than in batches, and the
        states do not depend, not even by a rounding, on what else is read.
        """
        encoding = self._tokenizer.encode(prompt + text)
        # The first token of the text may begin with the prompt's last space.
        offsets = np.maximum(np.array(encoding.offsets, dtype=np.int64) - len(prompt), 0)
        with torch.inference_mode():
            return self._passed(TokenStates(self._embedded(torch.tensor([encoding.ids]))[0], offsets), 0, layers)

    def read_on(self, read: TokenStates, first: int, last: int | None = None) -> TokenStates:
        """Take states that have passed the first `first` layers through those before `last`, or through the rest."""
        with torch.inference_mode():
            return self._passed(read, first, last)

    def _read_question(self, question: str) -> tuple[TokenStates, ...]:
        after = [self.read(question, prompt="query: ", layers=0)]
        with torch.inference_mode():
            for layer in range(len(self.layers)):
                after.append(self._passed(after[-1], layer, layer + 1))
        return tuple(after)

    def _passed(self, read: TokenStates, first: int, last: int | None) -> TokenStates:
        x = read.states[None]
        attend = torch.ones(1, 1, 1, x.shape[1], dtype=torch.bool)
        for layer in self._layers[first:last]:
            x = layer(x, attend)
        return TokenStates(x[0], read.offsets)

    def _embedded(self, ids: Tensor) -> Tensor:
        w = self._embeddings
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        weight, bias = w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, self._epsilon)


def open_encoder() -> BertEncoder:
    """Open the encoder of the bundled model, whatever model an index was made with."""
    return BertEncoder.open(bundled_model_folder() or hub_model_folder())
