"""Fit the numbers of `SentenceReader` and write them to qa/reader.json.

    python -m tests.benchmarks.fit_reader --data ../shared/data --work /tmp/fit

The sentence weights maximise the likelihood that the softmax over a question's sentences puts a
sentence with the answer first. The confidence is a logistic regression for "the first sentence
answers", over answerable questions, adversarial ones (SQuAD 2.0) and questions whose article has
been taken away. Both are fitted on the train parts; the threshold is chosen on the dev parts.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from index import PassageIndex, open_embedder
from qa import Retriever
from qa.answerer import PASSAGES_READ
from qa.metrics import auroc
from qa.questions import sha256_of_file
from qa.reader import CONFIDENCE, RANKING, SentenceFeatures, weighted
from tests.benchmarks.squad import RememberingEmbedder, load_squad

# A few weights need no more than every third training question.
EVERY = 3
# (corpus, its files, files with the questions asked of it)
CORPORA = [
    ("piaf", ["piaf-train", "piaf-dev"], ["piaf-train", "piaf-dev"]),
    ("squad2", ["squad2-train", "squad2-dev"], ["squad2-train", "squad2-dev"]),
    ("xquad-es", ["xquad-train-es"], ["xquad-train-es", "xquad-train-en"]),
    ("xquad-de", ["xquad-train-de"], ["xquad-train-de", "xquad-train-es"]),
    ("xquad-en", ["xquad-train-en"], ["xquad-train-en", "xquad-train-de", "xquad-train-es"]),
]
# Candidates fetched, so that enough are left when the article's own are taken away.
DEEP = 300


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    embedder = RememberingEmbedder(open_embedder(), options.work / "vectors.npz")

    cases = []
    for name, sources, asked in CORPORA:
        cases += read_corpus(options, name, sources, asked, embedder)
        print(name, len(cases), flush=True)

    train = [case for case in cases if not case["dev"]]
    dev = [case for case in cases if case["dev"]]
    sentence = fit_sentences([case for case in train if case["kind"] == "answerable"])
    confidence = fit_confidence(train, sentence)
    threshold = choose_threshold(dev, sentence, confidence)
    report(dev, sentence, confidence, threshold)
    stored = {
        "made_by": "python -m tests.benchmarks.fit_reader",
        "data_sha256": {
            name: sha256_of_file(options.data / f"{name}.json")
            for name in sorted({file for _, sources, asked in CORPORA for file in (*sources, *asked)})
        },
        "sentence": sentence,
        "confidence": confidence,
        "threshold": threshold,
    }
    target = Path(__file__).parents[2] / "qa" / "reader.json"
    target.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def read_corpus(options, name, sources, asked, embedder) -> list[dict]:
    """Return a case for every question, and one more with the question's article taken away."""
    documents, own = [], {}
    for source in sources:
        found, questions = load_squad(options.data / f"{source}.json")
        documents += found
        own.update({question.id: question for question in questions})
    article_of = {d: question.article for question in own.values() for d, _, _ in question.answers}
    retriever = Retriever(PassageIndex.build(options.work / name, documents, embedder=embedder))
    cases = []
    for file in asked:
        is_dev = file.endswith("-dev")
        for question in load_squad(options.data / f"{file}.json")[1][:: 1 if is_dev else EVERY]:
            gold = own.get(question.id, question)
            hits = retriever.retrieve(question.text, top_k=DEEP)
            for masked in (False, True):
                kept = [h for h in hits if not (masked and article_of.get(h.document.id) == gold.article)]
                if not kept:
                    continue
                features = SentenceFeatures.of(question.text, kept[:PASSAGES_READ], embedder)
                cases.append(
                    {
                        "kind": "masked" if masked else "answerable" if gold.answers else "adversarial",
                        "dev": is_dev,
                        "corpus": name,
                        "features": features,
                        "right": np.array(
                            [not masked and gold.answered_by(h.document.id, s, e) for h, s, e in features.places]
                        ),
                    }
                )
    return cases


