"""Fine-tune a published model on photographs of one's own: crop, train, measure, predict.

    python examples/fine_tune_folder.py PHOTOGRAPHS runs/mine
    python examples/fine_tune_folder.py --small

PHOTOGRAPHS has a folder for each expression (``happy``, ``sad`` …), or ``train`` and ``validation`` with such folders.
With ``--small`` the photographs are one portrait in changing light, as it is and with a sad mouth painted on: that
shows that everything runs, and nothing about faces.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from painted_portraits import WORDS, paint_sad, read_portrait, write_class
from transformers.utils import logging

import fer_zoo
from fer_zoo.pipelines import FaceCropper, crop_folder
from fer_zoo.training import RunSettings, train


def write_two_classes(folder: Path) -> Path:
    """Write eight pictures of a smiling and of a painted class, without splits."""
    generator = np.random.default_rng(0)
    portraits = (read_portrait(), paint_sad(read_portrait()))
    for word, portrait in zip(WORDS, portraits, strict=True):
        write_class(folder / word, portrait, 8, generator)
    return folder


def fine_tune(photographs: Path, output: Path, *, model: str, **training: Any) -> None:
    """Go all the way from photographs to answers.

    Args:
        photographs: folders of expressions.
        output: where crops and model go.
        model: with weights, to start from.
        **training: options of training that differ from the recipe.
    """
    crops = output / "crops"
    summary = crop_folder(photographs, crops, FaceCropper(model))
    print(f"{summary.num_cropped} photographs cropped")

    settings = RunSettings.from_layers(
        {
            "data": {"kind": "image_folder", "path": str(crops), "eval_share": 0.25},
            "model": {"name": model, "fine_tune": True},
            "training": training,
        }
    )
    result = train(settings, output / "model")
    if result is not None and result.report is not None:
        accuracy = result.report.metrics.accuracy
        print(
            f"accuracy {accuracy.value:.0%} on {accuracy.total} crops (95 %: {accuracy.low:.0%} to {accuracy.high:.0%})"
        )

    pipe = fer_zoo.pipeline(model=output / "model", device="cpu")
    for photograph in sorted(photographs.rglob("*.png"))[::4]:
        print(photograph.relative_to(photographs), [face["label"] for face in pipe(str(photograph))])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="?", type=Path)
    parser.add_argument("output", nargs="?", type=Path)
    parser.add_argument("--model", default="mhan", help="with weights: a published name, a folder or a repository")
    parser.add_argument("--small", action="store_true", help="use one portrait and a painted one, for a few epochs")
    given = parser.parse_args()
    logging.disable_progress_bar()
    if not given.small and (given.photographs is None or given.output is None):
        parser.error("give the photographs and a folder for the model, or --small")
    if not given.small:
        fine_tune(given.photographs, given.output, model=given.model)
        return
    with tempfile.TemporaryDirectory() as folder:
        photographs = write_two_classes(Path(folder) / "photographs")
        options = {"num_train_epochs": 4, "per_device_train_batch_size": 6, "learning_rate": 1e-3, "use_cpu": True}
        fine_tune(photographs, Path(folder) / "run", model=given.model, **options)


if __name__ == "__main__":
    main()
