"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from fer_zoo.detection import DETECTORS
from fer_zoo.registry import list_embedded_models

WITH_WEIGHTS = ", ".join(entry.name for entry in list_embedded_models())

ModelOption = Annotated[str, typer.Option(help=f"Published model ({WITH_WEIGHTS}), folder, or repository on the Hub.")]
DetectorOption = Annotated[
    str, typer.Option(help=f"{', '.join(DETECTORS)}; the last is for pictures that are face crops already.")
]
DeviceOption = Annotated[
    str | None, typer.Option(help="Such as cpu, cuda or cuda:1; by default the fastest that is there.")
]
EmbeddedModelArgument = Annotated[str, typer.Argument(help=f"Published model: {WITH_WEIGHTS}.")]

__all__ = ["DetectorOption", "DeviceOption", "EmbeddedModelArgument", "ModelOption"]
