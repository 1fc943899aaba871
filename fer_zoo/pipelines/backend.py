"""What runs the classifier of a pipeline."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.models import ExportedForImageClassification
from fer_zoo.models.evaluating import classify
from fer_zoo.packages import is_installed
from fer_zoo.runtime import FILE_BACKENDS, RuntimeOptions, fastest_file_backend
from fer_zoo.runtime.devices import fastest_device

TORCH: Final = "torch"

#: Options of ``torch.compile`` where none are given; the first captures CUDA graphs, which small batches gain from.
ON_CUDA = {"mode": "reduce-overhead", "dynamic": False}
ELSEWHERE = {"dynamic": False}


def choose_backend(model: PreTrainedModel, device: torch.device, backend: str | None, options: RuntimeOptions) -> str:
    """Return the name of what runs a model, and set the threads of torch if that is it.

    Args:
        model: the model; one that was exported has its backend already.
        device: where torch would run it.
        backend: ``"torch"``, ``"onnxruntime"``, ``"openvino"``, ``"auto"``, or ``None`` for what the model is made for.
        options: threads and precision.

    Raises:
        UnknownNameError: if there is no such backend.
        InvalidOptionError: if an exported model should run on another backend than it was opened with, or torch should
            compute in another precision than that of the model.
    """
    if backend not in {None, "auto", TORCH, *FILE_BACKENDS}:
        raise UnknownNameError("backend", str(backend), ["auto", TORCH, *FILE_BACKENDS])
    if isinstance(model, ExportedForImageClassification):
        own = model.network.backend
        if backend not in {None, "auto", own}:
            raise InvalidOptionError("backend", backend, f"{own}, which this model was opened with")
        return own
    if backend == "auto":
        backend = choose_fastest(device).name
    if backend in FILE_BACKENDS:
        return str(backend)
    if options.precision is not None:
        raise InvalidOptionError(
            "precision", options.precision, "the backend openvino beside it; torch has dtype (in Python) instead"
        )
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return TORCH


class BackendChoice(NamedTuple):
    """What the backend ``"auto"`` stands for.

    Attributes:
        name: of the backend.
        reason: why it is that one, as a clause without a full stop.
    """

    name: str
    reason: str


def choose_fastest(device: torch.device) -> BackendChoice:
    """Return what usually runs a model fastest.

    Args:
        device: where torch would run it.
    """
    if device.type != "cpu":
        return BackendChoice(TORCH, f"on {device.type} it is the fastest")
    if fastest_file_backend() == "openvino":
        return BackendChoice("openvino", "it is installed, and the fastest on a CPU")
    if is_installed("openvino"):
        return BackendChoice(TORCH, "the model is on the CPU, and onnxruntime is made for CUDA")
    return BackendChoice(TORCH, "openvino, the fastest on a CPU, is not installed")


class CompiledModel:
    """A model compiled for batches of 1, 2, 4, 8 and so on; others are filled up with zeros.

    Args:
        model: the model, on its device.
        options: of ``torch.compile``, or ``True`` for those that suit the device.
    """

    def __init__(self, model: PreTrainedModel, options: bool | dict[str, Any]) -> None:
        if isinstance(model, ExportedForImageClassification):
            raise InvalidOptionError("compile", options, "False for another backend than torch")
        defaults = ON_CUDA if model.device.type == "cuda" else ELSEWHERE
        self._model = model
        self._options = options if isinstance(options, dict) else defaults
        self._compile()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is compiled: it can be neither pickled nor copied, and a copy would run this model."""
        return {name: value for name, value in vars(self).items() if name != "_logits"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Compile again, at the first use of each size."""
        vars(self).update(state)
        self._compile()

    def __call__(self, pixel_values: Tensor) -> Tensor:
        """Return the logits ``(B, K)`` of ``(B, 3, H, W)``."""
        number = len(pixel_values)
        size = 1 << (number - 1).bit_length()
        filled = functional.pad(pixel_values, (0, 0) * (pixel_values.dim() - 1) + (0, size - number))
        # the next run of a CUDA graph writes into the same memory
        logits: Tensor = self._logits(filled)[:number].clone()
        return logits

    def _compile(self) -> None:
        """Wrap what gives the logits; torch compiles it at the first use of each size."""
        # logits alone: torch 2.6 cannot give back the outputs of transformers 5.17
        self._logits: Any = torch.compile(self._classify, **self._options)

    def _classify(self, pixel_values: Tensor) -> Tensor:
        """Return the logits as the model gives them."""
        return classify(self._model, pixel_values)


__all__ = ["TORCH", "BackendChoice", "CompiledModel", "choose_backend", "choose_fastest", "fastest_device"]
