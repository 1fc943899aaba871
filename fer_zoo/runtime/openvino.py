"""Networks that OpenVINO runs."""

from __future__ import annotations

import threading
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.runtime.network import NetworkSource, RuntimeOptions
from fer_zoo.runtime.packages import require

#: Our names of precisions, and OpenVINO's.
HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}


class OpenVinoNetwork:
    """A network in the format of ONNX or of OpenVINO, run by OpenVINO.

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
        openvino = require("openvino", "The backend 'openvino'")
        core = openvino.Core()
        if options.device.partition(".")[0] not in core.available_devices:
            raise InvalidOptionError("device", options.device, f"one of {', '.join(core.available_devices)}")
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",  # all threads work on one batch
            "INFERENCE_PRECISION_HINT": HINTS[options.precision or "fp32"],
        }
        if options.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = options.threads
        source = fspath(network) if isinstance(network, str | PathLike) else network
        self._compiled: Any = core.compile_model(core.read_model(source), options.device, settings)
        self._requests = threading.local()  # a request serves one thread at a time
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.provider = f"{options.device} ({next((name for name, hint in HINTS.items() if hint == used), used)})"

    def run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for ``(B, C, H, W)``."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        answer = request.infer({0: pixels})
        return [np.array(answer[output]) for output in self._compiled.outputs]  # the next run reuses its memory


__all__ = ["OpenVinoNetwork"]
