"""Fit the few numbers on top of the joint model, on articles that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from qa.features import CONFIDENCE, RANKING, ReaderWeights, SentenceFeatures, weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLATTENING = 1e-2
# How much a question counts beside an answerable one. Questions made to look as if the passage answered
# them are most of SQuAD 2.0's and few of anybody's; in full they teach that shared words are a bad sign.
_OTHER_SUBJECT = 0.5
_ADVERSARIAL = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A question as it was read; `right` tells, for each sentence read, whether it answers.

    `other_subject` is a question whose own subject had been taken out of the documents. `share` is what part
    of a question it is: one that stands in eight languages, and is asked in two of each, is sixteen cases.
    """

    corpus: str
    features: SentenceFeatures
    right: NDArray[np.bool_]
    answerable: bool
    other_subject: bool
    share: float = 1.0


def fit(cases: Sequence[Case], *, false_answers: float) -> ReaderWeights:
    """Fit all of a reader's numbers; the threshold lets through `false_answers` of other subjects."""
    sentence = fit_sentences([case for case in cases if case.right.any()])
    confidence = fit_confidence(cases, sentence)
    weights = ReaderWeights(sentence, confidence, 0.0)
    return ReaderWeights(sentence, confidence, threshold_for(cases, weights, false_answers))


def fit_sentences(cases: Sequence[Case]) -> dict[str, float]:
    """Maximise the likelihood that a softmax over a question's sentences puts one that answers first."""
    matrices = [np.stack([case.features.ranking[name] for name in RANKING], axis=1) for case in cases]
    everything = np.concatenate(matrices)
    spread = _spread(everything)
    inputs = torch.tensor(everything / spread)
    right = torch.tensor(np.concatenate([case.right for case in cases]))
    owner = torch.tensor(np.repeat(np.arange(len(cases)), [len(rows) for rows in matrices]))
    shares = torch.tensor([case.share for case in cases], dtype=torch.float64)
    weights = torch.zeros(len(RANKING), dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        logits = inputs @ weights
        scores = torch.exp(logits - logits.detach().max())
        total = torch.zeros(len(cases), dtype=torch.float64).index_add(0, owner, scores)
        good = torch.zeros(len(cases), dtype=torch.float64).index_add(0, owner, scores * right)
        return (shares * torch.log(total / good)).sum() / shares.sum() + _FLATTENING * weights.square().sum()

    _minimise(loss, weights)
    return {name: round(float(w / s), 5) for name, w, s in zip(RANKING, weights.detach(), spread, strict=True)}


def fit_confidence(cases: Sequence[Case], sentence: dict[str, float]) -> dict[str, float]:
    """Fit the logistic regression for "the first sentence answers"."""
    firsts = [first_of(case, sentence) for case in cases]
    inputs = np.array([[features[name][0] for name in CONFIDENCE] for features, _ in firsts])
    mean, spread = inputs.mean(axis=0), _spread(inputs)
    x = torch.tensor((inputs - mean) / spread)
    y = torch.tensor([right for _, right in firsts], dtype=torch.float64)
    counts = torch.tensor([case.share * _count_of(case) for case in cases], dtype=torch.float64)
    weights = torch.zeros(len(CONFIDENCE) + 1, dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        logits = x @ weights[:-1] + weights[-1]
        fitted = functional.binary_cross_entropy_with_logits(logits, y, weight=counts, reduction="sum")
        return fitted / counts.sum() + _FLATTENING * weights[:-1].square().sum()

    _minimise(loss, weights)
    w = weights.detach().numpy()
    found = {name: round(float(v), 5) for name, v in zip(CONFIDENCE, w[:-1] / spread, strict=True)}
    return {**found, "bias": round(float(w[-1] - (w[:-1] * mean / spread).sum()), 5)}


def _count_of(case: Case) -> float:
    if case.other_subject:
        return _OTHER_SUBJECT
    return 1.0 if case.answerable else _ADVERSARIAL


def first_of(case: Case, sentence: dict[str, float]) -> tuple[dict[str, NDArray[np.float64]], bool]:
    """Return the confidence features of the sentence that the weights put first, and whether it answers."""
    first = case.features.ranked(weighted(case.features.ranking, sentence))[0]
    features = {name: values[first : first + 1] for name, values in case.features.confidence.items()}
    return features, bool(case.right[first])


def confidence_of(case: Case, weights: ReaderWeights) -> float:
    features, _ = first_of(case, dict(weights.sentence))
    return float(1 / (1 + np.exp(-weighted(features, weights.confidence)[0])))


def threshold_for(cases: Sequence[Case], weights: ReaderWeights, false_answers: float) -> float:
    """Return the confidence that no more than this share of the questions about another subject reaches.

    In whichever corpus it is hardest: an easy one must not speak for the others.
    """
    others: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        if case.other_subject:
            others[case.corpus].append(confidence_of(case, weights))
    return round(max(float(np.quantile(found, 1 - false_answers, method="higher")) for found in others.values()), 3)


def _spread(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = columns.std(axis=0)
    # A feature that is the same everywhere says nothing; its weight stays zero.
    found[found == 0] = 1
    return found


def _minimise(loss: Callable[[], Tensor], weights: Tensor) -> None:
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(step)  # type: ignore[no-untyped-call]
