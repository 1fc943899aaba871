"""Measuring a model on a data set, on aligned crops or with the detector in the loop."""

from __future__ import annotations

from os import PathLike
from typing import Any, Unpack

import numpy as np
from transformers import PreTrainedModel

from fer_zoo.detection import FaceDetector
from fer_zoo.evaluation.data import LabelledPictures
from fer_zoo.evaluation.detected import predict_detected
from fer_zoo.evaluation.environment import Environment
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.evaluation.metrics import Accuracy, compute_metrics
from fer_zoo.evaluation.predictions import PredictionOptions, Predictions, predict
from fer_zoo.evaluation.report import Counts, EvaluationReport, MissedAsWrong


def evaluate(
    model: str | PathLike[str] | PreTrainedModel,
    dataset: LabelledPictures,
    *,
    processor: Any = None,
    detector: str | FaceDetector | None = None,
    device: str | None = None,
    calibrated: bool = True,
    min_confidence: float = 0.0,
    selection: str = "",
    command: str = "",
    **options: Unpack[PredictionOptions],
) -> EvaluationReport:
    """Measure a model on a data set.

    By default the pictures are taken for aligned crops. With a detector, every picture goes through the pipeline as a
    user's would: faces are found and aligned first, the largest face of a picture counts, and the pictures without one
    are reported as missed.

    Where the classes of model and data differ, the expressions that both have are compared: the probabilities of the
    model are restricted to them, and pictures of other expressions are dropped and counted. See
    :meth:`fer_zoo.evaluation.Predictions.between`.

    Args:
        model: a published name, a folder, a repository on the Hub, or a model (then pass ``processor`` too).
        dataset: the pictures with their labels; of votes, the class with most is the label.
        processor: the image processor; by default that of the checkpoint.
        detector: ``None`` for aligned crops, or a detector as for :func:`fer_zoo.pipelines.pipeline`.
        device: where to compute; by default where a model is already (a given device moves it there), and the fastest
            that is there for a name.
        calibrated: whether the logits are divided by the temperature of the model.
        min_confidence: answers whose probability is below count as withheld in the figures on abstention, in [0, 1].
        selection: which pictures of the split these are, for the report.
        command: what was typed, for the report.
        **options: ``batch_size`` (32), ``num_workers`` (0), ``flip`` (false; the probabilities of each crop and its
            mirror image are averaged) and ``unreadable`` (``"raise"``, or ``"skip"`` and count) and
            ``on_progress``, see :func:`fer_zoo.evaluation.predict`.

    Raises:
        UnknownNameError: if there is no model or detector of that name, or a label of the model is no expression.
        ImageReadError: if a picture cannot be read and is not to be skipped.
        InvalidOptionError: if an option is out of its range, the device is not there, a label is missing, or nothing is
            left to measure.
        ArgumentTypeError: if the model is none, such as a pipeline, or the detector is a class.
        MissingPackageError: if scikit-learn is not installed.
    """
    classifier = load_classifier(model, processor, device=device)
    if detector is None:
        raw = predict(classifier.model, dataset, classifier.processor, **options)
    else:
        raw = predict_detected(classifier.model, dataset, classifier.processor, detector, **options)
    label_set = classifier.label_set
    predictions = raw.between(label_set, dataset.label_set)
    temperature = getattr(classifier.model.config, "temperature", 1.0) if calibrated else 1.0
    probabilities = predictions.probabilities(temperature)
    return EvaluationReport(
        model=classifier.name,
        dataset=dataset.name,
        split=dataset.split,
        selection=selection,
        detector=detector if isinstance(detector, str | None) else type(detector).__name__,
        classes=tuple(map(str, predictions.classes)),
        ignored_classes=tuple(str(expression) for expression in label_set if expression not in predictions.classes),
        temperature=temperature,
        flip=options.get("flip", False),
        counts=_counts(dataset, predictions),
        unreadable=predictions.unreadable,
        metrics=compute_metrics(probabilities, predictions.labels, predictions.classes, min_confidence=min_confidence),
        missed_as_wrong=None if detector is None else count_missed_as_wrong(predictions, probabilities.argmax(axis=1)),
        environment=Environment.here(classifier.model.device, command),
    )


def count_missed_as_wrong(predictions: Predictions, answers: np.ndarray[Any, Any]) -> MissedAsWrong:
    """Return accuracy and balanced accuracy of all pictures, those without a found face being wrong.

    Args:
        predictions: labels of found and missed faces.
        answers: ``(N,)``, class indices for the found ones.
    """
    num_classes = len(predictions.classes)
    hits = np.bincount(predictions.labels[answers == predictions.labels], minlength=num_classes)
    totals = np.bincount([*predictions.labels, *predictions.missed_labels], minlength=num_classes)
    recalls = hits[totals > 0] / totals[totals > 0]
    return MissedAsWrong(Accuracy.from_counts(int(hits.sum()), int(totals.sum())), float(recalls.mean()))


def _counts(dataset: LabelledPictures, predictions: Predictions) -> Counts:
    """Return what became of each picture."""
    return Counts(
        pictures=len(dataset),
        evaluated=len(predictions.labels),
        missed=len(predictions.missed_labels),
        unreadable=len(predictions.unreadable),
        dropped=dict(predictions.dropped),
    )


__all__ = ["count_missed_as_wrong", "evaluate"]
