"""A picture of which everything is known, through the whole pipeline."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import torch
from torchvision.ops import box_iou

from fer_zoo.pipelines import FaceExpressionPipeline
from fer_zoo.results import Box, ImageResult

#: NASA's portrait of an astronaut, in the public domain; the example of the web page, so that it is there only once.
PICTURE: Final = "demo/assets/astronaut.jpg"

EXPECTED_BOX: Final = Box(182, 58, 270, 178)  # of her face; detectors differ by some pixels
EXPECTED_LABEL: Final = "happiness"
MIN_OVERLAP: Final = 0.5  # of a box with the expected one, as in the usual measure of detectors
MAX_SUM_ERROR: Final = 1e-3  # of probabilities, which bf16 rounds


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What became of the picture.

    Attributes:
        error: what went wrong, or ``None``.
        label: the expression that was found; empty if there was none.
        score: its probability, in [0, 1]; 0 if that is no number.
        provider: what computed the expression, such as ``cpu`` or ``CPU (bf16)``; empty if nothing did.
        detector_backend: what ran the detector, ``onnxruntime`` or ``openvino``; empty if it does not say.
        seconds: for one picture, after a first one; 0 if none was read.
    """

    error: str | None
    label: str = ""
    score: float = 0.0
    provider: str = ""
    detector_backend: str = ""
    seconds: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the answer was right."""
        return self.error is None


def run_self_test(pipe: FaceExpressionPipeline, *, is_published: bool) -> SelfTest:
    """Classify the embedded picture.

    Args:
        pipe: the pipeline.
        is_published: whether its model is one of this package, which must see that the astronaut smiles; of another
            model only the face and the form of the answer are checked.
    """
    picture = files("fer_zoo").joinpath(PICTURE).read_bytes()
    pipe.analyze(picture)  # the first run prepares what later ones use
    start = time.perf_counter()
    result = pipe.analyze(picture)
    seconds = time.perf_counter() - start
    error = _find_fault(result, gives_crops=pipe.detector.gives_crops, is_published=is_published)
    best = result.faces[0] if result.faces else None
    return SelfTest(
        error=error,
        label=best.label if best else "",
        score=best.score if best and math.isfinite(best.score) else 0.0,
        provider=pipe.provider,
        detector_backend=getattr(pipe.detector, "backend", ""),
        seconds=seconds,
    )


def _find_fault(result: ImageResult, *, gives_crops: bool, is_published: bool) -> str | None:
    """Return what is wrong with the answer."""
    if len(result.faces) != 1:
        return f"expected one face in the embedded picture, found {len(result.faces)}"
    face = result.faces[0]
    if not gives_crops and (overlap := _overlap(face.face.box, EXPECTED_BOX)) < MIN_OVERLAP:
        return f"the face was found in the wrong place (overlap {overlap:.2f} with the right one)"
    total = sum(score for _, score in face.scores)
    if not abs(total - 1) <= MAX_SUM_ERROR:  # also true for NaN
        return f"the probabilities add up to {total:g} instead of 1"
    if is_published and not gives_crops and face.label != EXPECTED_LABEL:
        return f"expected {EXPECTED_LABEL} for the embedded picture, found {face.label}"
    return None


def _overlap(first: Box, second: Box) -> float:
    """Return the intersection of two boxes over their union, in [0, 1]."""
    corners = [torch.tensor([[box.left, box.top, box.right, box.bottom]]) for box in (first, second)]
    return float(box_iou(*corners))


__all__ = ["EXPECTED_BOX", "EXPECTED_LABEL", "SelfTest", "run_self_test"]
