"""Metrics while a model trains: ``compute_metrics`` for the Trainer of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation.metrics import compute_metrics
from fer_zoo.evaluation.packages import import_extra
from fer_zoo.labels import LabelSet
from fer_zoo.losses import NO_LABEL


def compute_trainer_metrics(labels: LabelSet | Mapping[int, str]) -> Callable[[Any], dict[str, float]]:
    """Return a function for ``Trainer(compute_metrics=...)``.

    It takes an ``EvalPrediction`` whose predictions are logits ``(N, K)``, or a tuple that starts with them, and whose
    labels are class indices ``(N,)`` or votes ``(N, K)``, of which the class with most counts. Rows labelled -100 and
    rows without a vote are left out. It gives accuracy, balanced accuracy, macro-F1, ECE, all in [0, 1], and NLL in
    nats. Nothing is calibrated.

    Args:
        labels: the classes, or ``id2label`` of the model.

    Raises:
        InvalidOptionError: by the function, if no row is left or the shapes do not fit.
        MissingPackageError: by the function, if scikit-learn is not installed.

    Example:
        >>> import numpy as np
        >>> from transformers import EvalPrediction
        >>> from fer_zoo.evaluation import compute_trainer_metrics
        >>> compute = compute_trainer_metrics({0: "anger", 1: "fear"})
        >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
        >>> round(compute(EvalPrediction(predictions=logits, label_ids=np.array([0, 1, 1])))["balanced_accuracy"], 2)
        0.75
    """
    classes = list(map(str, labels)) if isinstance(labels, LabelSet) else [labels[i] for i in sorted(labels)]

    def compute(prediction: Any) -> dict[str, float]:
        """Return the metrics of one evaluation."""
        outputs = prediction.predictions
        logits = np.asarray(outputs[0] if isinstance(outputs, tuple) else outputs, np.float64)
        numbers = _class_indices(np.asarray(prediction.label_ids), len(classes))
        if numbers.shape != logits.shape[:1]:
            raise InvalidOptionError("the shapes of logits and labels", (logits.shape, numbers.shape), "as many rows")
        is_labelled = numbers != NO_LABEL
        probabilities = import_extra("scipy.special").softmax(logits[is_labelled], axis=-1)
        metrics = compute_metrics(probabilities, numbers[is_labelled], classes)
        return {
            "accuracy": metrics.accuracy.value,
            "balanced_accuracy": metrics.balanced_accuracy,
            "macro_f1": metrics.macro_f1,
            "ece": metrics.ece,
            "nll": metrics.nll,
        }

    return compute


def _class_indices(labels: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    """Return ``(N,)`` class indices of labels or votes, -100 for rows that do not count."""
    if labels.ndim == 2 and labels.shape[1] == num_classes:  # noqa: PLR2004 - rows of votes
        has_votes = (labels > 0).any(axis=1)
        return np.where(has_votes, labels.argmax(axis=1), NO_LABEL)
    return labels


__all__ = ["compute_trainer_metrics"]
