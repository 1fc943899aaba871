"""The numbers of an evaluation, computed with scikit-learn and scipy.

Classes without a picture in the data have no recall: balanced accuracy and macro-F1 are means over the classes that are
present, and ``ClassificationMetrics.absent`` names the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation.packages import import_extra
from fer_zoo.evaluation.reliability import (
    THRESHOLDS,
    AbstentionPoint,
    ReliabilityBin,
    abstain_below,
    expected_calibration_error,
    reliability_table,
)
from fer_zoo.ranges import check_shares

NUM_DIMENSIONS = 2  # of probabilities: pictures and classes
SUM_TOLERANCE = 0.01  # rows of bfloat16 are off by up to 2**-8; they are divided by their sums


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share of right answers.

    Attributes:
        hits: how many answers are right.
        total: of how many.
        value: ``hits / total``, in [0, 1].
        low: lower end of the 95 % interval of Wilson (JASA 22 (1927) 209), in [0, 1].
        high: its upper end, in [0, 1].
    """

    hits: int
    total: int
    value: float
    low: float
    high: float

    @classmethod
    def from_counts(cls, hits: int, total: int) -> Self:
        """Return the share and its interval.

        Raises:
            InvalidOptionError: if there is no answer.
            MissingPackageError: if scipy is not installed.
        """
        if total < 1:
            raise InvalidOptionError("the number of pictures to evaluate", total, "at least 1")
        interval = import_extra("scipy.stats").binomtest(hits, total).proportion_ci(0.95, method="wilson")
        return cls(hits, total, hits / total, float(interval.low), float(interval.high))


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """How well one class is told from the others.

    Attributes:
        label: the class.
        support: how many pictures show it.
        precision: share of the answers with this class that is right; ``None`` if it is never the answer.
        recall: share of its pictures that is recognised; ``None`` if it has none.
        f1: harmonic mean of the two; ``None`` if the class has neither pictures nor answers.
    """

    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class ClassificationMetrics:
    """What :func:`compute_metrics` returns.

    Attributes:
        accuracy: share of the pictures whose most probable class is right, with its interval.
        balanced_accuracy: mean recall of the classes that are present.
        macro_f1: mean F1 of the classes that are present.
        nll: mean negative log-likelihood of the right class, in nats.
        ece: expected calibration error of the answers, 15 bins, in [0, 1].
        absent: classes without a picture.
        per_class: every class, in the order of the indices.
        confusion_matrix: number of pictures by true class (row) and answer (column).
        reliability: the bins behind ``ece``.
        abstention: coverage and accuracy at the confidence that was asked for.
        abstention_curve: the same over a range of confidences.
    """

    accuracy: Accuracy
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float
    absent: tuple[str, ...]
    per_class: tuple[ClassMetrics, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]
    abstention: AbstentionPoint
    abstention_curve: tuple[AbstentionPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {**asdict(self), "confusion_matrix": [list(row) for row in self.confusion_matrix]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the metrics that :meth:`to_dict` gave, also after a way through JSON."""
        return cls(
            **{
                **values,
                "accuracy": Accuracy(**values["accuracy"]),
                "absent": tuple(values["absent"]),
                "per_class": tuple(ClassMetrics(**row) for row in values["per_class"]),
                "confusion_matrix": tuple(tuple(row) for row in values["confusion_matrix"]),
                "reliability": tuple(ReliabilityBin(**row) for row in values["reliability"]),
                "abstention": AbstentionPoint(**values["abstention"]),
                "abstention_curve": tuple(AbstentionPoint(**row) for row in values["abstention_curve"]),
            }
        )


def compute_metrics(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    *,
    min_confidence: float = 0.0,
) -> ClassificationMetrics:
    """Compare probabilities with labels.

    Args:
        probabilities: ``(N, K)``, in [0, 1], of any type of float; rows sum to 1, up to the rounding of their type.
        labels: ``(N,)``, class indices.
        classes: the K names.
        min_confidence: answers below count as withheld in ``abstention``, in [0, 1]; the other numbers are of all
            answers.

    Raises:
        InvalidOptionError: if there is no picture, a shape does not fit, a number is not finite or below 0, a row does
            not sum to 1, a label is no class index, or the confidence is out of its range.
        MissingPackageError: if scikit-learn is not installed.
    """
    _check(probabilities, labels, len(classes), min_confidence)
    metrics = import_extra("sklearn.metrics")
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    answers, numbers = probabilities.argmax(axis=1), np.arange(len(classes))
    hits, confidences = answers == labels, probabilities.max(axis=1)
    # nan marks what is not defined; zeros would count as bad results
    scores = metrics.precision_recall_fscore_support(labels, answers, labels=numbers, zero_division=np.nan)
    is_present = scores[3] > 0
    table = reliability_table(confidences, hits)
    return ClassificationMetrics(
        accuracy=Accuracy.from_counts(int(hits.sum()), len(labels)),
        balanced_accuracy=float(scores[1][is_present].mean()),
        macro_f1=float(scores[2][is_present].mean()),
        nll=float(metrics.log_loss(labels, probabilities, labels=numbers)),
        ece=expected_calibration_error(table),
        absent=tuple(str(classes[i]) for i in numbers[~is_present]),
        per_class=tuple(
            ClassMetrics(str(label), int(support), *(None if np.isnan(score) else float(score) for score in row))
            for label, *row, support in zip(classes, *scores, strict=True)
        ),
        confusion_matrix=tuple(map(tuple, metrics.confusion_matrix(labels, answers, labels=numbers).tolist())),
        reliability=table,
        abstention=abstain_below(min_confidence, confidences, hits),
        abstention_curve=tuple(abstain_below(threshold, confidences, hits) for threshold in THRESHOLDS),
    )


def _check(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], num_classes: int, min_confidence: float
) -> None:
    """Refuse what the metrics would fail on, or be silently wrong about.

    Raises:
        InvalidOptionError: see :func:`compute_metrics`.
    """
    shape = probabilities.shape
    if len(shape) != NUM_DIMENSIONS or shape[1] != num_classes or labels.shape != shape[:1]:
        raise InvalidOptionError(
            "the shapes of probabilities and labels", (shape, labels.shape), f"(N, {num_classes}) and (N,)"
        )
    if not len(labels):
        raise InvalidOptionError("the number of pictures to evaluate", 0, "at least 1")
    if not np.isfinite(probabilities).all():
        raise InvalidOptionError("probabilities", "with nan or infinity", "finite numbers")
    if probabilities.min() < 0:
        raise InvalidOptionError("probabilities", float(probabilities.min()), "numbers from 0 to 1, no logits")
    sums = probabilities.sum(axis=1, dtype=np.float64)
    furthest = float(sums[np.abs(sums - 1).argmax()])
    if abs(furthest - 1) > SUM_TOLERANCE:
        raise InvalidOptionError("the sum of a row of probabilities", furthest, "1")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InvalidOptionError(
            "labels", (int(labels.min()), int(labels.max())), f"class indices from 0 to {num_classes - 1}"
        )
    check_shares(min_confidence=min_confidence)


__all__ = ["Accuracy", "ClassMetrics", "ClassificationMetrics", "compute_metrics"]