def fit_sentences(cases) -> dict[str, float]:
    cases = [case for case in cases if case["right"].any()]
    matrix = [np.stack([case["features"].ranking[name] for name in RANKING], axis=1) for case in cases]
    everything = np.concatenate(matrix)
    spread = everything.std(axis=0)
    inputs = torch.tensor(everything / spread)
    right = torch.tensor(np.concatenate([case["right"] for case in cases]))
    owner = torch.tensor(np.repeat(np.arange(len(cases)), [len(rows) for rows in matrix]))
    weights = torch.zeros(len(RANKING), dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        scores = torch.exp(inputs @ weights - (inputs @ weights).max())
        total = torch.zeros(len(cases), dtype=torch.float64).index_add(0, owner, scores)
        good = torch.zeros(len(cases), dtype=torch.float64).index_add(0, owner, scores * right)
        return -torch.log(good / total).mean() + 1e-3 * weights.square().sum()

    minimise(loss, weights)
    return {name: round(float(w / s), 5) for name, w, s in zip(RANKING, weights.detach(), spread, strict=True)}


def first_of(case, sentence) -> tuple[dict, bool]:
    """Return the confidence features of the sentence that the weights put first, and whether it is right."""
    features = case["features"]
    first = features.ranked(weighted(features.ranking, sentence))[0]
    return {name: values[first : first + 1] for name, values in features.confidence.items()}, bool(case["right"][first])


def fit_confidence(cases, sentence) -> dict[str, float]:
    rows, labels = [], []
    for case in cases:
        features, right = first_of(case, sentence)
        rows.append([features[name][0] for name in CONFIDENCE])
        labels.append(right)
    inputs = np.array(rows)
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    x = torch.tensor((inputs - mean) / spread)
    y = torch.tensor(labels, dtype=torch.float64)
    weights = torch.zeros(len(CONFIDENCE) + 1, dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        logits = x @ weights[:-1] + weights[-1]
        fit = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        return fit + 1e-4 * weights[:-1].square().sum()

    minimise(loss, weights)
    w = weights.detach().numpy()
    found = {name: round(float(v), 5) for name, v in zip(CONFIDENCE, w[:-1] / spread, strict=True)}
    return {**found, "bias": round(float(w[-1] - (w[:-1] * mean / spread).sum()), 5)}


def minimise(loss, weights) -> None:
    optimiser = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(step)


def confidences(cases, sentence, confidence) -> list[tuple[dict, float, bool]]:
    found = []
    for case in cases:
        features, right = first_of(case, sentence)
        found.append((case, float(1 / (1 + np.exp(-weighted(features, confidence)[0]))), right))
    return found


def choose_threshold(dev, sentence, confidence) -> float:
    """Return where false answers and needless silences weigh the same: the highest mean Youden index.

    Youden's J = share of answerable questions answered - share of questions without their article
    answered, here averaged over the corpora, so that the large one does not decide alone.
    """
    found = [(case, value) for case, value, _ in confidences(dev, sentence, confidence)]
    corpora = sorted({case["corpus"] for case, _ in found})

    def answered(corpus: str, kind: str, threshold: float) -> float:
        values = [value for case, value in found if case["corpus"] == corpus and case["kind"] == kind]
        return float(np.mean(np.array(values) >= threshold))

    def youden(threshold: float) -> float:
        return sum(answered(c, "answerable", threshold) - answered(c, "masked", threshold) for c in corpora)

    return max((round(step / 200, 3) for step in range(1, 200)), key=youden)


def report(dev, sentence, confidence, threshold) -> None:
    print(sentence, confidence, threshold, sep="\n")
    found = confidences(dev, sentence, confidence)
    for corpus in sorted({case["corpus"] for case in dev}):
        mine = [(case, value, right) for case, value, right in found if case["corpus"] == corpus]
        answerable = [(value, right) for case, value, right in mine if case["kind"] == "answerable"]
        print(corpus, "hit@1", np.mean([right for _, right in answerable]))
        for kind in ("adversarial", "masked"):
            others = [value for case, value, _ in mine if case["kind"] == kind]
            if others:
                print(
                    corpus,
                    kind,
                    "AUROC",
                    round(
                        auroc([v for v, _ in answerable] + others, [True] * len(answerable) + [False] * len(others)), 3
                    ),
                    "silent when due",
                    np.mean([v < threshold for v in others]),
                    "silent needlessly",
                    np.mean([v < threshold for v, _ in answerable]),
                )


if __name__ == "__main__":
    main()
