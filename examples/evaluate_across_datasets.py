"""Measure one model on several data sets that number their classes differently.

    python examples/evaluate_across_datasets.py mhan raf_db:RAF-DB:test fer_plus:FERPlus:test
    python examples/evaluate_across_datasets.py --small

Each data set is given as KIND:FOLDER:SPLIT. Classes are matched by expression, never by number: what a data set has and
the model lacks is dropped and counted, what the model has beyond it is left out before the softmax. With ``--small`` a
tiny network learns drawn faces and is measured on them in two orders, where only the numbers differ: both accuracies
are the same.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from drawn_faces import draw_folder
from transformers.utils import logging

from fer_zoo.datasets import ExpressionDataset, load_dataset
from fer_zoo.evaluation import EvaluationReport, evaluate
from fer_zoo.labels import LabelSet
from fer_zoo.training import RunSettings, train

#: A HAN-PFF with 9,000 parameters.
TINY = {
    "image_size": 112,
    "hidden_sizes": [4, 8, 8, 8],
    "vector_size": 8,
    "classifier_dropout": 0.0,
    "region_independence_weight": 0.1,
}


def describe(report: EvaluationReport) -> str:
    """Return the figures of a report on one line."""
    accuracy = report.metrics.accuracy
    dropped = sum(report.counts.dropped.values())
    return (
        f"{report.dataset}, {report.split}: accuracy {accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%}), "
        f"balanced {report.metrics.balanced_accuracy:.1%}; {accuracy.total:,} pictures, "
        f"{len(report.classes)} classes, {dropped:,} pictures of other classes dropped"
    )


def measure(model: str | Path, datasets: list[ExpressionDataset], **options: Any) -> None:
    """Print a line for each data set."""
    for dataset in datasets:
        print(describe(evaluate(model, dataset, **options)))


def run_small(folder: Path) -> None:
    """Train in one order, and measure in that and in another."""
    faces = draw_folder(folder / "faces", {"train": 30, "validation": 10, "test": 20})
    options = {"num_train_epochs": 8, "per_device_train_batch_size": 6, "learning_rate": 2e-2, "use_cpu": True}
    settings = RunSettings.from_layers(
        {
            "recipe": "from-scratch",
            "data": {"kind": "image_folder", "path": str(faces)},
            "model": {"name": "han_pff", **TINY},
            "training": {**options, "sam_rho": 0.0, "ema_decay": 0.0},
            "augmentation": {"geometry": 0.0, "blur": 0.0, "low_resolution": 0.0, "erase": 0.0},
        }
    )
    train(settings, folder / "model")
    learned = load_dataset("image_folder", faces, split="test")
    other = LabelSet("reversed", tuple(reversed(learned.label_set.classes)))
    for label_set in (learned.label_set, other):
        print(f"{label_set.name}: {', '.join(label_set)}")
    measure(
        folder / "model", [learned, load_dataset("image_folder", faces, split="test", label_set=other)], device="cpu"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="published name, folder or repository")
    parser.add_argument("datasets", nargs="*", metavar="KIND:FOLDER:SPLIT")
    parser.add_argument("--small", action="store_true", help="draw the faces, and train a tiny network on them first")
    given = parser.parse_args()
    logging.disable_progress_bar()
    if given.small:
        with tempfile.TemporaryDirectory() as folder:
            run_small(Path(folder))
        return
    if given.model is None or not given.datasets:
        parser.error("give a model and at least one data set, or --small")
    parts = [text.split(":") for text in given.datasets]
    measure(given.model, [load_dataset(kind, path, split=split) for kind, path, split in parts])


if __name__ == "__main__":
    main()
