"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from fer_zoo import FaceExpressionPipeline
from fer_zoo.cli import app


@pytest.fixture
def run(embedded_pipeline: FaceExpressionPipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs ``fer-zoo`` with arguments; the embedded pipeline is made once for all tests."""
    for command in ("pipeline_choice", "explain"):
        module = import_module(f"fer_zoo.cli.{command}")  # the package's attribute of that name is the command
        make = module.pipeline

        def make_once(
            *, model: str, detector: str, device: str | None, make: Callable[..., object] = make, **backend: object
        ) -> object:
            usual = (model, detector, device) == ("mhan", "center_face", None) and not any(backend.values())
            return embedded_pipeline if usual else make(model=model, detector=detector, device=device, **backend)

        monkeypatch.setattr(module, "pipeline", make_once)

    def invoke(*arguments: object, charset: str = "utf-8") -> Result:
        return CliRunner(charset).invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})

    return invoke


@pytest.fixture
def smile(write_picture: Callable[[str, NDArray[np.uint8]], str], astronaut: NDArray[np.uint8]) -> str:
    """Return the path of a picture with one smiling face."""
    return write_picture("smile.png", astronaut)
