"""Measuring and calibrating models: numbers with their intervals, on crops and with the detector in the loop."""

from fer_zoo.evaluation.calibration import Calibration, calibrate, cross_fit, fit_temperature
from fer_zoo.evaluation.data import LabelledPictures
from fer_zoo.evaluation.environment import Environment
from fer_zoo.evaluation.metrics import Accuracy, ClassificationMetrics, ClassMetrics, compute_metrics
from fer_zoo.evaluation.predictions import PredictionOptions, Predictions, predict
from fer_zoo.evaluation.protocols import evaluate
from fer_zoo.evaluation.reliability import (
    AbstentionPoint,
    ReliabilityBin,
    abstain_below,
    expected_calibration_error,
    reliability_table,
)
from fer_zoo.evaluation.report import Counts, EvaluationReport, MissedAsWrong
from fer_zoo.evaluation.trainer_metrics import compute_trainer_metrics

__all__ = [
    "AbstentionPoint",
    "Accuracy",
    "Calibration",
    "ClassMetrics",
    "ClassificationMetrics",
    "Counts",
    "Environment",
    "EvaluationReport",
    "LabelledPictures",
    "MissedAsWrong",
    "PredictionOptions",
    "Predictions",
    "ReliabilityBin",
    "abstain_below",
    "calibrate",
    "compute_metrics",
    "compute_trainer_metrics",
    "cross_fit",
    "evaluate",
    "expected_calibration_error",
    "fit_temperature",
    "predict",
    "reliability_table",
]
