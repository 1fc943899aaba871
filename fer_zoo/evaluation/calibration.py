"""Temperature scaling: one number that makes probabilities mean what they say.

Paper: C. Guo et al., "On calibration of modern neural networks", ICML 2017 (arXiv 1706.04599), Section 4.2. The
temperature minimises the negative log-likelihood of data that the model was not trained on. No answer changes by it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, log
from os import PathLike
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError, TrainingDataError
from fer_zoo.evaluation.data import LabelledPictures
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.evaluation.metrics import compute_metrics
from fer_zoo.evaluation.packages import import_extra
from fer_zoo.evaluation.predictions import PredictionOptions, Predictions, predict

#: Range of the temperature. A model that is always right would ask for 0, one that knows nothing for infinity.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.01, 100.0

NUM_DIMENSIONS = 2  # of logits: pictures and classes
TOLERANCE = 1e-12  # of the logarithm of the temperature, and of slopes relative to the largest margin


@dataclass(frozen=True, slots=True)
class Calibration:
    """What :func:`calibrate` found.

    The figures after are cross-fitted: each picture is judged at a temperature that was fitted without it, so that they
    are not tuned on what they report. The temperature itself is fitted on all pictures.

    Attributes:
        temperature: the new one, which the model has now.
        temperature_before: the one that it had.
        ece_before: expected calibration error at the old temperature, in [0, 1].
        ece_after: the same, cross-fitted.
        nll_before: mean negative log-likelihood at the old temperature, in nats.
        nll_after: the same, cross-fitted.
        num_pictures: of how many pictures.
        num_folds: in how many parts they were cut for the figures after.
        unreadable: why each picture that was skipped cannot be read.
    """

    temperature: float
    temperature_before: float
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float
    num_pictures: int
    num_folds: int
    unreadable: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature that minimises the negative log-likelihood of labels.

    The likelihood is convex in the inverse of the temperature, so there is one minimum; it is found as the zero of the
    derivative, in float64.

    Args:
        logits: ``(N, K)``, unnormalised scores.
        labels: ``(N,)`` class indices, or ``(N, K)`` votes or probabilities, each row divided by its sum here.

    Returns:
        The temperature, limited to 0.01 to 100.

    Raises:
        InvalidOptionError: if there is no row, the shapes do not fit, a number is not finite, a label is no class index
            or a row without votes, or all labels are of one class.
        MissingPackageError: if scipy is not installed.

    Example:
        Three of four answers are right, so each should have a probability of 3/4 = 1 / (1 + exp(-x / T)):

        >>> from fer_zoo.evaluation import fit_temperature
        >>> round(fit_temperature([[5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [0.0, 5.0]], [0, 0, 1, 1]), 6)
        4.551196
    """
    scores = np.asarray(logits, np.float64)
    targets = _target_distribution(scores, np.asarray(labels))
    softmax = import_extra("scipy.special").softmax
    scores = scores - scores.max(axis=1, keepdims=True)  # an offset of a row would only add to the rounding

    def slope(log_temperature: float) -> float:
        """Return the derivative of the likelihood by the inverse of the temperature."""
        probabilities = softmax(scores / exp(log_temperature), axis=1)
        return float(((probabilities - targets) * scores).sum(axis=1).mean())

    low, high = log(MIN_TEMPERATURE), log(MAX_TEMPERATURE)
    if not scores.any():
        return 1.0  # equal logits: every temperature gives the same
    rounding = TOLERANCE * np.abs(scores).max()  # a slope of 0, as where every answer is right, is computed as less
    if slope(low) <= rounding:
        return MIN_TEMPERATURE
    if slope(high) >= -rounding:
        return MAX_TEMPERATURE
    return exp(import_extra("scipy.optimize").brentq(slope, low, high, xtol=TOLERANCE))


