"""Opening a network with onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fer_zoo.errors import InvalidOptionError, MissingPackageError

#: The fastest first; the first one that is available is used, with the CPU behind it.
PREFERRED_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

LOG_ERRORS_ONLY = 3  # onnxruntime warns of every unused constant of an old export


def import_onnx_package(name: str, purpose: str) -> Any:  # modules without type information
    """Import ``onnx`` or ``onnxruntime``.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingPackageError(name, purpose, f"pip install {name}") from error


def choose_providers(providers: Sequence[str] | None = None) -> list[str]:
    """Return the execution providers to use.

    Args:
        providers: in order of preference; by default CUDA where it is available, else the CPU.

    Raises:
        MissingPackageError: if ``onnxruntime`` is not installed.
        InvalidOptionError: if a provider is not available.
    """
    available = import_onnx_package("onnxruntime", "Face detection").get_available_providers()
    if providers is None:
        return [provider for provider in PREFERRED_PROVIDERS if provider in available]
    for provider in providers:
        if provider not in available:
            raise InvalidOptionError("providers", provider, f"one of {', '.join(available)}")
    return list(providers)


def open_session(network: bytes, providers: Sequence[str] | None = None) -> Any:
    """Return an ``onnxruntime.InferenceSession`` for a serialised network.

    Args:
        network: the ONNX file's content.
        providers: execution providers in order of preference; by default CUDA where it is available, else the CPU.

    Raises:
        MissingPackageError: if ``onnxruntime`` is not installed.
        InvalidOptionError: if a provider is not available.
    """
    onnxruntime = import_onnx_package("onnxruntime", "Face detection")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_ERRORS_ONLY
    return onnxruntime.InferenceSession(network, options, providers=choose_providers(providers))


__all__ = ["choose_providers", "import_onnx_package", "open_session"]
