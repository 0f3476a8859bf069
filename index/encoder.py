"""A small reading of BERT encoders with mean pooling, straight from their folder.

sentence-transformers reads the same folder. Importing it takes about four times as long as importing
torch, and a question asked from a shell would wait for it; this needs torch alone, half the memory, and
embeds about twice as many passages a second. The tests hold it against sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional

from index.bundled_model import bundled_model_folder, hub_model_folder
from index.layers import ReadingLayer, TransformerLayer, padded_length
from index.processor import cores, device, matrix_precision
from index.stored_rows import HeldRows, StoredRows
from index.tokens import PADDING, Tokenizer

_WORDS = "embeddings.word_embeddings.weight"
# Each takes about half a megabyte.
_QUESTIONS_KEPT = 16
# Texts that are read alone, not in batches.
_FEW = 32
# Tokens of passages that are embedded side by side, padding included. On a core more of them gain nothing, and
# what else is asked meanwhile waits for so many.
_TOKENS_AT_ONCE, _TOKENS_AT_ONCE_ON_GPU = 512, 65536
# A GPU is given work, and computes while the tokens of so many more texts are found.
_TEXTS_AHEAD = 4096


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

    def counted_from(self, start: int) -> TokenStates:
        """Return the same with offsets that count from `start` of the text: what stands before it is below 0."""
        return TokenStates(self.states, self.offsets - start)

    @property
    def before(self) -> NDArray[np.bool_]:
        """Which tokens stand before the offset that counts as 0, shape (tokens,)."""
        starts, ends = self.offsets.T
        found: NDArray[np.bool_] = (ends <= 0) & (ends > starts)
        return found

    def within(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return which tokens touch `[start, end)` of the text, shape (tokens,)."""
        starts, ends = self.offsets.T
        found: NDArray[np.bool_] = (starts < end) & (ends > start) & (ends > starts)
        return found


