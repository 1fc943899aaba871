"""The files that a classifier can be exported to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from errno import EIO
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.export.onnx_network import metadata_of, to_onnx, to_program
from fer_zoo.export.quantization import quantize_onnx, quantize_openvino
from fer_zoo.models import FerPreTrainedModel
from fer_zoo.packages import import_optional
from fer_zoo.runtime.openvino import shared_core

PixelValues: TypeAlias = NDArray[np.float32]  # (N, 3, H, W)
TORCH_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class ExportFormat(NamedTuple):
    """A kind of file.

    Attributes:
        file_name: of the network in its folder.
        precisions: those that it can hold.
        write: writes a classifier with its image processor to a path, in a precision, with faces to calibrate int8.
    """

    file_name: str
    precisions: tuple[str, ...]
    write: Callable[[FerPreTrainedModel, Any, Path, str, PixelValues | None], None]


def write_onnx(
    model: FerPreTrainedModel, processor: Any, path: Path, precision: str, calibration: PixelValues | None
) -> None:
    """Write a file for onnxruntime; with ``fp16`` its input and output stay float32."""
    content = to_onnx(model, processor)
    if precision == "int8":
        content = quantize_onnx(content, _needed(calibration))
    elif precision == "fp16":
        onnx = import_optional("onnx", "Export to ONNX")
        float16 = import_optional("onnxruntime.transformers.float16", "Export to ONNX in fp16")
        converted = float16.convert_float_to_float16(onnx.load_model_from_string(content), keep_io_types=True)
        content = converted.SerializeToString()
    path.write_bytes(content)


def write_openvino(
    model: FerPreTrainedModel, processor: Any, path: Path, precision: str, calibration: PixelValues | None
) -> None:
    """Write an ``.xml`` and a ``.bin`` file; ``fp16`` and ``bf16`` store half the bytes."""
    openvino = import_optional("openvino", "Export to OpenVINO", "openvino")
    network = shared_core("Export to OpenVINO").read_model(to_onnx(model, processor))
    if precision == "int8":
        network = quantize_openvino(network, _needed(calibration))
    for key, value in metadata_of(model, processor).items():
        network.set_rt_info(value, ["fer_zoo", key])
    try:
        openvino.save_model(network, path, compress_to_fp16=precision in {"fp16", "bf16"})
    except RuntimeError as error:  # the reason is lost on the way
        raise OSError(EIO, f"OpenVINO cannot write, perhaps as the disk is full ({error})", str(path)) from error


def write_torch_export(
    model: FerPreTrainedModel, processor: Any, path: Path, precision: str, calibration: PixelValues | None
) -> None:
    """Write a file for ``torch.export.load``; its input has the type of the precision."""
    del calibration
    program = to_program(model, TORCH_TYPES[precision])
    content = BytesIO()  # torch's own writer ends the process where it cannot write to a file, as on a full disk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that are not stored in the usual order
        torch.export.save(program, content, extra_files=metadata_of(model, processor))
    path.write_bytes(content.getbuffer())


#: Every kind of file by name.
FORMATS: Mapping[str, ExportFormat] = MappingProxyType(
    {
        "onnx": ExportFormat("model.onnx", ("fp32", "fp16", "int8"), write_onnx),
        "openvino": ExportFormat("openvino_model.xml", ("fp32", "fp16", "bf16", "int8"), write_openvino),
        "torch-export": ExportFormat("model.pt2", ("fp32", "fp16", "bf16"), write_torch_export),
    }
)


def get_format(name: str, precision: str) -> ExportFormat:
    """Return a kind of file that can hold a precision.

    Raises:
        UnknownNameError: if there is no such kind.
        InvalidOptionError: if it cannot.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    precisions = FORMATS[name].precisions
    if precision not in precisions:
        raise InvalidOptionError("precision", precision, f"one of {', '.join(precisions)} for the format {name}")
    return FORMATS[name]


def _needed(calibration: PixelValues | None) -> PixelValues:
    """Return the faces that quantisation needs.

    Raises:
        InvalidOptionError: if there are none.
    """
    if calibration is None or not len(calibration):
        raise InvalidOptionError("calibration", None, "face crops, which int8 takes the ranges of all values from")
    return calibration


__all__ = ["FORMATS", "ExportFormat", "PixelValues", "get_format"]
