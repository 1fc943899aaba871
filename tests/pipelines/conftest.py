"""Fixtures of the tests of crops and of many files."""

from __future__ import annotations

from pathlib import Path

import pytest
from bright_faces import BrightDetector, write_photographs
from small_models import save_small_model

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.pipelines import FaceCropper


@pytest.fixture
def bright() -> FaceCropper:
    """Return a cropper that takes white rectangles for faces."""
    return FaceCropper(detector=BrightDetector())


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a narrow model with random weights."""
    return save_small_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def bright_pipeline(small_model: Path) -> FaceExpressionPipeline:
    """Return the narrow model behind a detector that takes white rectangles for faces."""
    return pipeline(model=str(small_model), detector=BrightDetector(), device="cpu")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return a folder with six files in class folders: four to crop, one without a face, one that is broken."""
    folder = tmp_path / "photographs"
    write_photographs(folder)
    return folder
