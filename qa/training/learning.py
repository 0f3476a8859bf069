"""Examples → a trained joint model."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from index import InputError
from index.encoder import BertEncoder
from index.processor import training_precision
from qa.joint import Asked, Batch, JointModel, Pair, log_sum_exp
from qa.training.examples import Corpus, Example, Shown, examples_of_an_epoch
from qa.training.settings import TrainingSettings

OnStep = Callable[[int, int, float], None]

_WARM_UP = 0.05
_SLOWEST = 0.02
_AVERAGING = 0.995
_LARGEST_GRADIENT = 1.0
_CHECKPOINT_EVERY = 100
# In float16, the loss times this; it is halved when a gradient overflows, and doubled after two thousand that do not.
_SCALE_AT_FIRST = 256.0


def loss_of(model: JointModel, examples: Sequence[Example], encoder: BertEncoder, device: torch.device) -> Tensor:
    """Return the loss of a batch of examples.

    Over all sentences shown with a question, the negative log likelihood of those that answer (one
    softmax for all its passages, as in doi:10.18653/v1/P18-1078); for each passage, the binary
    cross entropy of "a sentence here answers"; where the exact answer is known, the negative log
    likelihood of its first and last token.
    """
    pairs, shown, question = [], [], []
    for number, example in enumerate(examples):
        tokens = encoder.read(example.question, prompt="query: ", layers=model.first_layer)
        asked = Asked.of(example.question, tokens)
        for passage in example.shown:
            pairs.append(Pair.of(asked, passage.states, passage.sentences))
            shown.append(passage)
            question.append(number)
    batch = Batch.of(pairs).to(device)
    scores = model(batch)
    right, first_sentence = torch.zeros(len(batch.owner), dtype=torch.bool), 0
    starts, ends, rows = [], [], []
    for row, (pair, passage) in enumerate(zip(pairs, shown, strict=True)):
        right[[first_sentence + number for number in passage.right]] = True
        first_sentence += len(pair.sentences)
        touched = _tokens_of_answer(passage) if passage.exact else []
        if touched:
            rows.append(row)
            starts.append(len(pair.question) + touched[0])
            ends.append(len(pair.question) + touched[-1])
    right = right.to(device)
    of_question = torch.tensor(question, device=device)[batch.owner]
    every = log_sum_exp(scores.sentence, of_question, len(examples))
    good = log_sum_exp(scores.sentence[right], of_question[right], len(examples))
    answerable = torch.zeros(len(examples), dtype=torch.bool, device=device)
    answerable[of_question[right]] = True
    ranking = (every - good)[answerable].sum() / len(examples)
    answered = torch.tensor([float(bool(passage.answers)) for passage in shown], device=device)
    in_passage = log_sum_exp(scores.sentence, batch.owner, len(pairs))
    answering = functional.binary_cross_entropy_with_logits(in_passage, answered)
    exact = ranking.new_zeros(())
    if rows:
        exact = functional.cross_entropy(scores.start[rows], torch.tensor(starts, device=device), reduction="sum")
        exact = exact + functional.cross_entropy(scores.end[rows], torch.tensor(ends, device=device), reduction="sum")
    return ranking + 0.5 * answering + 0.25 * exact / len(examples)


def _tokens_of_answer(passage: Shown) -> list[int]:
    if not passage.answers:
        return []
    found: list[int] = np.flatnonzero(passage.states.within(*passage.answers[0])).tolist()
    return found


def train(
    corpora: Sequence[Corpus],
    encoder: BertEncoder,
    folder: Path,
    *,
    settings: TrainingSettings,
    start: Path | None,
    on_step: OnStep | None = None,
) -> JointModel:
    """Train a joint model, that of the file `start` or a new one; an interrupted run goes on from its last checkpoint.

    What comes back is the running average of the weights, which is steadier than where they end.
    Raises InputError if the folder's checkpoint is of another run, or `start` is trained from a lower layer on
    than the settings say; from a higher one, the encoder's own layers are put below it.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(settings.seed)
    model = _model_to_train(encoder, settings, start).to(device)
    heads = [tensor for name, tensor in model.named_parameters() if not name.startswith("layers.")]
    rates = (settings.learning_rate, settings.head_learning_rate)
    optimizer = torch.optim.AdamW(
        [{"params": list(model.layers.parameters())}, {"params": heads}], weight_decay=settings.weight_decay
    )
    average = AveragedModel(
        model, avg_fn=lambda mean, new, count: mean + (new - mean) * (1 - min(_AVERAGING, (1 + count) / (10 + count)))
    )
    in_float16 = training_precision(device) == torch.float16
    scaler = torch.amp.GradScaler(device.type, init_scale=_SCALE_AT_FIRST, enabled=in_float16)
    checkpoint = _Checkpoint(folder, settings, start)
    done = checkpoint.restore(model, average, optimizer, scaler)
    model.train()
    for step, examples in enumerate(islice(_batches(corpora, settings), done, settings.steps), start=done + 1):
        # Seeded by the step, so that a resumed run draws the dropout of an uninterrupted one.
        torch.manual_seed(settings.seed + step)
        pace = min(1.0, step / (_WARM_UP * settings.steps)) * max(_SLOWEST, 1 - step / settings.steps)
        for group, fastest in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = fastest * pace
        loss = loss_of(model, examples, encoder, device)
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
        scaler.step(optimizer)
        scaler.update()
        average.update_parameters(model)
        if step % _CHECKPOINT_EVERY == 0 or step == settings.steps:
            checkpoint.save(step, model, average, optimizer, scaler)
        if on_step:
            on_step(step, settings.steps, float(loss.detach()))
    model.load_state_dict(average.module.state_dict())
    return model.cpu().eval()


