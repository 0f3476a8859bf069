"""Question and passage read together: the trained model that finds the sentence with the answer.

The lower layers of the encoder read each text alone, so that a passage's states serve every
question; the upper layers, trained, read the two together (the division of DeFormer,
doi:10.18653/v1/2020.acl-main.411). What the lower layers already know to be alike, token by token
(ColBERT's late interaction, doi:10.1145/3397271.3401075), is given to the upper ones to begin with:
without it, they had learned nothing after a quarter of an epoch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from index import InputError
from index.encoder import BertEncoder, TokenStates
from index.language import is_function_word
from index.layers import ReadingLayer, TransformerLayer, padded_length
from index.passages import with_title
from index.processor import matrix_precision, training_precision

_WORD = re.compile(r"\w+")
_FIRST_LAYER = "first_layer"
# What a row's differences from the encoder are multiplied by; they are whole numbers of so many steps at most.
_SCALE = ".scale"
_LARGEST_STEP = 127
# Cosines of states after the lower layers lie about this value, most of them within a fifth of it.
_USUAL_COSINE = 0.7
_COSINE_SCALE = 5.0
# What one unit of `match` weighs at the start of training.
_MATCH_AT_FIRST = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question, its tokens after the lower layers, and how much each of them counts, adding up to 1."""

    question: str
    tokens: TokenStates
    weights: Tensor

    @classmethod
    def of(cls, question: str, tokens: TokenStates) -> Self:
        """Let every word count alike, but function words not at all."""
        weights = torch.zeros(len(tokens.states))
        for word in _WORD.finditer(question):
            if not is_function_word(word.group()):
                inside = torch.from_numpy(tokens.within(word.start(), word.end()))
                weights[inside] = 1 / max(1, int(inside.sum()))
        if not weights.any():
            weights[:] = 1
        return cls(question, tokens, weights / weights.sum())


def read_passage(encoder: BertEncoder, text: str, title: str, *, layers: int) -> TokenStates:
    """Return the states of a passage after the first `layers` layers, read after its title, of offsets below 0."""
    read = with_title(text, title)
    return encoder.read(read, prompt="passage: ", layers=layers).counted_from(len(read) - len(text))


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A question and a passage, both after the lower layers.

    `sentences` are the passage's, as ranges of its tokens. `nearest` (tokens of both,) is each
    token's highest cosine to the other side, on the passage's side to a token that counts. `match`
    (sentences, 2): for each token of the question the highest cosine in the sentence, averaged by
    the tokens' weights, and the same over the sentence and the one before.
    """

    question: Tensor
    passage: Tensor
    sentences: Sequence[tuple[int, int]]
    nearest: Tensor
    match: Tensor

    @classmethod
    def of(cls, asked: Asked, passage: TokenStates, sentences: Sequence[tuple[int, int]]) -> Self:
        """Take sentences as `[start, end)` of the passage's text; one beyond the model's reach has no tokens."""
        states = passage.states.float()
        cosines = functional.normalize(asked.tokens.states, dim=-1) @ functional.normalize(states, dim=-1).T
        nearest = torch.cat([cosines.amax(dim=1), cosines[asked.weights > 0].amax(dim=0)])
        ranges, matches, before = [], [], torch.full((len(cosines),), -1.0)
        for start, end in sentences:
            touched = np.flatnonzero(passage.within(start, end))
            first, last = (int(touched[0]), int(touched[-1]) + 1) if len(touched) else (0, 0)
            best = cosines[:, first:last].amax(dim=1) if last else torch.zeros(len(cosines))
            matches.append(torch.stack([best, torch.maximum(best, before)]) @ asked.weights)
            ranges.append((first, last))
            before = best
        return cls(asked.tokens.states, states, ranges, nearest, torch.stack(matches))

    def __len__(self) -> int:
        return len(self.question) + len(self.passage)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pairs side by side, padded to a little more than the longest; a row is question, then passage.

    `states` (pairs, tokens, width); `nearest` (pairs, tokens); `kind` (pairs, tokens): 0 question,
    1 passage, -1 padding; `sentence` (pairs, tokens): the number, within the batch, of the sentence
    that a token is in, or -1; `match` (sentences, 2); `owner` (sentences,): the pair it is of.
    """

    states: Tensor
    nearest: Tensor
    kind: Tensor
    sentence: Tensor
    match: Tensor
    owner: Tensor

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Self:
        shape = (len(pairs), padded_length(max(map(len, pairs))))
        states = torch.zeros(*shape, pairs[0].passage.shape[1])
        nearest = torch.full(shape, _USUAL_COSINE)
        kind = torch.full(shape, -1)
        sentence = torch.full(shape, -1)
        owner: list[int] = []
        for row, pair in enumerate(pairs):
            asked, end = len(pair.question), len(pair)
            states[row, :asked] = pair.question
            states[row, asked:end] = pair.passage
            nearest[row, :end] = pair.nearest
            kind[row, :asked] = 0
            kind[row, asked:end] = 1
            for first, last in pair.sentences:
                sentence[row, asked + first : asked + last] = len(owner)
                owner.append(row)
        match = torch.cat([pair.match for pair in pairs])
        return cls(states, nearest, kind, sentence, match, torch.tensor(owner, dtype=torch.int64))

    def to(self, device: torch.device) -> Batch:
        """Copy it to another device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the model makes of a batch, as logits; higher is better.

    `sentence` (sentences,): that it answers, rather than nothing in its passage; `start` and `end`
    (pairs, tokens): that the exact answer begins, or ends, with this token; -inf outside the passage.
    """

    sentence: Tensor
    start: Tensor
    end: Tensor


