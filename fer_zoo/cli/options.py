"""Options that several commands have."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from fer_zoo.cli.devices import check_device
from fer_zoo.datasets import DATASETS
from fer_zoo.detection import DETECTORS
from fer_zoo.export import cache
from fer_zoo.labels import LABEL_SETS
from fer_zoo.registry import list_embedded_models

WITH_WEIGHTS = ", ".join(entry.name for entry in list_embedded_models())


class _Notes(logging.Handler):
    """Prints what is logged on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        typer.echo(record.getMessage(), err=True)


_NOTES = _Notes()


def announce_conversion(backend: str | None) -> str | None:
    """Return a backend as it was given, and have a conversion for it announced: nobody likes to wait for nothing."""
    if backend is not None:
        cache.logger.addHandler(_NOTES)
        cache.logger.setLevel(logging.INFO)
    return backend


ModelOption = Annotated[str, typer.Option(help=f"Published model ({WITH_WEIGHTS}), folder, or repository on the Hub.")]
DetectorOption = Annotated[
    str,
    typer.Option(
        help=f"{', '.join(DETECTORS)} (for pictures that are face crops already), or the ONNX file of a SCRFD network."
    ),
]
ThresholdOption = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="Leave out faces that the detector is less sure of; its own limit is 0.5."),
]
MinConfidenceOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Mark expressions that the model is less sure of as uncertain.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(callback=check_device, help="Such as cpu, cuda or cuda:1; by default the fastest that is there."),
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        callback=announce_conversion,
        help="What runs the model: torch (the default), onnxruntime, openvino, or auto for the fastest.",
    ),
]
PrecisionOption = Annotated[
    str | None, typer.Option(help="With openvino: fp32 (the default), or bf16, faster and nearly the same.")
]
FlipOption = Annotated[
    bool, typer.Option("--flip", help="Average the probabilities of each crop and its mirror image.")
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads of the model; by default all that help.")]
EmbeddedModelArgument = Annotated[str, typer.Argument(help=f"Published model: {WITH_WEIGHTS}.")]
ModelArgument = Annotated[
    str, typer.Argument(help=f"Published model ({WITH_WEIGHTS}), folder, or repository on the Hub.")
]
KindArgument = Annotated[str, typer.Argument(help=f"What it is: {', '.join(DATASETS)}.")]
PathArgument = Annotated[Path, typer.Argument(help="Its folder, or the file of a table.")]
LabelSetOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Classes of a table or of class folders ({', '.join(LABEL_SETS)}); by default those that they have.",
    ),
]
SplitOption = Annotated[
    str | None, typer.Option(help="Part of the data; by default test, else validation, else all that is there.")
]
CalibrationSplitOption = Annotated[
    str | None,
    typer.Option(
        "--split", help="Part of the data; by default validation, or all of data that have no parts. Not the test part."
    ),
]
TwinsOption = Annotated[
    str | None,
    typer.Option(metavar="SPLIT", help="Leave out pictures whose pixels also occur in this part, such as train."),
]
UnreadableOption = Annotated[
    str, typer.Option(help="What to do with pictures that cannot be read: raise or skip (and report).")
]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Pictures that run through the model together.")]
WorkersOption = Annotated[int, typer.Option(min=0, help="Processes that read pictures; 0 for none but this one.")]

__all__ = [
    "BackendOption",
    "BatchSizeOption",
    "CalibrationSplitOption",
    "DetectorOption",
    "DeviceOption",
    "EmbeddedModelArgument",
    "FlipOption",
    "KindArgument",
    "LabelSetOption",
    "MinConfidenceOption",
    "ModelArgument",
    "ModelOption",
    "PathArgument",
    "PrecisionOption",
    "SplitOption",
    "ThreadsOption",
    "ThresholdOption",
    "TwinsOption",
    "UnreadableOption",
    "WorkersOption",
]
