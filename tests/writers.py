"""Everything that writes a file or a folder, as functions of a place and a number of the variant, 0 or 1."""

from __future__ import annotations

import atexit
import itertools
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
import pytest
import torch
from bright_faces import BrightDetector, photograph
from evaluation_pictures import Pictures, columns_picture, reading_model
from face_videos import write_video
from hub_server import File, Repository, serve_to_client
from small_models import save_small_model

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.cli.explain import _write as write_picture
from fer_zoo.evaluation import evaluate
from fer_zoo.export import export_model
from fer_zoo.hub import install, pull, write_hub_configs
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor, HanPffConfig, HanPffForImageClassification
from fer_zoo.models.checkpoint import copy_with_temperature, save_checkpoint
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video
from fer_zoo.results import Box, Face, FaceExpression, ImageResult, write_csv, write_json_lines, write_parquet
from fer_zoo.whole_files import write_whole


def results(variant: int) -> list[ImageResult]:
    """Return some hundred results."""
    face = FaceExpression(Face(Box(0.0, 1.0, 4.0, 5.0), 0.9, ((1.0, 1.0),) * 5), (("anger", 0.5 + 0.25 * variant),))
    return [ImageResult(f"{number}.png", 9, 7, (face,)) for number in range(400)]


#: The narrowest network there is.
SMALLEST: dict[str, Any] = {"image_size": 32, "hidden_sizes": [4, 8, 8, 8], "vector_size": 8, "num_labels": 7}


def write_checkpoint(place: Path, variant: int) -> None:
    """Write a small checkpoint."""
    torch.manual_seed(variant)
    config = HanPffConfig(image_size=112, hidden_sizes=[16, 16, 16, 16], vector_size=8, num_labels=7)
    save_checkpoint(HanPffForImageClassification(config), FerImageProcessor(), place)


@cache
def checkpoint(variant: int) -> Path:
    """Return a small checkpoint, for those who copy one."""
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder, ignore_errors=True)
    write_checkpoint(folder / "model", variant)
    return folder / "model"


def write_calibrated(place: Path, variant: int) -> None:
    """Write the copy that ``fer-zoo calibrate`` makes."""
    copy_with_temperature(checkpoint(variant), place, 1.5)


def write_annotated(place: Path, variant: int) -> None:
    """Write a picture."""
    write_picture(np.random.default_rng(variant).integers(0, 256, (200, 300, 3), dtype=np.uint8), place)


@cache
def small_pipeline() -> FaceExpressionPipeline:
    """Return a narrow model behind a detector that takes white rectangles for faces."""
    with TemporaryDirectory() as folder:
        return pipeline(model=str(save_small_model(Path(folder) / "small")), detector=BrightDetector(), device="cpu")


def write_report(place: Path, variant: int) -> None:
    """Write the report of an evaluation, with its pictures."""
    label_set = get_label_set("raf_db")
    images = [columns_picture(*np.eye(7)[label]) for label in (0, 1, 1, 2)]
    processor = FerImageProcessor(size={"height": 8, "width": 8}, do_normalize=False)
    pictures = Pictures(images, [0, 1, variant, 3], label_set)
    evaluate(reading_model(label_set), pictures, processor=processor).save(place)


@cache
def clip(variant: int) -> Path:
    """Return a short video in which a face moves."""
    frames = [photograph((10 + 2 * i, 10, 30 + 2 * i, 40)) for i in range(6 + variant)]
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder, ignore_errors=True)
    return write_video(folder / "clip.mp4", frames)


def write_annotated_video(place: Path, variant: int) -> None:
    """Write a video with the marks of its faces."""
    analyze_video(clip(variant), VideoAnalyzer(small_pipeline()), annotated=place)


def write_exported(file_format: str, place: Path, variant: int) -> None:
    """Export a narrow model."""
    torch.manual_seed(variant)
    model = HanPffForImageClassification(HanPffConfig(**SMALLEST)).eval()
    export_model(model, FerImageProcessor(size={"height": 32, "width": 32}), place, file_format=file_format)


def write_pulled(place: Path, variant: int) -> None:
    """Pull a model from a Hub of this process."""
    files = {
        path.name: File(path.read_bytes(), path.suffix == ".safetensors") for path in checkpoint(variant).iterdir()
    }
    with (
        TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        serve_to_client(patch, Path(folder)) as hub,
    ):
        hub.large = {file.sha256: file.content for file in files.values()}
        hub.repositories["me/small"] = Repository()
        hub.repositories["me/small"].add("main", files, "first")
        pull("me/small", place)


#: Ending of the place, and the function.
WRITERS: dict[str, tuple[str, Callable[[Path, int], object]]] = {
    "json lines": (".jsonl", lambda place, variant: write_json_lines(results(variant), place)),
    "csv": (".csv", lambda place, variant: write_csv(results(variant), place)),
    "parquet": (".parquet", lambda place, variant: write_parquet(results(variant), place)),
    "picture": (".png", write_annotated),
    "bytes": (".yaml", lambda place, variant: write_whole(place, bytes([variant]) * 300_000)),
    "checkpoint": ("", write_checkpoint),
    "calibrated": ("", write_calibrated),
    "pipeline": ("", lambda place, variant: small_pipeline().save_pretrained(place)),
    "report": ("", write_report),
    "annotated video": (".mp4", write_annotated_video),
    "hub configs": ("", lambda place, variant: write_hub_configs(place)),
    "exported": ("", partial(write_exported, "torch-export")),
    "exported, openvino": ("", partial(write_exported, "openvino")),
    "pulled": ("", write_pulled),
    "installed": ("", lambda place, variant: install("mhan", cache_dir=place)),
}


def write_forever(name: str, folder: Path) -> None:
    """Write one place after the other, both variants in turn, until the process is killed."""
    ending, write = WRITERS[name]
    for number in itertools.count():
        write(folder / f"{number}{ending}", number % 2)
