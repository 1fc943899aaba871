"""The metrics of a classification, worked out by hand."""

from __future__ import annotations

import json
import sys
from math import log, sqrt
from typing import Any

import numpy as np
import pytest

from fer_zoo.errors import InvalidOptionError, MissingPackageError
from fer_zoo.evaluation import Accuracy, ClassificationMetrics, compute_metrics

CLASSES = ("anger", "fear", "neutral", "contempt")

#: Answers 0 0 1 1 2 0, of which those of labels 1 (the second) and 2 (the last) are wrong; nobody shows contempt.
LABELS = np.array([0, 1, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.6, 0.2, 0.1, 0.1],
        [0.1, 0.8, 0.05, 0.05],
        [0.2, 0.5, 0.2, 0.1],
        [0.0, 0.0, 1.0, 0.0],
        [0.4, 0.2, 0.3, 0.1],
    ]
)


@pytest.fixture
def metrics() -> ClassificationMetrics:
    """Return the metrics of the six answers."""
    return compute_metrics(PROBABILITIES, LABELS, CLASSES, min_confidence=0.6)


def test_accuracy_has_the_interval_of_wilson(metrics: ClassificationMetrics) -> None:
    """Four of six, with the ends written out from the formula."""
    share, total, z = 4 / 6, 6, 1.959964
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)

    assert (metrics.accuracy.hits, metrics.accuracy.total) == (4, 6)
    assert metrics.accuracy.value == pytest.approx(4 / 6)
    assert (metrics.accuracy.low, metrics.accuracy.high) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_accuracy_of_all_and_of_none() -> None:
    """At the ends the interval stays in [0, 1]: ten of ten is at least 10 / (10 + z squared)."""
    assert Accuracy.from_counts(10, 10).low == pytest.approx(10 / (10 + 1.959964**2), abs=1e-6)
    assert Accuracy.from_counts(10, 10).high == pytest.approx(1)
    assert Accuracy.from_counts(0, 10).low == pytest.approx(0)
    with pytest.raises(InvalidOptionError, match="the number of pictures to evaluate: expected at least 1"):
        Accuracy.from_counts(0, 0)


def test_confusion_matrix(metrics: ClassificationMetrics) -> None:
    """Rows are true classes, columns are answers."""
    assert metrics.confusion_matrix == ((1, 0, 0, 0), (1, 2, 0, 0), (1, 0, 1, 0), (0, 0, 0, 0))


def test_figures_of_each_class(metrics: ClassificationMetrics) -> None:
    """Anger is one of three answers and found always; what is not defined is None and not 0."""
    anger, fear, neutral, contempt = metrics.per_class

    assert (anger.label, anger.support, anger.recall) == ("anger", 1, 1.0)
    assert (anger.precision, anger.f1) == pytest.approx((1 / 3, 0.5))
    assert (fear.support, fear.precision) == (3, 1.0)
    assert (fear.recall, fear.f1) == pytest.approx((2 / 3, 0.8))
    assert (neutral.precision, neutral.recall) == (1.0, 0.5)
    assert neutral.f1 == pytest.approx(2 / 3)
    assert (contempt.support, contempt.precision, contempt.recall, contempt.f1) == (0, None, None, None)


def test_means_are_of_the_classes_that_are_present(metrics: ClassificationMetrics) -> None:
    """Contempt has no picture, so it has no part in the means, and is named."""
    assert metrics.balanced_accuracy == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert metrics.macro_f1 == pytest.approx((0.5 + 0.8 + 2 / 3) / 3)
    assert metrics.absent == ("contempt",)


def test_an_answer_that_no_picture_has_lowers_no_mean_twice() -> None:
    """A wrong answer of an absent class costs the recall of the true one, and is imprecise; no warning is given."""
    metrics = compute_metrics(np.eye(3)[[0, 2, 1]], np.array([0, 0, 1]), ("anger", "fear", "contempt"))

    assert metrics.balanced_accuracy == pytest.approx((0.5 + 1) / 2)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert (metrics.per_class[2].precision, metrics.per_class[2].recall) == (0.0, None)


