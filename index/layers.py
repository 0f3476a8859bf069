"""A layer of BERT: as it is trained, and as it is read with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from index.processor import packs_matrices

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
# On a processor attention takes twice as long over other numbers of tokens than multiples of this.
_BLOCK = 16


def padded_length(tokens: int) -> int:
    """Return how many tokens to pad a text of so many to, so that it is read fastest."""
    return -(-tokens // _BLOCK) * _BLOCK


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
        """Read x, of shape (texts, tokens, width); attend is True, shape (texts, 1, 1, tokens), where there is text."""
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        mixed = _attention_to_train(query, key, value, attend)
        x = self.mix_norm(x + self._dropped(self.mix(mixed.transpose(1, 2).flatten(2))))
        found: Tensor = self.narrow_norm(x + self._dropped(self.narrow(functional.gelu(self.widen(x)))))
        return found

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


class ReadingLayer(nn.Module):
    """The same layer to read with, its matrices in a precision of choice; it is not trained, moved or saved.

    What is added up over the layers stays in float32, so that it keeps its digits.
    """

    def __init__(self, layer: TransformerLayer, precision: torch.dtype, device: torch.device) -> None:
        super().__init__()
        asking = (layer.query, layer.key, layer.value)
        self._heads = layer.heads
        self._ask = _Matrix(
            torch.cat([part.weight for part in asking]), torch.cat([part.bias for part in asking]), precision, device
        )
        self._mix, self._widen, self._narrow = (
            _Matrix(part.weight, part.bias, precision, device) for part in (layer.mix, layer.widen, layer.narrow)
        )
        self._mix_norm, self._narrow_norm = (
            # Copies, or the file that these come from stays mapped.
            (
                part.weight.shape,
                part.weight.detach().to(device, copy=True),
                part.bias.detach().to(device, copy=True),
                part.eps,
            )
            for part in (layer.mix_norm, layer.narrow_norm)
        )

    def forward(self, x: Tensor, attend: Tensor | None) -> Tensor:
        """Read x, float32 of shape (texts, tokens, width).

        attend, shape (texts, 1, 1, tokens), is True where there is text; None: everywhere.
        """
        texts, tokens, _ = x.shape
        query, key, value = self._ask(x).view(texts, tokens, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attend)
        x = functional.layer_norm(x + self._mix(mixed.transpose(1, 2).flatten(2)), *self._mix_norm)
        return functional.layer_norm(x + self._narrow(self._widen(x, gelu=True)), *self._narrow_norm)


class _Matrix:
    """A matrix and what is added after it."""

    def __init__(self, weight: Tensor, bias: Tensor, precision: torch.dtype, device: torch.device) -> None:
        self._precision = precision
        self._bias = bias.detach().to(device, precision)
        self._weight = weight.detach().to(device, precision)
        self._is_packed = device.type == "cpu" and precision == torch.bfloat16 and packs_matrices()
        if self._is_packed:
            # The layout depends on the processor and, a little, on how many rows come at once.
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight, _BLOCK)

    def __call__(self, x: Tensor, *, gelu: bool = False) -> Tensor:
        x = x.to(self._precision)
        if self._is_packed:
            after, algorithm = ("gelu", "none") if gelu else ("none", "")
            found: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, after, [], algorithm)
            return found
        found = functional.linear(x, self._weight, self._bias)
        return functional.gelu(found) if gelu else found
