"""Running networks that lie in files: onnxruntime and OpenVINO behind one interface; and the devices of torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fer_zoo.errors import UnknownNameError
from fer_zoo.packages import is_installed
from fer_zoo.runtime.network import PRECISIONS, Network, NetworkSource, Opener, Precision, RuntimeOptions
from fer_zoo.runtime.onnx_runtime import OnnxRuntimeNetwork, choose_providers
from fer_zoo.runtime.openvino import OpenVinoNetwork

#: The libraries that run files, by name.
FILE_BACKENDS: Mapping[str, Opener] = MappingProxyType({"onnxruntime": OnnxRuntimeNetwork, "openvino": OpenVinoNetwork})


def open_network(network: NetworkSource, backend: str = "auto", options: RuntimeOptions | None = None) -> Network:
    """Make a network ready to run.

    Args:
        network: a file in the format of ONNX, its content, or (for OpenVINO) an ``.xml`` file of its own format.
        backend: ``"onnxruntime"``, ``"openvino"``, or ``"auto"`` for the one that is usually faster among those that
            are installed.
        options: threads, precision, providers.

    Raises:
        UnknownNameError: if there is no such backend.
        MissingPackageError: if its package is not installed.
        InvalidOptionError: if the backend does not have an option.
    """
    name = fastest_file_backend() if backend == "auto" else backend
    if name not in FILE_BACKENDS:
        raise UnknownNameError("backend", name, FILE_BACKENDS)
    return FILE_BACKENDS[name](network, options or RuntimeOptions())


def fastest_file_backend() -> str:
    """Return the backend that ``"auto"`` stands for: onnxruntime where it has CUDA, else OpenVINO if installed."""
    if _has_cuda():
        return "onnxruntime"
    return "openvino" if is_installed("openvino") else "onnxruntime"


def _has_cuda() -> bool:
    """Return whether onnxruntime is there and computes on a GPU; one that cannot be imported does not."""
    try:
        return is_installed("onnxruntime") and "CUDAExecutionProvider" in choose_providers()
    except (ImportError, OSError):
        return False


__all__ = [
    "FILE_BACKENDS",
    "PRECISIONS",
    "Network",
    "NetworkSource",
    "OnnxRuntimeNetwork",
    "OpenVinoNetwork",
    "Precision",
    "RuntimeOptions",
    "choose_providers",
    "fastest_file_backend",
    "open_network",
]
