"""A small classifier to export, and faces."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.export import ExportReport, export_model
from fer_zoo.registry import FreshModel, create_model


@pytest.fixture(scope="session")
def small() -> FreshModel:
    """Return a ResNet-18 for crops of 32 pixels, which is exported in seconds, and its image processor."""
    torch.manual_seed(0)
    model, processor = create_model("resnet18", config_options={"image_size": 32, "temperature": 2.0})
    return FreshModel(model.eval(), processor)


@pytest.fixture(scope="session")
def exported(small: FreshModel, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ExportReport]:
    """Return a function that exports the small model, once for each format and precision; tests only read it."""
    folder = tmp_path_factory.mktemp("exported")

    @cache
    def export(file_format: str, precision: str) -> ExportReport:
        return export_model(*small, folder / f"{file_format}-{precision}", file_format=file_format, precision=precision)

    return lambda file_format="onnx", precision="fp32": export(file_format, precision)


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]) -> Path:
    """Return a folder with 24 crops of the astronaut's portrait, some in a folder below, and a broken file."""
    folder = tmp_path_factory.mktemp("crops")
    (folder / "more").mkdir()
    for number in range(24):
        left, top = 150 + 4 * (number % 6), 40 + 8 * (number // 6)
        crop = Image.fromarray(astronaut[top : top + 128, left : left + 128])
        crop.save((folder / "more" if number % 2 else folder) / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder
