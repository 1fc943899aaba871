"""The options that choose a pipeline, which several commands have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_zoo.pipelines import FaceExpressionPipeline, pipeline


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """What was typed.

    Attributes:
        model: name of the model.
        detector: name of the detector.
        device: where torch runs the model; ``None`` for the fastest that is there.
        backend: what runs the model; ``None`` for torch, or the library that an export is made for.
        precision: in which numbers OpenVINO computes.
        threads: CPU threads of the backend.
        flip: whether mirror images are looked at too.
    """

    model: str
    detector: str
    device: str | None = None
    backend: str | None = None
    precision: str | None = None
    threads: int | None = None
    flip: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The options of :func:`fer_zoo.pipeline` besides the model, the detector and the device."""
        return {"backend": self.backend, "precision": self.precision, "threads": self.threads, "flip": self.flip}

    def make(self) -> FaceExpressionPipeline:
        """Return the pipeline.

        Raises:
            FerZooError: if something is not known or not installed; the message says what.
        """
        return pipeline(model=self.model, detector=self.detector, device=self.device, **self.options)


__all__ = ["PipelineChoice"]
