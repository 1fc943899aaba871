"""Draw what the figures of an evaluation look like, with numbers that are made so that the truth is known.

    python examples/evaluation_figures.py pictures

4,000 made-up pictures are points in a plane around the centre of their class, neutral and happiness far more often than
contempt. The exact probability of every class is known for each of them, so that model is calibrated. A second model
doubles all logits: it gives the same answers, and is too sure of them. Its temperature is 2, and is found.

Beside them, the same pictures of the embedded models, from the reports that lie beside their weights.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import softmax

from fer_zoo.evaluation import (
    ClassificationMetrics,
    Counts,
    Environment,
    EvaluationReport,
    compute_metrics,
    cross_fit,
    fit_temperature,
)
from fer_zoo.labels import get_label_set
from fer_zoo.registry import list_embedded_models

CLASSES = tuple(get_label_set("fer_plus"))
SHARES = np.array([0.36, 0.28, 0.12, 0.11, 0.08, 0.01, 0.03, 0.01])  # of the classes, about those of FER+
NUMBER = 4000  # pictures
RADIUS = 2.6  # of the circle that the centres lie on, in standard deviations of a class


def make_logits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return logits ``(N, K)`` whose softmax is the exact probability of each class, and the classes ``(N,)``."""
    generator = np.random.default_rng(0)
    angles = np.arange(len(CLASSES)) * 2 * np.pi / len(CLASSES)
    centres = RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])
    labels = generator.choice(len(CLASSES), NUMBER, p=SHARES)
    points = centres[labels] + generator.normal(size=(NUMBER, 2))
    distances = ((points[:, None] - centres) ** 2).sum(axis=2)
    return np.log(SHARES) - distances / 2, labels


def make_report(model: str, metrics: ClassificationMetrics) -> EvaluationReport:
    """Return a report that says what the numbers are of."""
    return EvaluationReport(
        model=model,
        dataset="made-up points",
        split="test",
        selection="",
        detector=None,
        classes=CLASSES,
        ignored_classes=(),
        temperature=1.0,
        flip=False,
        counts=Counts(NUMBER, NUMBER, missed=0, unreadable=0, dropped={}),
        unreadable=(),
        metrics=metrics,
        missed_as_wrong=None,
        environment=Environment.here(torch.device("cpu")),
    )


def draw_abstention(path: Path, curves: dict[str, ClassificationMetrics]) -> None:
    """Draw accuracy by coverage: what is gained by giving no answer where the model is not sure."""
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for (name, metrics), marker in zip(curves.items(), "o^", strict=True):
        points = [point for point in metrics.abstention_curve if point.accuracy is not None]
        coverage: list[Any] = [point.coverage for point in points]
        axes.plot(coverage, [point.accuracy for point in points], marker=marker, markersize=4, label=name)
        for point in points:
            if point.min_confidence in {0.5, 0.8, 0.95}:
                place = (point.coverage, float(point.accuracy or 0))
                shift = (6, 4) if marker == "o" else (-26, -12)
                axes.annotate(f"{point.min_confidence:g}", place, xytext=shift, textcoords="offset points", fontsize=8)
    axes.set(xlabel="coverage: share of the pictures with an answer", ylabel="accuracy of the answers given")
    axes.set_title("numbers beside the points: min_confidence", fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Write the reports of all models into folders, and ``abstention.png``."""
    folder = Path(sys.argv[1])
    logits, labels = make_logits()
    too_sure = 2 * logits
    before = compute_metrics(softmax(too_sure, axis=1), labels, CLASSES)
    after = compute_metrics(cross_fit(too_sure, labels), labels, CLASSES)
    make_report("too sure", before).save(folder / "too_sure")
    make_report("calibrated", after).save(folder / "calibrated")
    for entry in list_embedded_models():
        EvaluationReport.load(entry.folder).save(folder / entry.name)
    draw_abstention(folder / "abstention.png", {"too sure": before, "calibrated": after})
    print(f"temperature {fit_temperature(too_sure, labels):.2f}, ECE {before.ece:.1%} before and {after.ece:.1%} after")
    print(f"accuracy {before.accuracy.value:.1%}, balanced accuracy {before.balanced_accuracy:.1%}")


if __name__ == "__main__":
    main()
