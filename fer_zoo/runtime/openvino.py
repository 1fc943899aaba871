"""Networks that OpenVINO runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache, cached_property
from os import PathLike, fspath
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import CheckpointError, InvalidOptionError
from fer_zoo.packages import import_optional
from fer_zoo.runtime.network import NetworkSource, RuntimeOptions

#: Our names of precisions, and OpenVINO's.
HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}

MIN_SPLIT = 8  # pictures from which on a batch is divided among streams
PART_PIXELS = 8 * 112 * 112  # of a part: what passes from layer to layer then fits into the caches of the processor


class OpenVinoNetwork:
    """A network in the format of ONNX or of OpenVINO, run by OpenVINO.

    All threads work on a small batch together. Larger ones are divided into parts that run side by side, one thread
    each; that form of the network is made at the first such batch.

    Args:
        network: the file, or the content of one in the format of ONNX.
        options: ``threads``, ``precision`` and ``device`` count here.

    Raises:
        MissingPackageError: if ``openvino`` is not installed.
        InvalidOptionError: if there is no such device, or providers are given, which are onnxruntime's.
    """

    backend = "openvino"

    def __init__(self, network: NetworkSource, options: RuntimeOptions) -> None:
        if options.providers is not None:
            raise InvalidOptionError("providers", options.providers, "none for openvino, which has device instead")
        self._core = shared_core("The backend 'openvino'")
        available = self._core.available_devices
        if options.device not in _names_of(available):
            raise InvalidOptionError("device", options.device, f"one of {', '.join(available)}")
        self._network, self._options = network, options
        source = fspath(network) if isinstance(network, str | PathLike) else network
        try:
            self._model = self._core.read_model(source)
        except RuntimeError as error:
            name = f"in memory ({len(source)} bytes)" if isinstance(source, bytes) else repr(source)
            raise CheckpointError(f"OpenVINO cannot read the network {name}: {error}") from error
        self._together = self._compile({"PERFORMANCE_HINT": "LATENCY"})
        # Other devices than the CPU divide a batch themselves.
        self._num_threads = int(self._together.get_property("INFERENCE_NUM_THREADS")) if options.device == "CPU" else 1
        self._lock = threading.Lock()
        self._requests = threading.local()  # a request serves one thread at a time
        used = self._together.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.provider = f"{options.device} ({next((name for name, hint in HINTS.items() if hint == used), used)})"

    def __reduce__(self) -> tuple[type[Self], tuple[NetworkSource, RuntimeOptions]]:
        """Another process opens the network itself."""
        return type(self), (self._network, self._options)

    def run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for ``(B, C, H, W)``."""
        if not len(pixels):  # OpenVINO refuses an empty batch
            return [output[:0] for output in self.run(np.zeros((1, *pixels.shape[1:]), pixels.dtype))]
        if len(pixels) >= MIN_SPLIT and self._num_threads > 1:
            return self._run_side_by_side(pixels)
        if not hasattr(self._requests, "one"):
            self._requests.one = self._together.create_infer_request()
        return _answer(self._requests.one, self._requests.one.infer({0: pixels}))

    def _run_side_by_side(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Divide a batch into parts, which the threads take in turn."""
        if not hasattr(self._requests, "several"):
            with self._lock:
                compiled = self._side_by_side
            self._requests.several = [compiled.create_infer_request() for _ in range(self._num_threads)]
        requests = self._requests.several
        num_pixels = len(pixels) * pixels.shape[-2] * pixels.shape[-1]
        parts = np.array_split(pixels, min(len(pixels), max(len(requests), round(num_pixels / PART_PIXELS))))
        answers: list[list[NDArray[np.float32]]] = []
        for start in range(0, len(parts), len(requests)):
            running = []
            try:
                for request, part in zip(requests, parts[start : start + len(requests)], strict=False):
                    request.start_async({0: part})
                    running.append(request)
            finally:  # one that is left running could not be used again
                for request in running:
                    request.wait()
            answers.extend(_answer(request, request.results) for request in running)
        return [np.concatenate(outputs) for outputs in zip(*answers, strict=True)]

    @cached_property
    def _side_by_side(self) -> Any:  # a class of a package without types
        """The network with a stream for each thread."""
        return self._compile({"NUM_STREAMS": self._num_threads})

    def _compile(self, settings: dict[str, Any]) -> Any:  # a class of a package without types
        """Return the network with its precision, its threads and further settings."""
        settings["INFERENCE_PRECISION_HINT"] = HINTS[self._options.precision or "fp32"]
        if self._options.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self._options.threads
        return self._core.compile_model(self._model, self._options.device, settings)


def shared_core(purpose: str) -> Any:  # a class of a package without types
    """Return the one core of OpenVINO in this process.

    Making one takes time, and the end of the last one unloads code that the process may still need: child processes
    that ended later were seen to crash it.

    Args:
        purpose: what needs it, for the message.

    Raises:
        MissingPackageError: if ``openvino`` is not installed.
    """
    return _core_of(import_optional("openvino", purpose, "openvino"))


def _names_of(devices: Sequence[str]) -> set[str]:
    """Return what the devices of OpenVINO may be called: the first of several GPUs is both ``GPU`` and ``GPU.0``."""
    return {
        *devices,
        *(name.partition(".")[0] for name in devices),
        *(f"{name}.0" for name in devices if "." not in name),
    }


@cache
def _core_of(openvino: ModuleType) -> Any:  # a class of a package without types
    """Return a core that is never given back."""
    return openvino.Core()


def _answer(request: Any, results: Any) -> list[NDArray[np.float32]]:
    """Return the outputs of a request; copies, as its next run writes into the same memory."""
    return [np.array(results[output]) for output in request.model_outputs]


__all__ = ["OpenVinoNetwork", "shared_core"]
