"""What runs networks here, and which of it a pipeline takes."""

from __future__ import annotations

from dataclasses import dataclass

from fer_zoo.packages import is_installed
from fer_zoo.pipelines.backend import TORCH, choose_fastest
from fer_zoo.runtime import FILE_BACKENDS, choose_providers
from fer_zoo.runtime.devices import fastest_device
from fer_zoo.runtime.openvino import shared_core


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """A backend, and what it can compute with.

    Attributes:
        name: ``torch``, ``onnxruntime`` or ``openvino``.
        is_installed: whether its package is.
        providers: its devices or execution providers, as it names them, the one that is taken first.
        error: why it cannot be used though it is installed, such as a library of the system that is missing; else
            ``None``.
    """

    name: str
    is_installed: bool
    providers: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Backends:
    """All backends, and the choice among them.

    Attributes:
        backends: in the order in which they are documented.
        device: where torch computes unless told otherwise.
        fastest: what ``backend="auto"`` stands for; without that option it is torch.
        reason: why it is that one, as a clause without a full stop.
    """

    backends: tuple[BackendStatus, ...]
    device: str
    fastest: str
    reason: str


def find_backends() -> Backends:
    """Return the backends and what a pipeline would choose."""
    device = fastest_device()
    backends = [BackendStatus(TORCH, is_installed=True, providers=(str(device),))]
    backends += map(_file_backend, FILE_BACKENDS)
    fastest = choose_fastest(device)
    return Backends(tuple(backends), str(device), fastest.name, fastest.reason)


def _file_backend(name: str) -> BackendStatus:
    """Return what is known of a backend that runs networks in files."""
    if not is_installed(name):
        return BackendStatus(name, is_installed=False)
    try:
        return BackendStatus(name, is_installed=True, providers=_providers(name))
    except (ImportError, OSError, RuntimeError) as error:
        return BackendStatus(name, is_installed=True, error=str(error))


def _providers(name: str) -> tuple[str, ...]:
    """Return what an installed backend can compute with."""
    if name == "onnxruntime":
        return tuple(choose_providers())
    core = shared_core("fer-zoo doctor")
    return tuple(f"{device}: {core.get_property(device, 'FULL_DEVICE_NAME')}" for device in core.available_devices)


__all__ = ["BackendStatus", "Backends", "find_backends"]
