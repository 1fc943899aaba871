"""From a classifier to a network in the format of ONNX."""

from __future__ import annotations

import copy
import json
import warnings
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from fer_zoo.errors import ExportedModelError, InvalidOptionError
from fer_zoo.layers import set_implementation
from fer_zoo.models import ExportedForImageClassification, FerPreTrainedModel
from fer_zoo.packages import import_optional

INPUT, OUTPUT = "pixel_values", "logits"
MAX_BATCH = 2**16  # some limit is needed; batches are far smaller


class LogitsOnly(nn.Module):
    """The inference form of a classifier with one input and one output.

    Args:
        model: a classifier; it is copied, and stays as it is.
    """

    def __init__(self, model: FerPreTrainedModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).float().cpu().fuse()
        set_implementation(self.model, "eager")  # kernels of Triton cannot be written down

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the logits ``(B, K)`` for ``(B, 3, H, W)``."""
        logits: Tensor = self.model(pixel_values, return_dict=True).logits
        return logits


def check_convertible(model: object) -> None:
    """Refuse what has no inference form that could be written down.

    Args:
        model: a classifier of any kind.

    Raises:
        ExportedModelError: if it is an export already.
        InvalidOptionError: if it is no classifier of this package or made of its base class, as those of transformers.
    """
    if isinstance(model, ExportedForImageClassification):
        raise ExportedModelError("exported again")
    if not isinstance(model, FerPreTrainedModel):
        expected = "a classifier that is a FerPreTrainedModel; the backend 'torch' runs others"
        raise InvalidOptionError("model", type(model).__name__, expected)


def example_input(model: FerPreTrainedModel) -> Tensor:
    """Return two pictures of the size that the model takes, zeros."""
    config = model.config
    return torch.zeros(2, config.num_channels, config.image_size, config.image_size)


def to_program(model: FerPreTrainedModel, dtype: torch.dtype = torch.float32) -> torch.export.ExportedProgram:
    """Record what the inference form of a classifier computes, for batches of any size.

    Args:
        model: the classifier; it stays as it is.
        dtype: type of the weights, the input and the output.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter, about its own parts
        return torch.export.export(
            LogitsOnly(model).to(dtype).eval(),
            (example_input(model).to(dtype),),
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch", min=1, max=MAX_BATCH)}},
            strict=False,
        )


def metadata_of(model: FerPreTrainedModel, processor: Any) -> dict[str, str]:
    """Return what a file must say to be used without anything else.

    Args:
        model: the classifier.
        processor: its image processor.

    Returns:
        the labels and the image processor as JSON, the temperature, the architecture and the version of this package.
    """
    config = model.config
    return {
        "labels": json.dumps([config.id2label[number] for number in sorted(config.id2label)]),
        "image_processor": json.dumps(processor.to_dict(), sort_keys=True),
        "temperature": repr(float(config.temperature)),
        "architecture": config.model_type,
        "fer_zoo_version": version("fer-zoo"),
    }


def to_onnx(model: FerPreTrainedModel, processor: Any) -> bytes:
    """Write a classifier in the format of ONNX: its inference form in float32, for batches of any size.

    Args:
        model: the classifier; it stays as it is.
        processor: its image processor, which goes into the metadata.

    Returns:
        the content of the file.

    Raises:
        MissingPackageError: if ``onnxscript`` is not installed.
    """
    import_optional("onnxscript", "Export to ONNX", "export")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter, about its own parts
        program = torch.onnx.export(
            to_program(model), (), input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False
        )
    if program is None:  # only with another exporter
        raise AssertionError
    proto = program.model_proto
    for key, value in metadata_of(model, processor).items():
        proto.metadata_props.add(key=key, value=value)
    return bytes(proto.SerializeToString())


__all__ = [
    "INPUT",
    "OUTPUT",
    "LogitsOnly",
    "check_convertible",
    "example_input",
    "metadata_of",
    "to_onnx",
    "to_program",
]
