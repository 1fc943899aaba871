"""Models of torch on other backends: converted once, and kept."""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants

from fer_zoo.errors import CheckpointError
from fer_zoo.export.onnx_network import check_convertible, to_onnx
from fer_zoo.models import ExportedForImageClassification, FerPreTrainedModel
from fer_zoo.packages import import_optional
from fer_zoo.runtime import NetworkSource, RuntimeOptions, open_network
from fer_zoo.whole_files import write_whole

logger = logging.getLogger(__name__)

#: Packages whose code is not looked at.
KNOWN_PACKAGES = frozenset({"builtins", "fer_zoo", "torch", "torchvision", "transformers"})

#: Fields that no logit of a classifier of this package depends on: the names and the temperature, which are taken from
#: the configuration whatever the file says of them, and what training alone needs.
NOT_IN_LOGITS = frozenset(
    {
        *("id2label", "label2id", "temperature", "label_smoothing", "attention_loss", "attention_loss_weight"),
        *("shared_classifier_weight", "region_independence_weight", "center_inner_margin", "center_outer_margin"),
        *("center_rate", "center_rate_decay"),
    }
)


def convert_for_backend(
    model: FerPreTrainedModel, processor: Any, backend: str = "auto", options: RuntimeOptions | None = None
) -> ExportedForImageClassification:
    """Return a classifier that another backend runs.

    The network is written once in the format of ONNX, seconds to minutes of work that are logged at the level ``INFO``,
    and kept below ``HF_HOME`` (in ``fer_zoo/onnx``), from where the next call takes it in a moment. Where nothing can
    be written it is not kept.

    Args:
        model: the classifier; it stays as it is.
        processor: its image processor.
        backend: ``"onnxruntime"``, ``"openvino"`` or ``"auto"``.
        options: threads, precision, providers.

    Raises:
        UnknownNameError: if there is no such backend.
        InvalidOptionError: if the model is of another package.
        ExportedModelError: if the model is an export already.
        MissingPackageError: if the package of the backend, or one to convert with, is not installed.
    """
    check_convertible(model)
    fingerprint = _fingerprint(model)
    source = _converted(model, processor, fingerprint, backend)
    try:
        network = open_network(source, backend, options)
    except CheckpointError:
        if not isinstance(source, Path):
            raise
        source.unlink(missing_ok=True)  # damaged on its way to the disk, or since
        network = open_network(_converted(model, processor, fingerprint, backend), backend, options)
    return ExportedForImageClassification(model.config, network, fingerprint)


def cache_folder() -> Path:
    """Return where converted networks are kept."""
    return Path(constants.HF_HOME) / "fer_zoo" / "onnx"


def _converted(model: FerPreTrainedModel, processor: Any, fingerprint: str, backend: str) -> NetworkSource:
    """Return the network of a model in the format of ONNX: its file, or its content where it cannot be kept.

    Raises:
        MissingPackageError: if there is no file and ``onnxscript``, which writes it, is not installed.
    """
    path = cache_folder() / f"{fingerprint}.onnx"
    if os.path.isfile(path):  # noqa: PTH113  # Path.is_file raises where a folder may not be entered, until Python 3.14
        return path
    import_optional("onnxscript", f"The backend {backend!r}", "openvino")
    logger.info("converting the model for %s, once; this takes seconds to minutes", backend)
    content = to_onnx(model, processor)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)  # another process may have written the same at the same time
    except OSError:
        return content
    return path


def _fingerprint(model: FerPreTrainedModel) -> str:
    """Return a name for a model's network: it changes with the weights, the architecture, torch and this package.

    Of classifiers and layers from elsewhere the code counts too, as their packages have no version here, and of such a
    classifier every field of the configuration, as its logits may depend on any.
    """
    checksum = hashlib.sha256()
    kinds = {kind for module in model.modules() for kind in type(module).__mro__}
    for code in sorted({_code_of(kind) for kind in kinds if kind.__module__.partition(".")[0] not in KNOWN_PACKAGES}):
        checksum.update(code)
    left_out = NOT_IN_LOGITS if type(model).__module__.startswith("fer_zoo.") else frozenset()
    values = model.config.to_dict()
    fields = {key: value for key, value in values.items() if not key.startswith("_") and key not in left_out}
    checksum.update(repr((sorted(fields.items()), version("fer-zoo"), torch.__version__)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        checksum.update(name.encode())
        checksum.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return checksum.hexdigest()


def _code_of(kind: type) -> bytes:
    """Return the source of the module of a class, or of the class where that has no file, or what it compiles to."""
    for part in (inspect.getmodule(kind), kind):
        try:
            return inspect.getsource(part).encode()  # type: ignore[arg-type]  # None raises TypeError
        except (OSError, TypeError):
            continue
    return b"".join(value.__code__.co_code for value in vars(kind).values() if inspect.isfunction(value))


__all__ = ["cache_folder", "convert_for_backend"]