def _model_to_train(encoder: BertEncoder, settings: TrainingSettings, start: Path | None) -> JointModel:
    if not start:
        return JointModel.untrained(encoder, first_layer=settings.first_layer, dropout=settings.dropout)
    model = JointModel.load(start, encoder, dropout=settings.dropout)
    if model.first_layer < settings.first_layer:
        raise InputError(
            f"{start} is trained from layer {model.first_layer} on: expected {settings.first_layer} or a higher one"
        )
    return model.from_layer(settings.first_layer, encoder, dropout=settings.dropout)


class _Checkpoint:
    """Where a run stands, in one file that is replaced whole."""

    def __init__(self, folder: Path, settings: TrainingSettings, start: Path | None) -> None:
        self._path = folder / "checkpoint.safetensors"
        began = hashlib.sha256(start.read_bytes()).hexdigest() if start else None
        self._settings = json.dumps({"start": began, **asdict(settings)})

    def save(
        self,
        step: int,
        model: JointModel,
        average: AveragedModel,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
        written = self._path.with_suffix(".new")
        metadata = {"step": str(step), "settings": self._settings, "scaler": json.dumps(scaler.state_dict())}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, written, metadata=metadata)
        written.replace(self._path)

    def restore(
        self,
        model: JointModel,
        average: AveragedModel,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> int:
        """Return the steps done; 0 without a checkpoint."""
        if not self._path.is_file():
            return 0
        with safe_open(self._path, framework="pt") as stored:
            metadata = stored.metadata()
        if metadata["settings"] != self._settings:
            raise InputError(
                f"{self._path} is of a run with other settings: expected the same ones; delete it to begin anew"
            )
        tensors = load_file(self._path)
        model.load_state_dict(_below("model.", tensors))
        average.load_state_dict(_below("average.", tensors))
        states: dict[int, dict[str, Tensor]] = defaultdict(dict)
        for name, tensor in _below("optimizer.", tensors).items():
            number, _, part = name.partition(".")
            states[int(number)][part] = tensor
        optimizer.load_state_dict({"state": dict(states), "param_groups": optimizer.state_dict()["param_groups"]})
        # Empty where the run was not in float16 until now.
        if scale := json.loads(metadata.get("scaler", "{}")):
            scaler.load_state_dict(scale)
        return int(metadata["step"])


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _batches(corpora: Sequence[Corpus], settings: TrainingSettings) -> Iterator[list[Example]]:
    for epoch in count():
        batches = examples_of_an_epoch(corpora, settings, random.Random(f"{settings.seed}-{epoch}"))
        first = next(batches, None)
        if first is None:
            raise InputError("no question of these files has an answer in its passage: expected at least one")
        yield first
        yield from batches
