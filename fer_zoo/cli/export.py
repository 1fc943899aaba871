"""``fer-zoo export``: a model as a file that other libraries run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.cli.options import ModelArgument
from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.export import FORMATS, export_model, read_calibration_faces
from fer_zoo.export.formats import get_format
from fer_zoo.runtime import PRECISIONS


def export(
    model: ModelArgument,
    output: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    file_format: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "onnx",
    precision: Annotated[str, typer.Option(help=f"{', '.join(PRECISIONS)}; not every format has all.")] = "fp32",
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of face crops: int8 takes its ranges from them, and all precisions are compared on them.",
        ),
    ] = None,
    max_faces: Annotated[int, typer.Option(min=1, help="How many of the face crops to take, spread evenly.")] = 300,
) -> None:
    """Write a model for onnxruntime, OpenVINO or torch.export, and check that it gives the same answers.

    The folder is a model for predict, video and evaluate if the format is onnx or openvino.

    Exit status: 0 if it was written, 2 for wrong usage, and where the network differs more than its precision explains;
    nothing is written then.
    """
    with errors_as_usage():
        get_format(file_format, precision)
        if precision == "int8" and calibration is None:
            raise InvalidOptionError("--calibration", None, "a folder of face crops, which int8 takes its ranges from")
        classifier = load_classifier(model, device="cpu")
        faces = None
        if calibration is not None:
            faces = read_calibration_faces(calibration, classifier.processor, max_faces=max_faces)
        report = export_model(
            classifier.model.eval(),
            classifier.processor,
            output,
            file_format=file_format,
            precision=precision,
            calibration=faces,
        )
    print(f"{report.network}: {report.num_bytes / 1e6:.1f} MB\nparity: {report.parity}")


__all__ = ["export"]
