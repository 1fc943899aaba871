"""From the folder of an export to a classifier."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch
from transformers import AutoConfig

from fer_zoo.errors import CheckpointError, InvalidOptionError
from fer_zoo.export.exporting import RECORD
from fer_zoo.models import ExportedForImageClassification
from fer_zoo.models.checkpoint_errors import checkpoint_errors
from fer_zoo.registry import find_entry
from fer_zoo.runtime import RuntimeOptions, choose_providers, fastest_file_backend, open_network


def is_exported(model: object) -> bool:
    """Return whether something is the folder of an export.

    A published name is none, even if a folder has it too, nor is a folder in which a checkpoint was saved later.
    """
    if not isinstance(model, str | PathLike) or find_entry(model) is not None:
        return False
    folder = Path(model)
    return (folder / RECORD).is_file() and not any(folder.glob("[!.]*.safetensors"))  # a hidden one is half a file


def load_exported(
    folder: str | PathLike[str],
    backend: str | None = None,
    options: RuntimeOptions | None = None,
    *,
    device: str | torch.device | None = None,
) -> ExportedForImageClassification:
    """Open the network of an export.

    Args:
        folder: what :func:`export_model` wrote.
        backend: ``"onnxruntime"``, ``"openvino"`` (which runs both formats), ``"auto"``, or by default the library of
            the file's format.
        options: threads, precision, providers. An openvino export in bf16 computes in bfloat16 by default; one in fp16
            stores half the bytes and computes in float32, unless ``precision="fp16"`` is given and the device can.
        device: where to compute in the words of torch, ``"cpu"`` or ``"cuda"``; by default what the options say.

    Raises:
        CheckpointError: if the folder is no export, or was written for torch.
        InvalidOptionError: if onnxruntime should run a file of OpenVINO's format, or the backend has no such device.
        MissingPackageError: if the package of the backend is not installed.
    """
    path = Path(folder)
    try:
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
        file_format, network, precision = record["format"], path / Path(record["file"]).name, record["precision"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{str(path)!r} is not the folder of an export: its {RECORD} cannot be read.") from error
    if file_format == "torch-export":
        raise CheckpointError(
            f"{str(path)!r} holds a program for torch.export.load, which other programs run without this package. Load "
            "the checkpoint that it was made from instead, or export it as onnx or openvino."
        )
    if file_format == "openvino" and backend not in {None, "auto", "openvino"}:
        raise InvalidOptionError("backend", backend, f"openvino for {str(network)!r}, which is in its own format")
    chosen = options or RuntimeOptions()
    if file_format == "openvino" and chosen.precision is None and precision == "bf16":
        chosen = replace(chosen, precision="bf16")
    if not network.is_file():
        raise CheckpointError(f"{str(path)!r} lacks the network {network.name!r} that its {RECORD} names.")
    own = "openvino" if file_format == "openvino" else "onnxruntime"
    name = own if backend is None or file_format == "openvino" else backend
    if device is not None:
        name = fastest_file_backend() if name == "auto" else name
        chosen = _on_device(chosen, name, str(device))
    checksum = hashlib.sha256()
    for file in (network, network.with_suffix(".bin")):
        checksum.update(file.read_bytes() if file.is_file() else b"")
    with checkpoint_errors(str(path)):
        config = AutoConfig.from_pretrained(path)
    return ExportedForImageClassification(config, open_network(network, name, chosen), checksum.hexdigest())


def _on_device(options: RuntimeOptions, backend: str, device: str) -> RuntimeOptions:
    """Return options with which a backend computes on a device of torch.

    Raises:
        InvalidOptionError: if it does not; of several GPUs, onnxruntime takes the first.
    """
    if backend == "openvino":
        known = {"cpu": replace(options, device="CPU")}
    else:
        known = {
            provider.removesuffix("ExecutionProvider").lower(): replace(options, providers=(provider,))
            for provider in choose_providers()
        }
    kind = device.removesuffix(":0")
    if kind not in known:
        raise InvalidOptionError("device", device, f"{' or '.join(known)}, where {backend} runs an export here")
    return known[kind]


__all__ = ["is_exported", "load_exported"]
