"""The first half of the way from a picture to its expressions: its faces are found and cut out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_zoo.detection import FaceDetector
from fer_zoo.errors import FerZooError
from fer_zoo.models import FerImageProcessor, FerImageProcessorPil
from fer_zoo.results import Face, ImageResult


@dataclass(frozen=True, slots=True, eq=False)
class DetectedPicture:
    """A picture whose faces are found and cut out, and whose expressions are still to come.

    Attributes:
        result: its name and size, without faces.
        faces: the faces, in the detector's order.
        crops: one for each face, ``(size, size, 3)`` in RGB.
        failure: why it could not be read or its faces not cut out, or ``None``.
    """

    result: ImageResult
    faces: tuple[Face, ...] = ()
    crops: tuple[NDArray[np.uint8], ...] = ()
    failure: FerZooError | None = None


def detect_faces(
    detector: FaceDetector,
    image_processor: FerImageProcessor | FerImageProcessorPil,
    pictures: Sequence[tuple[str, NDArray[np.uint8] | FerZooError]],
    *,
    threshold: float = 0.0,
) -> list[DetectedPicture]:
    """Find the faces of pictures and cut them out as a model expects them.

    Args:
        detector: gets all pictures in one call, so that it can work on those of equal size together.
        image_processor: of the model.
        pictures: each a name for results, and the picture ``(H, W, 3)`` in RGB or why there is none.
        threshold: faces that the detector is less sure of are left out, in [0, 1].
    """
    images = [image for _, image in pictures if not isinstance(image, FerZooError)]
    found = iter(detector.detect(images) if images else [])
    detected = []
    for source, image in pictures:
        if isinstance(image, FerZooError):
            detected.append(DetectedPicture(ImageResult(source), failure=image))
            continue
        result = ImageResult(source, width=image.shape[1], height=image.shape[0])
        faces = [face for face in next(found) if face.score >= threshold]
        try:
            crops = [image] * len(faces) if detector.gives_crops else image_processor.crop_faces(image, faces)
        except FerZooError as error:
            detected.append(DetectedPicture(result, failure=error))
        else:
            detected.append(DetectedPicture(result, tuple(faces), tuple(crops)))
    return detected


__all__ = ["DetectedPicture", "detect_faces"]
