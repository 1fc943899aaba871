"""Fixtures of the tests of crops and of many files."""

from __future__ import annotations

from pathlib import Path

import pytest
from bright_faces import BrightDetector, write_photographs

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.pipelines import FaceCropper


@pytest.fixture
def bright() -> FaceCropper:
    """Return a cropper that takes white rectangles for faces."""
    return FaceCropper(detector=BrightDetector())


@pytest.fixture(scope="session")
def bright_pipeline(embedded_pipeline: FaceExpressionPipeline) -> FaceExpressionPipeline:
    """Return the embedded model behind a detector that takes white rectangles for faces."""
    return pipeline(
        model=embedded_pipeline.model,
        image_processor=embedded_pipeline.image_processor,
        detector=BrightDetector(),
        device="cpu",
    )


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return a folder with six files in class folders: four to crop, one without a face, one that is broken."""
    folder = tmp_path / "photographs"
    write_photographs(folder)
    return folder
