"""Everything that writes a file or a folder, as functions of a place and a number of the variant, 0 or 1."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fer_zoo.cli.explain import _write as write_picture
from fer_zoo.hub import write_hub_configs
from fer_zoo.models import FerImageProcessor, HanPffConfig, HanPffForImageClassification
from fer_zoo.models.checkpoint import copy_with_temperature, save_checkpoint
from fer_zoo.results import Box, Face, FaceExpression, ImageResult, write_csv, write_json_lines, write_parquet
from fer_zoo.whole_files import write_whole


def results(variant: int) -> list[ImageResult]:
    """Return some hundred results."""
    face = FaceExpression(Face(Box(0.0, 1.0, 4.0, 5.0), 0.9, ((1.0, 1.0),) * 5), (("anger", 0.5 + 0.25 * variant),))
    return [ImageResult(f"{number}.png", 9, 7, (face,)) for number in range(400)]


def write_checkpoint(place: Path, variant: int) -> None:
    """Write a small checkpoint."""
    torch.manual_seed(variant)
    config = HanPffConfig(image_size=112, hidden_sizes=[16, 16, 16, 16], vector_size=8, num_labels=7)
    save_checkpoint(HanPffForImageClassification(config), FerImageProcessor(), place)


def write_calibrated(place: Path, variant: int) -> None:
    """Write the copy that ``fer-zoo calibrate`` makes, of a checkpoint beside it."""
    source = place.parent / f".checkpoint-{variant}"
    if not source.exists():
        write_checkpoint(source, variant)
    copy_with_temperature(source, place, 1.5)


def write_annotated(place: Path, variant: int) -> None:
    """Write a picture."""
    write_picture(np.random.default_rng(variant).integers(0, 256, (200, 300, 3), dtype=np.uint8), place)


#: Ending of the place, and the function.
WRITERS: dict[str, tuple[str, Callable[[Path, int], object]]] = {
    "json lines": (".jsonl", lambda place, variant: write_json_lines(results(variant), place)),
    "csv": (".csv", lambda place, variant: write_csv(results(variant), place)),
    "parquet": (".parquet", lambda place, variant: write_parquet(results(variant), place)),
    "picture": (".png", write_annotated),
    "bytes": (".yaml", lambda place, variant: write_whole(place, bytes([variant]) * 300_000)),
    "checkpoint": ("", write_checkpoint),
    "calibrated": ("", write_calibrated),
    "hub configs": ("", lambda place, variant: write_hub_configs(place)),
}


def write_forever(name: str, folder: Path) -> None:
    """Write one place after the other, both variants in turn, until the process is killed."""
    ending, write = WRITERS[name]
    for number in itertools.count():
        write(folder / f"{number}{ending}", number % 2)