def calibrate(
    model: str | PathLike[str] | PreTrainedModel,
    dataset: LabelledPictures,
    *,
    processor: Any = None,
    device: str | None = None,
    num_folds: int = 5,
    **options: Unpack[PredictionOptions],
) -> Calibration:
    """Fit the temperature of a model on aligned crops that it was not trained on, and set it in its configuration.

    Save the model afterwards to keep it; ``fer-zoo calibrate`` does both.

    Args:
        model: a classifier. A name or folder serves too, to learn the temperature without keeping it.
        dataset: the crops with their labels.
        processor: the image processor; needed with a model.
        device: where to compute; see :func:`~fer_zoo.evaluation.evaluate`.
        num_folds: parts for the cross-fitted figures, at least 2.
        **options: ``batch_size``, ``num_workers``, ``unreadable`` and ``on_progress`` as for
            :func:`~fer_zoo.evaluation.predict`. There is no ``flip``: the temperature is that of single crops.

    Raises:
        InvalidOptionError: if an option is out of its range, ``flip`` is true, or the data cannot be fitted; see
            :func:`fit_temperature`.
        TrainingDataError: if the pictures settle no temperature, as when every answer is right or they are few.
        MissingPackageError: if scikit-learn is not installed.
    """
    if options.get("flip"):
        expected = "False; the mean over mirror images has no logits that a temperature could divide"
        raise InvalidOptionError("flip", True, expected)
    classifier = load_classifier(model, processor, device=device)
    config = classifier.model.config
    raw = predict(classifier.model, dataset, classifier.processor, **options)
    predictions = raw.between(classifier.label_set, dataset.label_set)
    before = getattr(config, "temperature", 1.0)
    temperature = fit_temperature(predictions.logits, predictions.labels)
    if temperature in {MIN_TEMPERATURE, MAX_TEMPERATURE}:
        raise TrainingDataError(
            "The pictures settle no temperature, as when every answer is right or they are few; take more or others"
        )
    figures_before = _metrics(predictions, predictions.probabilities(before))
    figures_after = _metrics(predictions, cross_fit(predictions.logits, predictions.labels, num_folds))
    config.temperature = temperature
    return Calibration(
        temperature=temperature,
        temperature_before=before,
        ece_before=figures_before[0],
        ece_after=figures_after[0],
        nll_before=figures_before[1],
        nll_after=figures_after[1],
        num_pictures=len(predictions.labels),
        num_folds=num_folds,
        unreadable=predictions.unreadable,
    )


def cross_fit(logits: NDArray[np.float64], labels: NDArray[np.int64], num_folds: int = 5) -> NDArray[np.float64]:
    """Return calibrated probabilities ``(N, K)``, each row at a temperature that was fitted on the other folds.

    The folds are drawn at random, the same in every call.

    Args:
        logits: ``(N, K)``, unnormalised scores.
        labels: ``(N,)``, class indices.
        num_folds: 2 to N.

    Raises:
        InvalidOptionError: if there are not that many rows, or the rows of a fit are all of one class.
        MissingPackageError: if scikit-learn is not installed.
    """
    if not 2 <= num_folds <= len(labels):  # noqa: PLR2004 - one fold leaves nothing to fit on
        raise InvalidOptionError("num_folds", num_folds, f"a number from 2 to that of the pictures, {len(labels)}")
    folds = import_extra("sklearn.model_selection").KFold(num_folds, shuffle=True, random_state=0)
    softmax = import_extra("scipy.special").softmax
    probabilities = np.zeros(logits.shape)
    for fitted, judged in folds.split(logits):
        temperature = fit_temperature(logits[fitted], labels[fitted])
        probabilities[judged] = softmax(logits[judged] / temperature, axis=1)
    return probabilities


def _metrics(predictions: Predictions, probabilities: NDArray[np.float64]) -> tuple[float, float]:
    """Return ECE and NLL."""
    metrics = compute_metrics(probabilities, predictions.labels, predictions.classes)
    return metrics.ece, metrics.nll


def _target_distribution(logits: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return labels as a distribution for each row, ``(N, K)``.

    Raises:
        InvalidOptionError: see :func:`fit_temperature`.
    """
    if logits.ndim != NUM_DIMENSIONS or not logits.size:
        raise InvalidOptionError("the shape of logits", logits.shape, "(N, K) with at least one row")
    if not np.isfinite(logits).all():
        raise InvalidOptionError("logits", "with nan or infinity", "finite numbers")
    if labels.shape == logits.shape:
        totals = labels.sum(axis=1, keepdims=True)
        if not np.isfinite(labels).all() or labels.min() < 0 or totals.min() <= 0:
            raise InvalidOptionError("labels", "votes", "finite numbers of at least 0, and a vote in each row")
        targets = labels / totals
    elif labels.shape == logits.shape[:1]:
        if not np.isin(labels, np.arange(logits.shape[1])).all():
            raise InvalidOptionError("labels", labels, f"class indices from 0 to {logits.shape[1] - 1}")
        targets = np.eye(logits.shape[1])[labels.astype(np.int64)]
    else:
        raise InvalidOptionError("the shape of labels", labels.shape, f"{logits.shape[:1]} or {logits.shape}")
    if np.count_nonzero(targets.sum(axis=0)) < 2:  # noqa: PLR2004 - the mass lies on one class
        raise InvalidOptionError("labels", "of one class", "at least two classes, else any temperature may be right")
    distribution: NDArray[np.float64] = targets
    return distribution


__all__ = ["Calibration", "calibrate", "cross_fit", "fit_temperature"]
