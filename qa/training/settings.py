"""What can be set for a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How the joint model is trained.

    The defaults are those of the shipped one's last stage, but for the steps, and for `restated`, of which it
    has seen none.

    `batch` counts questions. Passages over `crop` tokens are cut to a run of sentences of that length,
    but for a share of `whole`, which is how they come in use; cut, they train faster. Shares of the examples:
    `masked` are shown no passage that answers, `removed` the one that answers but without the
    sentence that does, `restated` with one more sentence, which says the question again and does not answer
    it (the passage beside it has one half as often), `altered` ask for something else than it answers,
    `noisy` have a question as a hurried person types it, `follow_ups` one after words of another, `foreign`
    take the passage in another language where the files hold the same question in several.
    """

    steps: int = 2000
    batch: int = 8
    learning_rate: float = 1e-4
    head_learning_rate: float = 3e-4
    weight_decay: float = 0.01
    first_layer: int = 3
    dropout: float = 0.1
    crop: int = 160
    whole: float = 0.7
    masked: float = 0.1
    removed: float = 0.1
    restated: float = 0.2
    altered: float = 0.15
    noisy: float = 0.25
    follow_ups: float = 0.08
    foreign: float = 0.5
    languages: int = 2
    seed: int = 0
