"""Each figure by an example worked out by hand, by a law, and against another's implementation."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from qa.metrics import (
    answer_words,
    auroc,
    calibration_error,
    exact_match,
    ndcg,
    reciprocal_rank,
    reliability,
    risk_coverage,
    success,
    token_f1,
)

scored = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30)
sure = st.lists(st.tuples(st.integers(0, 100).map(lambda n: n / 100), st.booleans()), min_size=1, max_size=30)
english = st.text(alphabet="abTHEan ,.-'0", max_size=25)


@pytest.mark.parametrize(
    ("ranks", "k", "expected"), [([1], 1, 1), ([3, 4], 2, 0), ([3, 4], 3, 1), ([], 20, 0), ([21], 20, 0)]
)
def test_success(ranks, k, expected):
    assert success(ranks, k) == expected


@pytest.mark.parametrize(("ranks", "expected"), [([1], 1), ([3, 4], 1 / 3), ([], 0), ([21], 0), ([20, 3], 1 / 3)])
def test_reciprocal_rank(ranks, expected):
    assert reciprocal_rank(ranks, 20) == expected


def test_ndcg_worked_example():
    # Relevant at 1 and 3, and one never found: (1 + ½) / (1 + 1/log2(3) + ½).
    assert ndcg([1, 3], 3, 10) == pytest.approx(1.5 / (1.5 + 1 / math.log2(3)))
    assert ndcg([1, 2], 2, 10) == 1
    assert ndcg([11], 1, 10) == 0
    assert ndcg([], 0, 10) == 0


@settings(deadline=None)
@given(st.sets(st.integers(1, 25), max_size=8), st.integers(0, 3), st.sampled_from([1, 3, 5, 10, 20]))
def test_the_ranking_s_figures_are_trec_eval_s(ranks, missed, k):
    judged = {f"p{rank}": 1 for rank in ranks} | {f"missed{i}": 1 for i in range(missed)}
    found = {f"p{rank}": float(-rank) for rank in range(1, 26)}
    relevant = len(ranks) + missed
    assert 0 <= reciprocal_rank(ranks, k) <= success(ranks, k) <= 1
    if not relevant:
        assert (success(ranks, k), reciprocal_rank(ranks, k), ndcg(ranks, relevant, k)) == (0, 0, 0)
        return
    measures = {f"success_{k}", f"ndcg_cut_{k}", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator({"q": judged}, measures).evaluate({"q": found})["q"]
    assert success(ranks, k) == theirs[f"success_{k}"]
    assert ndcg(ranks, relevant, k) == pytest.approx(theirs[f"ndcg_cut_{k}"], abs=1e-6)
    assert reciprocal_rank(ranks, 25) == pytest.approx(theirs["recip_rank"], abs=1e-6)


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("L’Organisation des Nations unies", "fr", ["organisation", "nations", "unies"]),
        ("de l'engrais", "fr", ["engrais"]),
        ("« Du blé », d'Ukraine !", "fr", ["blé", "ukraine"]),
        ("ce qu'il a dit aujourd'hui", "fr", ["ce", "qu", "il", "a", "dit", "aujourd", "hui"]),
        ("The cat's $5 hat.", "en", ["cats", "5", "hat"]),
        ("une Des an", None, ["une", "des", "an"]),
        ("El puente de Crimea", "es", ["puente", "de", "crimea"]),
        ("Der Zug", "de", ["zug"]),
        ("e\u0301te\u0301", "fr", ["été"]),
        ("东京2020年", "zh", ["东", "京", "2020", "年"]),
        ("…", "fr", []),
    ],
)
def test_answer_words(text, language, words):
    assert answer_words(text, language) == words


def test_exact_match_worked_example():
    assert exact_match("l’engrais russe", ["le blé", "Engrais russe."], "fr") == 1
    assert exact_match("l’engrais", ["engrais russe"], "fr") == 0
    assert exact_match("russe engrais", ["engrais russe"], "fr") == 0
    assert exact_match("engrais", [], "fr") == 0


def test_token_f1_worked_example():
    # Two of three words found are among the two of the gold answer: precision 2/3, recall 1.
    assert token_f1("300 000 tonnes", ["000 tonnes"], "fr") == pytest.approx(0.8)
    # A word counts as often as both have it: 1 shared, 2 found, 2 in gold.
    assert token_f1("paix paix", ["paix guerre"], "fr") == 0.5
    assert token_f1("blé", ["riz", "le blé"], "fr") == 1
    assert token_f1("!", ["?"], "fr") == 1
    assert token_f1("", ["blé"], "fr") == 0
    assert token_f1("blé", [], "fr") == 0


def squad_words(text):
    """The SQuAD script's normalisation, from its description: lower, no punctuation, no articles, single spaces."""
    lowered = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\b(?:a|an|the)\b", " ", lowered).split()


