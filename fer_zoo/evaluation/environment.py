"""Where and when something was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import torch

from fer_zoo.pipelines.threads import usable_cpus

PACKAGES = ("fer-zoo", "torch", "transformers", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where and when something was measured.

    Attributes:
        date: day in UTC, such as ``2026-11-22``.
        hardware: what computed.
        versions: of Python and the packages that take part.
        command: what was typed; empty if it was not the command line.
    """

    date: str
    hardware: str
    versions: Mapping[str, str]
    command: str = ""

    @classmethod
    def here(cls, device: torch.device, command: str = "") -> Self:
        """Return what is true here and now.

        Args:
            device: where the model computes.
            command: what was typed.
        """
        return cls(
            date=datetime.now(UTC).date().isoformat(),
            hardware=_describe_hardware(device),
            versions={"python": platform.python_version(), **_package_versions()},
            command=command,
        )


def _describe_hardware(device: torch.device) -> str:
    """Return the name of the accelerator, or the kind of processor and how many cores this process may use."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = usable_cpus()
    processor = f"{platform.machine()} CPU, {'1 core' if cores == 1 else f'{cores} cores'}"
    return processor if device.type == "cpu" else f"{device.type}, {processor}"


def _package_versions() -> dict[str, str]:
    """Return the versions of the packages that are installed as such."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # a checkout on the path of Python
            continue
    return versions


__all__ = ["Environment"]