def test_negative_log_likelihood(metrics: ClassificationMetrics) -> None:
    """The mean of the logarithms of what was given to the true classes."""
    expected = -(log(0.7) + log(0.2) + log(0.8) + log(0.5) + log(1.0) + log(0.3)) / 6

    assert metrics.nll == pytest.approx(expected)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_probabilities_of_any_type_are_taken(kind: type[np.floating[Any]]) -> None:
    """Their rounding gives no warning, and is divided out of the rows: three thirds are three thirds."""
    metrics = compute_metrics(np.full((2, 3), kind(1 / 3)), np.array([0, 1]), CLASSES[:3])

    assert metrics.nll == pytest.approx(log(3), abs=1e-12)
    assert metrics.reliability[4].confidence == pytest.approx(1 / 3, abs=1e-12)


def test_calibration_error(metrics: ClassificationMetrics) -> None:
    """Each confidence lies in a bin of its own, so it is the mean distance to right or wrong."""
    assert metrics.ece == pytest.approx((0.3 + 0.6 + 0.2 + 0.5 + 0.0 + 0.4) / 6)
    assert sum(row.count for row in metrics.reliability) == 6


def test_abstention(metrics: ClassificationMetrics) -> None:
    """At 0.6, four answers are left and three are right; the curve starts with all answers."""
    point = metrics.abstention

    assert (point.min_confidence, point.answered, point.accuracy) == (0.6, 4, 0.75)
    assert point.coverage == pytest.approx(4 / 6)
    assert (metrics.abstention_curve[0].answered, metrics.abstention_curve[-1].answered) == (6, 1)
    assert [p.answered for p in metrics.abstention_curve] == sorted(
        (p.answered for p in metrics.abstention_curve), reverse=True
    )


def test_round_trip_through_json(metrics: ClassificationMetrics) -> None:
    """Everything comes back equal, what is not defined too."""
    text = json.dumps(metrics.to_dict(), allow_nan=False)

    assert ClassificationMetrics.from_dict(json.loads(text)) == metrics


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((0, 4)), np.zeros(0, int), CLASSES), "the number of pictures to evaluate: expected at least 1"),
        ((PROBABILITIES, LABELS[:5], CLASSES), "the shapes of probabilities and labels"),
        ((PROBABILITIES, LABELS, CLASSES[:3]), r"expected \(N, 3\) and \(N,\)"),
        ((PROBABILITIES * np.nan, LABELS, CLASSES), "with nan or infinity"),
        ((PROBABILITIES - 0.1, LABELS, CLASSES), "'?-0.1'? for probabilities: expected numbers from 0 to 1, no logits"),
        ((PROBABILITIES * 1.5, LABELS, CLASSES), "the sum of a row of probabilities: expected 1"),
        ((PROBABILITIES, LABELS + 2, CLASSES), "class indices from 0 to 3"),
        ((PROBABILITIES, LABELS - 1, CLASSES), "class indices from 0 to 3"),
    ],
    ids=["empty", "rows", "columns", "nan", "negative", "sums", "high", "low"],
)
def test_wrong_input_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    """What was given and what was expected is said."""
    with pytest.raises(InvalidOptionError, match=message):
        compute_metrics(*arguments)


@pytest.mark.parametrize("min_confidence", [-0.1, 1.5, float("nan")])
def test_confidence_outside_its_range_is_refused(min_confidence: float) -> None:
    """The range is said."""
    with pytest.raises(InvalidOptionError, match="min_confidence: expected a number from 0 to 1"):
        compute_metrics(PROBABILITIES, LABELS, CLASSES, min_confidence=min_confidence)


def test_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the error says how to install it."""
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)

    with pytest.raises(MissingPackageError, match=r"'scikit-learn'.*pip install 'fer-zoo\[train\]'"):
        compute_metrics(PROBABILITIES, LABELS, CLASSES)