@settings(deadline=None)
@given(english, english)
def test_english_spans_are_judged_as_squad_does(found, gold):
    ours, theirs = squad_words(found), squad_words(gold)
    assert exact_match(found, [gold], "en") == (ours == theirs)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    if not ours or not theirs:
        expected = float(ours == theirs)
    elif not shared:
        expected = 0.0
    else:
        precision, recall = shared / len(ours), shared / len(theirs)
        expected = 2 * precision * recall / (precision + recall)
    assert token_f1(found, [gold], "en") == pytest.approx(expected)
    assert exact_match(found, [gold], "en") <= token_f1(found, [gold], "en") <= 1
    assert token_f1(found, [gold], "en") == token_f1(gold, [found], "en")


def test_auroc_worked_example():
    # Of the four pairs, (.9, .1), (.9, .5) and (.2, .1) are in order and (.2, .5) is not.
    assert auroc([0.9, 0.2, 0.1, 0.5], [True, True, False, False]) == 0.75
    assert auroc([1, 1], [True, False]) == 0.5
    assert math.isnan(auroc([1, 2], [True, True]))


@settings(deadline=None)
@given(scored)
def test_auroc_is_the_share_of_ordered_pairs_and_scikit_learn_s(pairs):
    scores, labels = zip(*pairs, strict=True)
    positives = [score for score, label in pairs if label]
    negatives = [score for score, label in pairs if not label]
    if positives and negatives:
        wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
        assert auroc(scores, labels) == pytest.approx(wins / len(positives) / len(negatives))
        assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
        assert auroc([-score for score in scores], labels) == pytest.approx(1 - auroc(scores, labels))


def test_risk_coverage_worked_example():
    curve = risk_coverage([0.2, 0.9, 0.5, 0.5], [False, True, False, True])
    assert curve.threshold.tolist() == [0.9, 0.5, 0.2]
    assert curve.coverage.tolist() == [0.25, 0.75, 1]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx(0.5 / 3 + 0.25 / 2)
    assert math.isnan(risk_coverage([], []).area)


@settings(deadline=None)
@given(sure)
def test_the_risk_at_each_threshold_is_counted(pairs):
    confidences, right = zip(*pairs, strict=True)
    curve = risk_coverage(confidences, right)
    for threshold, coverage, risk in zip(curve.threshold, curve.coverage, curve.risk, strict=True):
        answered = [ok for confidence, ok in pairs if confidence >= threshold]
        assert coverage == pytest.approx(len(answered) / len(pairs))
        assert risk == pytest.approx(1 - np.mean(answered))
    assert curve.coverage[-1] == 1
    # Nothing does better than who answers all that is right first; confidence told apart ties nothing.
    best = risk_coverage([float(ok) for ok in right], right).area
    assert 0 <= curve.area <= 1
    if len(set(confidences)) == len(pairs):
        ordered = [ok for _, ok in sorted(pairs, reverse=True)]
        means = [1 - np.mean(ordered[:n]) for n in range(1, len(ordered) + 1)]
        assert curve.area == pytest.approx(np.mean(means))
        assert risk_coverage([2 * c for c in confidences], right).area == pytest.approx(curve.area)
    assert best <= 1


def test_calibration_error_worked_example():
    # One bin: mean confidence .95, half of them right; another: .25, none right; 2/3 and 1/3 of the questions.
    confidences, right = [0.92, 0.98, 0.25], [True, False, False]
    assert calibration_error(confidences, right) == pytest.approx(2 / 3 * 0.45 + 1 / 3 * 0.25)
    bins = reliability(confidences, right)
    assert [one.count for one in bins] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[9].confidence, bins[9].right) == (pytest.approx(0.95), 0.5)
    assert math.isnan(bins[0].right)
    assert reliability([1.0], [True])[9].count == 1
    assert math.isnan(calibration_error([], []))


@settings(deadline=None)
@given(sure)
def test_the_reliability_diagram_is_scikit_learn_s(pairs):
    # Theirs puts a value on the edge into the bin below, ours into the one above: keep off the edges.
    confidences = [0.98 * confidence + 0.005 + 1e-4 for confidence, _ in pairs]
    right = [ok for _, ok in pairs]
    bins = [one for one in reliability(confidences, right) if one.count]
    shares, means = calibration_curve(right, confidences, n_bins=10, strategy="uniform")
    assert [one.right for one in bins] == pytest.approx(shares.tolist())
    assert [one.confidence for one in bins] == pytest.approx(means.tolist())
    expected = sum(one.count * abs(one.confidence - one.right) for one in bins) / len(pairs)
    assert calibration_error(confidences, right) == pytest.approx(expected)
    assert sum(one.count for one in bins) == len(pairs)
