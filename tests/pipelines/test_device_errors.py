"""Devices that are not there are refused in one way, wherever a device can be given."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation import calibrate, evaluate
from fer_zoo.runtime.devices import check_device, fastest_device, list_devices


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find two GPUs of CUDA, which this machine need not have."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find the CPU alone."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
class TestTwoGpus:
    """A machine with two GPUs."""

    def test_devices_have_numbers(self) -> None:
        """The CPU is the first, and the fastest is what torch says."""
        assert list_devices() == ("cpu", "cuda:0", "cuda:1")
        assert fastest_device() == torch.device("cuda")

    @pytest.mark.parametrize(
        "device", [None, -1, 0, 1, "cpu", "cpu:0", "cuda", "cuda:1", torch.device("cuda"), torch.device("cuda", 1)]
    )
    def test_each_of_its_names_passes(self, device: object) -> None:
        """Names, numbers and devices of torch; a negative number is the CPU, as in transformers."""
        check_device(device)

    @pytest.mark.parametrize(
        "device", [2, True, "gpu", "cuda:2", "cuda:", "mps", "cpu:1", "", torch.device("meta"), 0.5]
    )
    def test_others_are_refused(self, device: object) -> None:
        """The message has the value as it was given, and all that there are."""
        expected = f"Invalid value {device!r} for device: expected a device that torch finds here: cpu, cuda:0, cuda:1."
        with pytest.raises(InvalidOptionError, match=f"^{re.escape(expected)}$"):
            check_device(device)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", ["gpu", "cuda", 0, torch.device("cuda:1")], ids=repr)
@pytest.mark.parametrize(
    "use",
    [
        lambda pipe, device: pipeline(device=device),
        lambda pipe, device: pipeline(model=pipe.model, image_processor=pipe.image_processor, device=device),
        lambda pipe, device: FaceExpressionPipeline(
            model=pipe.model, image_processor=pipe.image_processor, device=device
        ),
        lambda pipe, device: evaluate("mhan", [], device=device),  # type: ignore[arg-type]
        lambda pipe, device: calibrate(pipe.model, [], processor=pipe.image_processor, device=device),  # type: ignore[arg-type]
    ],
    ids=["pipeline", "pipeline of a model", "class", "evaluate", "calibrate"],
)
def test_gpu_that_is_not_there_is_refused(
    use: Callable[[FaceExpressionPipeline, Any], object], device: object, bright_pipeline: FaceExpressionPipeline
) -> None:
    """No error of torch, and no CPU in its place without a word."""
    message = rf"^Invalid value {re.escape(repr(device))} for device: expected a device that torch finds here: cpu\.$"
    with pytest.raises(InvalidOptionError, match=message):
        use(bright_pipeline, device)
