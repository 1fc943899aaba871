"""The options of the pipeline that a call can change, and their values where it does not."""

from __future__ import annotations

from typing import Any

from fer_zoo.errors import FerZooError, InvalidOptionError, UnknownNameError
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.ranges import check_shares

#: What a call can change.
OPTIONS = (
    "allow_private_hosts",
    "batch_size",
    "calibrated",
    "max_pixels",
    "min_confidence",
    "num_workers",
    "on_error",
    "threshold",
    "timeout",
    "top_k",
)

#: What is given once, when a pipeline is made.
OPTIONS_OF_MAKING = (
    "backend",
    "compile",
    "detector",
    "device",
    "device_map",
    "dtype",
    "flip",
    "image_processor",
    "model",
    "model_kwargs",
    "precision",
    "revision",
    "threads",
    "token",
)

READING_OPTIONS = frozenset({"allow_private_hosts", "max_pixels", "timeout"})


class CallOptions:
    """Checks the options of a pipeline and of its calls, and tells what holds where a call says nothing."""

    _preprocess_params: dict[str, Any]
    _postprocess_params: dict[str, Any]

    @property
    def threshold(self) -> float:
        """Faces that the detector is less sure of are left out, in [0, 1]."""
        threshold: float = self._preprocess_params.get("threshold", 0.0)
        return threshold

    @property
    def reading(self) -> dict[str, Any]:
        """How pictures are read: options of :func:`fer_zoo.imaging.read_image`, ``max_pixels`` among them."""
        given = {name: value for name, value in self._preprocess_params.items() if name in READING_OPTIONS}
        return {"max_pixels": DEFAULT_MAX_PIXELS, **given}

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities are those after dividing by the model's temperature."""
        calibrated: bool = self._postprocess_params.get("calibrated", True)
        return calibrated

    @property
    def min_confidence(self) -> float:
        """Expressions whose probability is below are marked as uncertain, in [0, 1]."""
        min_confidence: float = self._postprocess_params.get("min_confidence", 0.0)
        return min_confidence

    def _sanitize_parameters(
        self,
        *,
        threshold: float | None = None,
        calibrated: bool | None = None,
        min_confidence: float | None = None,
        on_error: str | None = None,
        max_pixels: int | None = None,
        timeout: float | None = None,
        allow_private_hosts: bool | None = None,
        **unknown: Any,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Check the options and sort them by the step that they belong to."""
        for name, value in unknown.items():
            raise _unknown_option(name, value, is_call=hasattr(self, "_preprocess_params"))
        check_shares(threshold=threshold, min_confidence=min_confidence)
        if on_error not in {None, "raise", "skip"}:
            raise InvalidOptionError("on_error", on_error, "'raise' or 'skip'")
        reading = {
            "threshold": threshold,
            "on_error": on_error,
            "max_pixels": max_pixels,
            "timeout": timeout,
            "allow_private_hosts": allow_private_hosts,
        }
        judging = {"calibrated": calibrated, "min_confidence": min_confidence}
        return _without_blanks(reading), {}, _without_blanks(judging)


def _unknown_option(name: str, value: object, *, is_call: bool) -> FerZooError:
    """Return the error for an option that a pipeline, or a call of one, does not have."""
    if not is_call:
        return UnknownNameError("option", name, (*OPTIONS, *OPTIONS_OF_MAKING))
    if name in OPTIONS_OF_MAKING:
        return InvalidOptionError(name, value, f"none in a call; give it to pipeline() instead: pipeline({name}=...)")
    return UnknownNameError("option", name, OPTIONS)


def _without_blanks(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {key: value for key, value in options.items() if value is not None}


__all__ = ["OPTIONS", "CallOptions"]
