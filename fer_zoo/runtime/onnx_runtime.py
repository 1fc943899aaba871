"""Networks that onnxruntime runs."""

from __future__ import annotations

from collections.abc import Sequence
from os import fspath
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import CheckpointError, InvalidOptionError
from fer_zoo.packages import import_optional
from fer_zoo.runtime.network import NetworkSource, RuntimeOptions, content_of

#: The fastest first; the first one that is available is used, with the CPU behind it.
PREFERRED_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

LOG_ERRORS_ONLY = 3  # onnxruntime warns of every unused constant of an old export


class OnnxRuntimeNetwork:
    """A network in the format of ONNX, run by onnxruntime.

    Args:
        network: the file, or its content.
        options: ``threads`` and ``providers`` count here.

    Raises:
        MissingPackageError: if ``onnxruntime`` is not installed.
        InvalidOptionError: if a provider is not available, or a precision is asked for: here the file decides.
    """

    backend = "onnxruntime"

    def __init__(self, network: NetworkSource, options: RuntimeOptions) -> None:
        if options.precision not in {None, "fp32"}:
            raise InvalidOptionError(
                "precision", options.precision, "fp32 for onnxruntime; for others, export the model with that precision"
            )
        self._network, self._options = network, options
        onnxruntime = import_optional("onnxruntime", "The backend 'onnxruntime'")
        session_options = onnxruntime.SessionOptions()
        session_options.log_severity_level = LOG_ERRORS_ONLY
        if options.threads is not None:
            session_options.intra_op_num_threads = options.threads
        providers = choose_providers(options.providers)
        try:
            self._session: Any = onnxruntime.InferenceSession(content_of(network), session_options, providers=providers)
        except OSError:
            raise
        except Exception as error:  # of its own kinds, which have no common base
            raise CheckpointError(f"onnxruntime cannot open the network {_name_of(network)}: {error}") from error
        self._input: str = self._session.get_inputs()[0].name
        self.provider: str = self._session.get_providers()[0]

    def __reduce__(self) -> tuple[type[Self], tuple[NetworkSource, RuntimeOptions]]:
        """Another process opens the network itself."""
        return type(self), (self._network, self._options)

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for ``(B, C, H, W)``."""
        return cast(list[NDArray[np.float32]], self._session.run(None, {self._input: pixels}))


def _name_of(network: NetworkSource) -> str:
    """Return what errors call a network."""
    return f"in memory ({len(network)} bytes)" if isinstance(network, bytes) else repr(fspath(network))


def choose_providers(providers: Sequence[str] | None = None) -> list[str]:
    """Return the execution providers to use.

    Args:
        providers: in order of preference; by default CUDA where it is available, else the CPU.

    Raises:
        MissingPackageError: if ``onnxruntime`` is not installed.
        InvalidOptionError: if a provider is not available.
    """
    available = import_optional("onnxruntime", "The backend 'onnxruntime'").get_available_providers()
    if providers is None:
        return [provider for provider in PREFERRED_PROVIDERS if provider in available]
    for provider in providers:
        if provider not in available:
            raise InvalidOptionError("providers", provider, f"one of {', '.join(available)}")
    return list(providers)


__all__ = ["OnnxRuntimeNetwork", "choose_providers"]