class JointModel(nn.Module):
    """The upper layers, and the heads on top of them."""

    def __init__(self, layers: Sequence[TransformerLayer], *, width: int, first_layer: int) -> None:
        super().__init__()
        self.first_layer = first_layer
        self.layers = nn.ModuleList(layers)
        # Added to the states, so that a token knows which side it is on and how near the other comes.
        self.kind = nn.Parameter(torch.zeros(2, width))
        self.nearest = nn.Linear(1, width)
        self.match = nn.Linear(2, 1, bias=False)
        self.start, self.end, self.evidence, self.meaning, self.nothing = (nn.Linear(width, 1) for _ in range(5))

    @classmethod
    def untrained(cls, encoder: BertEncoder, *, first_layer: int, dropout: float = 0.0) -> Self:
        """Begin with the encoder's own upper layers, late interaction, and small random heads."""
        width = encoder.layers[0].query.in_features
        layers = [layer.copied(dropout=dropout) for layer in encoder.layers[first_layer:]]
        model = cls(layers, width=width, first_layer=first_layer)
        nn.init.normal_(model.nearest.weight, std=0.1)
        nn.init.zeros_(model.nearest.bias)
        model.match.weight.data = torch.tensor([[_MATCH_AT_FIRST, 0.0]])
        for head in (model.start, model.end, model.evidence, model.meaning, model.nothing):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        return model

    @classmethod
    def load(cls, path: Path, encoder: BertEncoder, *, dropout: float = 0.0) -> Self:
        """Read a file that `save` wrote; raises InputError for anything else."""
        try:
            with safe_open(path, framework="pt") as stored:
                first_layer = int(stored.metadata()[_FIRST_LAYER])
                weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            # Read once: the encoder does not keep them.
            all_layers = encoder.layers
            like, read = all_layers[0], all_layers[first_layer:]
            wide, width = like.widen.weight.shape
            with torch.device("meta"):
                layers = [
                    TransformerLayer(width, wide, heads=like.heads, epsilon=like.mix_norm.eps, dropout=dropout)
                    for _ in read
                ]
                model = cls(layers, width=width, first_layer=first_layer)
            for name, matrix in _matrices(read).items():
                weights[name] = matrix + weights[name] * weights.pop(name + _SCALE)
            model.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"{path} is not a trained reader ({reason}): expected a file that `sourcier train-reader` wrote"
            ) from error
        return model.eval()

    def from_layer(self, first_layer: int, encoder: BertEncoder, *, dropout: float = 0.0) -> JointModel:
        """Return a model that reads the two together from a lower layer on: the encoder's own layers, then these."""
        added = [layer.copied(dropout=dropout) for layer in encoder.layers[first_layer : self.first_layer]]
        layers = [*added, *cast("Iterable[TransformerLayer]", self.layers)]
        deeper = JointModel(layers, width=self.kind.shape[1], first_layer=first_layer)
        heads = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("layers.")}
        deeper.load_state_dict(heads, strict=False)
        return deeper

    def save(self, path: Path, encoder: BertEncoder) -> None:
        """Write what differs from the encoder: of the layers' matrices in eight bits, a scale for each row."""
        weights = {name: tensor.detach().cpu().half().contiguous() for name, tensor in self.state_dict().items()}
        trained = _matrices(self.layers)
        for name, matrix in _matrices(encoder.layers[self.first_layer :]).items():
            difference = trained[name].detach().cpu() - matrix
            scale = difference.abs().amax(dim=1, keepdim=True) / _LARGEST_STEP
            # A row that was not trained differs by nothing.
            weights[name] = (difference / scale.where(scale > 0, 1)).round().to(torch.int8)
            weights[name + _SCALE] = scale
        save_file(weights, path, metadata={_FIRST_LAYER: str(self.first_layer)})

    def to_read(self) -> Self:
        """Be read with from now on, and no more trained or saved."""
        layers = cast("Iterable[TransformerLayer]", self.layers)
        self.layers = nn.ModuleList(ReadingLayer(layer, matrix_precision(), torch.device("cpu")) for layer in layers)
        return self

    def forward(self, batch: Batch) -> Scores:
        nearest = (batch.nearest - _USUAL_COSINE) * _COSINE_SCALE
        x = batch.states + self.kind[batch.kind.clamp(min=0)] + self.nearest(nearest[..., None])
        attend = (batch.kind >= 0)[:, None, None, :]
        # In training the weights themselves stay in float32, or small steps would be rounded away.
        precision = training_precision(x.device) if self.training else torch.float32
        with torch.autocast(x.device.type, precision, enabled=precision != torch.float32):
            for layer in self.layers:
                x = layer(x, attend)
        inside = batch.sentence >= 0
        number, tokens, many = batch.sentence[inside], x[inside], len(batch.owner)
        evidence = log_sum_exp(self.evidence(tokens).squeeze(-1), number, many)
        total = x.new_zeros(many, x.shape[-1]).index_add(0, number, tokens)
        counts = x.new_zeros(many).index_add(0, number, x.new_ones(len(number)))
        meaning = self.meaning(total / counts.clamp(min=1)[:, None]).squeeze(-1)
        # The question's first token stands for the pair: how well nothing in the passage answers.
        nothing = self.nothing(x[:, 0]).squeeze(-1)
        match = self.match(batch.match - _USUAL_COSINE).squeeze(-1)
        outside = batch.kind != 1
        return Scores(
            match + evidence + meaning - nothing[batch.owner],
            self.start(x).squeeze(-1).masked_fill(outside, -torch.inf),
            self.end(x).squeeze(-1).masked_fill(outside, -torch.inf),
        )


def _matrices(layers: Iterable[nn.Module]) -> dict[str, Tensor]:
    """Return the matrices of layers, under their names in the model; each is nearly all there is of a layer."""
    return {
        f"layers.{number}.{name}": tensor
        for number, layer in enumerate(layers)
        for name, tensor in layer.named_parameters()
        if tensor.ndim == 2
    }


def log_sum_exp(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return the log of each group's summed exponentials, shape (groups,); an empty group has a very low one."""
    highest = values.new_full((groups,), -1e4).scatter_reduce(0, group, values.detach(), "amax")
    total = values.new_zeros(groups).index_add(0, group, torch.exp(values - highest[group]))
    return torch.log(total + 1e-9) + highest


def best_span(start: NDArray[np.float32], end: NDArray[np.float32], *, longest: int) -> tuple[int, int]:
    """Return the first and last token, at most `longest` of them, whose logits add up to the most."""
    best = (-np.inf, 0, 0)
    for first, logit in enumerate(start):
        last = first + int(np.argmax(end[first : first + longest]))
        best = max(best, (float(logit + end[last]), -first, -last))
    return -best[1], -best[2]
