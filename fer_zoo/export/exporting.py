"""Exporting a classifier into a folder that can be used without its checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.export.formats import TORCH_TYPES, PixelValues, get_format
from fer_zoo.export.onnx_network import check_convertible
from fer_zoo.export.parity import Parity, Run, check_parity
from fer_zoo.models import FerPreTrainedModel
from fer_zoo.runtime import RuntimeOptions, open_network
from fer_zoo.whole_files import whole_folder

RECORD = "export.json"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    Attributes:
        folder: where.
        network: the file of the network.
        num_bytes: of the network, its weights included.
        parity: how far it is from the model.
    """

    folder: Path
    network: Path
    num_bytes: int
    parity: Parity


def export_model(
    model: FerPreTrainedModel,
    processor: Any,
    folder: str | PathLike[str],
    *,
    file_format: str = "onnx",
    precision: str = "fp32",
    calibration: PixelValues | None = None,
) -> ExportReport:
    """Write a classifier as a file that other libraries run, and check that it gives the same answers.

    The folder gets the network, ``config.json``, ``preprocessor_config.json`` and ``export.json``; ``pipeline`` takes
    it as a model if the format is onnx or openvino. Labels and image processor are in the network's file too. Nothing
    is left behind if something fails.

    Args:
        model: the classifier; it stays as it is, and its weights are taken as float32, whatever their type.
        processor: its image processor.
        folder: a new or empty folder.
        file_format: ``"onnx"``, ``"openvino"`` or ``"torch-export"``.
        precision: ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``, as far as the format has it.
        calibration: faces ``(N, 3, H, W)``, normalised by the image processor; int8 needs some hundred, and all
            precisions report on how many of them model and network agree.

    Raises:
        UnknownNameError: if there is no such format.
        InvalidOptionError: if the model is of another package, the format does not have the precision, int8 has no
            faces, or the folder is not empty.
        ExportedModelError: if the model is an export already.
        MissingPackageError: if a package for the format is not installed.
        ExportError: if the network is further from the model than its precision explains.
    """
    check_convertible(model)
    kind = get_format(file_format, precision)
    target = Path(folder)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InvalidOptionError("folder", str(target), "a new or empty folder")
    with whole_folder(target) as work:
        kind.write(model, processor, work / kind.file_name, precision, calibration)
        num_bytes = sum(path.stat().st_size for path in work.iterdir())
        parity = check_parity(model, _open(work / kind.file_name, precision), precision, calibration)
        model.config.to_json_file(work / "config.json", use_diff=False)
        processor.save_pretrained(work)
        record = {"format": file_format, "file": kind.file_name, "precision": precision, "parity": str(parity)}
        (work / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return ExportReport(target, target / kind.file_name, num_bytes, parity)


def _open(path: Path, precision: str) -> Run:
    """Return what runs a file that was just written."""
    if path.suffix == ".pt2":
        program, kind = torch.export.load(path).module(), TORCH_TYPES[precision]

        def run_program(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            """Return the logits."""
            with torch.inference_mode():
                logits: NDArray[np.float32] = program(torch.from_numpy(pixels).to(kind)).float().numpy()
            return logits

        return run_program
    backend = "onnxruntime" if path.suffix == ".onnx" else "openvino"
    network = open_network(path, backend, RuntimeOptions(precision="bf16" if precision == "bf16" else None))
    return lambda pixels: network.run(pixels)[0]


__all__ = ["RECORD", "ExportReport", "export_model"]
