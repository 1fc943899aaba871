"""One interface to a network in a file, whichever library runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.ranges import check_counts

Precision = Literal["fp32", "fp16", "bf16", "int8"]
NetworkSource: TypeAlias = "bytes | str | PathLike[str]"

PRECISIONS: tuple[str, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How a network is run.

    Attributes:
        threads: CPU threads for one picture or batch, at least 1; by default as many as the library takes.
        precision: in which numbers OpenVINO computes, ``"fp32"``, ``"bf16"`` or ``"fp16"``, wherever the processor can;
            by default float32, or what the network was quantised to.
        providers: execution providers of onnxruntime in order of preference; by default CUDA where it is available,
            else the CPU.
        device: device of OpenVINO, such as ``"CPU"`` or ``"GPU"``; of several GPUs that is the first, ``"GPU.1"`` the
            second.

    Raises:
        InvalidOptionError: if there is less than one thread, or the precision is not one of those.
    """

    threads: int | None = None
    precision: str | None = None
    providers: tuple[str, ...] | None = None
    device: str = "CPU"

    def __post_init__(self) -> None:
        """Refuse what no library could do."""
        check_counts(threads=self.threads)
        if self.precision not in {None, "fp32", "bf16", "fp16"}:
            raise InvalidOptionError(
                "precision", self.precision, "fp32, bf16 or fp16; for int8, export the model with that precision first"
            )


class Network(Protocol):
    """A network that is ready to run; may be used from several threads at once."""

    #: Name of the library, ``onnxruntime`` or ``openvino``.
    backend: str
    #: What computes, in the words of the library, such as ``CPUExecutionProvider`` or ``CPU (bf16)``.
    provider: str

    def run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for the one input.

        Args:
            pixels: ``(B, C, H, W)``.
        """
        ...


def content_of(network: NetworkSource) -> bytes:
    """Return the bytes of a network in memory or in a file."""
    return network if isinstance(network, bytes) else Path(fspath(network)).read_bytes()


Opener: TypeAlias = Callable[[NetworkSource, RuntimeOptions], Network]

__all__ = ["PRECISIONS", "Network", "NetworkSource", "Opener", "Precision", "RuntimeOptions", "content_of"]
