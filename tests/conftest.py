"""Fixtures shared by the tests: public pictures, the embedded model, and quick arithmetic."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from PIL import Image

# Triton asks once, when it is imported, which transformers does: without a GPU its kernels are interpreted.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # what it is without; Triton 3.9 warns where nobody says so

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.models import MhanForImageClassification

torch.set_flush_denormal(True)  # random weights make denormal numbers, which take seconds a picture on a CPU


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """Return NASA's public-domain portrait of an astronaut, ``(512, 512, 3)``: one smiling face."""
    return np.array(skimage.data.astronaut())


@pytest.fixture(scope="session")
def group_path() -> Path:
    """Return the path of the group picture in the installed insightface package: six faces, ``(886, 1280, 3)``."""
    spec = find_spec("insightface")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "images" / "t1.jpg"


@pytest.fixture(scope="session")
def group(group_path: Path) -> NDArray[np.uint8]:
    """Return the group picture."""
    with Image.open(group_path) as image:
        return np.array(image.convert("RGB"))


@pytest.fixture(scope="session")
def landscape() -> NDArray[np.uint8]:
    """Return a picture without a face, ``(427, 640, 3)``."""
    return np.array(skimage.data.coffee()[:400, :600])


@pytest.fixture(scope="session")
def embedded_pipeline() -> FaceExpressionPipeline:
    """Return the pipeline with the embedded weights, on the CPU."""
    return pipeline("face-expression", model="fer_zoo/mhan", device="cpu")


@pytest.fixture(scope="session")
def embedded_model(embedded_pipeline: FaceExpressionPipeline) -> MhanForImageClassification:
    """Return the embedded model, float32, in evaluation mode; tests must not change it."""
    model: MhanForImageClassification = embedded_pipeline.model
    return model


@pytest.fixture
def write_picture(tmp_path: Path) -> Callable[[str, NDArray[np.uint8]], str]:
    """Return a function that writes a picture below the test's folder and gives its path."""

    def write(name: str, image: NDArray[np.uint8]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        return str(path)

    return write


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later search for garbage; it is large, and none of it."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let everything be tidied up at the end."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases the fuzz tests ran."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    numbers = [
        value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "fuzz_cases"
    ]
    if numbers:
        terminalreporter.write_line(f"fuzzing: {sum(numbers):,} cases of {len(numbers)} properties")
