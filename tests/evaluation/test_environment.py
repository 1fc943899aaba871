"""Where and when something was measured."""

from __future__ import annotations

import platform
from importlib.metadata import version

import pytest
import torch

from fer_zoo.evaluation import environment
from fer_zoo.evaluation.environment import Environment


@pytest.mark.parametrize(("cores", "words"), [(1, "1 core"), (3, "3 cores")])
def test_a_cpu_is_told_with_its_cores(cores: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the process may use, and the kind of processor."""
    monkeypatch.setattr(environment, "usable_cpus", lambda: cores)

    assert Environment.here(torch.device("cpu")).hardware == f"{platform.machine()} CPU, {words}"


def test_an_accelerator_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA device by the name that torch gives, any other by its kind, with the processor beside it."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    monkeypatch.setattr(environment, "usable_cpus", lambda: 2)

    assert Environment.here(torch.device("cuda:1")).hardware == "GPU 1"
    assert Environment.here(torch.device("mps")).hardware == f"mps, {platform.machine()} CPU, 2 cores"


def test_packages_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions are those of what is there."""
    monkeypatch.setattr(environment, "PACKAGES", ("torch", "no-such-package"))

    versions = Environment.here(torch.device("cpu"), "fer-zoo evaluate").versions

    assert versions == {"python": platform.python_version(), "torch": version("torch")}
