"""Whether the weights that came with the package are those that were published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_zoo.detection.center_face import SHA256, network_file, verified_network
from fer_zoo.errors import FerZooError
from fer_zoo.registry import ModelEntry, list_embedded_models, verified_folder


@dataclass(frozen=True, slots=True)
class WeightsStatus:
    """A file of weights.

    Attributes:
        name: of the model or detector.
        path: of the file; empty if the package that brings it is missing.
        sha256: the checksum that it must have.
        error: why it cannot be used; ``None`` if it has that checksum.
    """

    name: str
    path: str
    sha256: str
    error: str | None

    @property
    def is_sound(self) -> bool:
        """Whether the file is there and unchanged."""
        return self.error is None


def check_weights(entries: tuple[ModelEntry, ...] | None = None) -> tuple[WeightsStatus, ...]:
    """Compare embedded models, and the embedded detector, with their recorded checksums.

    Args:
        entries: the models; by default all that are embedded.
    """
    models = list_embedded_models() if entries is None else entries
    return (*map(_check_model, models), _check_detector())


def _check_model(entry: ModelEntry) -> WeightsStatus:
    """Check one model."""
    error = _error_of(lambda: verified_folder(entry))
    return WeightsStatus(entry.name, str(entry.folder / "model.safetensors"), entry.sha256 or "", error)


def _check_detector() -> WeightsStatus:
    """Check CenterFace."""
    path: Path | None = None
    try:
        path = network_file()
    except FerZooError as error:
        return WeightsStatus("center_face", "", SHA256, str(error))
    return WeightsStatus("center_face", str(path), SHA256, _error_of(verified_network))


def _error_of(check: Callable[[], object]) -> str | None:
    """Return why a check fails, or ``None``."""
    try:
        check()
    except (FerZooError, OSError) as error:
        return str(error)
    return None


__all__ = ["WeightsStatus", "check_weights"]