class BertEncoder:
    """Texts → hidden states, and the vectors that sentence-transformers makes of them.

    It can be used from several threads; each text is computed on one core, or on the GPU.
    """

    def __init__(self, folder: Path, *, heads: int, layers: int, epsilon: float, longest: int) -> None:
        self._weights = folder / "model.safetensors"
        self._heads = heads
        self._epsilon = epsilon
        self._tokenizer = Tokenizer.open(folder, longest=longest)
        self._device = device()
        self._precision = matrix_precision(self._device)
        self._layers = [ReadingLayer(self._layer(number), self._precision, self._device) for number in range(layers)]
        with safe_open(self._weights, framework="pt") as stored:
            names = [name for name in stored.keys() if name.startswith("embeddings.") and name != _WORDS]  # noqa: SIM118
            self._embeddings = {name: stored.get_tensor(name).to(self._device, copy=True) for name in names}
        is_on_processor = self._device.type == "cpu"
        self._words = (
            StoredRows(self._weights, _WORDS) if is_on_processor else HeldRows(self._weights, _WORDS, self._device)
        )
        self._question_states = lru_cache(_QUESTIONS_KEPT)(self._read_question)

    @classmethod
    @cache
    def open(cls, folder: Path) -> BertEncoder:
        """Load a sentence-transformers folder whose model is a BERT with mean pooling; once a process."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(
            folder,
            heads=config["num_attention_heads"],
            layers=config["num_hidden_layers"],
            epsilon=config["layer_norm_eps"],
            longest=config["max_position_embeddings"],
        )

    @property
    def layers(self) -> list[TransformerLayer]:
        """The layers as they are in the file, to train from; they are read at each call and not kept."""
        return [self._layer(number) for number in range(len(self._layers))]

    def read_question(self, question: str) -> tuple[TokenStates, ...]:
        """Return the states of a question before the first layer and after each, those after layer n at [n].

        Those of the last questions are remembered: finding passages and reading them need the same.
        """
        return self._question_states(question)

    def read(self, text: str, *, prompt: str, layers: int | None = None) -> TokenStates:
        """Return the states of a text, read after a prompt, once it has passed the first `layers` layers, or all.

        The states do not depend, not even by a rounding, on what else is read.
        """
        return cores().run(lambda: self._passed(self._embedded_alone(text, prompt), 0, layers))

    def read_on(self, read: TokenStates, first: int, last: int | None = None) -> TokenStates:
        """Take states that have passed the first `first` layers through those before `last`, or through the rest."""
        return cores().run(lambda: self._passed(read, first, last))

    def vectors(self, texts: Sequence[str], *, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of many texts, each read after a prompt, shape (len(texts), width).

        A few are read alone, so that a question finds the same whichever of its passages are known already. More
        are read in batches of about the same length, and may differ from that by a rounding.
        """
        is_few = len(texts) <= _FEW
        prompted = [prompt + text for text in texts]
        if self._device.type != "cpu":
            return cores().run(lambda: self._vectors_on_gpu(prompted, alone=is_few))
        ids = self._tokenizer.ids(prompted)
        batches = list(self._batches(ids, alone=is_few))
        read = cores().map(lambda rows: self._vectors_of([ids[row] for row in rows]), batches)
        found = np.empty((len(texts), self._width), np.float32)
        for rows, vectors in zip(batches, read, strict=True):
            found[rows] = vectors.numpy()
        return found

    def _vectors_on_gpu(self, texts: list[str], *, alone: bool) -> NDArray[np.float32]:
        order: list[int] = []
        read = [torch.empty(0, self._width, device=self._device)]
        for begin in range(0, len(texts), _TEXTS_AHEAD):
            ids = self._tokenizer.ids(texts[begin : begin + _TEXTS_AHEAD])
            for rows in self._batches(ids, alone=alone):
                order += [begin + row for row in rows]
                read.append(self._vectors_of([ids[row] for row in rows]))
        found = np.empty((len(texts), self._width), np.float32)
        # Nothing was waited for until now.
        found[order] = torch.cat(read).cpu().numpy()
        return found

    @property
    def _width(self) -> int:
        return len(self._embeddings["embeddings.LayerNorm.weight"])

    def _layer(self, number: int) -> TransformerLayer:
        # Opened anew for each: what is read of a file counts as this process's memory while it is open.
        with safe_open(self._weights, framework="pt") as stored:
            names = [name for name in stored.keys() if name.startswith(f"encoder.layer.{number}.")]  # noqa: SIM118
            weights = {name: stored.get_tensor(name) for name in names}
        return TransformerLayer.of_bert(weights, number, heads=self._heads, epsilon=self._epsilon)

    def _read_question(self, question: str) -> tuple[TokenStates, ...]:
        def read() -> tuple[TokenStates, ...]:
            before = self._embedded_alone(question, "query: ")
            return (before, *(TokenStates(states, before.offsets) for states in self._after_each(before, 0, None)))

        return cores().run(read)

    def _embedded_alone(self, text: str, prompt: str) -> TokenStates:
        tokens = self._tokenizer.tokens(prompt + text)
        # The first token of the text may begin with the prompt's last space.
        offsets = np.maximum(tokens.offsets - len(prompt), 0)
        with torch.inference_mode():
            return TokenStates(self._embedded(torch.tensor([tokens.ids]))[0].cpu(), offsets)

    def _passed(self, read: TokenStates, first: int, last: int | None) -> TokenStates:
        after = self._after_each(read, first, last)
        return TokenStates(after[-1], read.offsets) if after else read

    @torch.inference_mode()
    def _after_each(self, read: TokenStates, first: int, last: int | None) -> list[Tensor]:
        """Return the states after each of some layers, shape (tokens, width)."""
        count = len(read.states)
        width = padded_length(count)
        x = functional.pad(read.states, (0, 0, 0, width - count))[None].to(self._device)
        attend = self._attend(torch.tensor([[count]], device=self._device), width) if width > count else None
        found = []
        for layer in self._layers[first:last]:
            x = layer(x, attend)
            found.append(x[0, :count].cpu())
        return found

    def _attend(self, counts: Tensor, width: int) -> Tensor:
        """Return what is added to attention: nothing where texts have tokens, shape (texts, 1, 1, width)."""
        attend = torch.zeros(len(counts), width, dtype=self._precision, device=self._device)
        attend.masked_fill_(torch.arange(width, device=self._device) >= counts, -torch.inf)
        return attend[:, None, None]

    def _batches(self, ids: Sequence[NDArray[np.int64]], *, alone: bool) -> Iterator[list[int]]:
        """Yield the numbers of texts to be read side by side, the longest first; or of each alone."""
        most = _TOKENS_AT_ONCE if self._device.type == "cpu" else _TOKENS_AT_ONCE_ON_GPU
        rows: list[int] = []
        for row in sorted(range(len(ids)), key=lambda row: -len(ids[row])):
            if rows and (alone or (len(rows) + 1) * padded_length(len(ids[rows[0]])) > most):
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    @torch.inference_mode()
    def _vectors_of(self, ids: Sequence[NDArray[np.int64]]) -> Tensor:
        """Return the vectors of texts, read side by side, where they are computed: shape (len(ids), width)."""
        width = padded_length(max(map(len, ids)))
        padded = np.full((len(ids), width), PADDING, np.int64)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = tokens
        counts = torch.tensor([[len(tokens)] for tokens in ids], device=self._device)
        attend = self._attend(counts, width)
        x = self._embedded(torch.from_numpy(padded))
        for layer in self._layers:
            x = layer(x, attend)
        is_text = torch.arange(width, device=self._device) < counts
        return functional.normalize((x * is_text[..., None]).sum(dim=1), dim=-1)

    def _embedded(self, ids: Tensor) -> Tensor:
        w, ids = self._embeddings, ids.to(self._device)
        x = self._words.rows(ids) + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        weight, bias = w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, self._epsilon)


def open_encoder() -> BertEncoder:
    """Open the encoder of the bundled model, whatever model an index was made with."""
    return BertEncoder.open(bundled_model_folder() or hub_model_folder())
