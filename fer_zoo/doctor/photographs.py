"""Data sets of whole photographs, where crops of faces are expected."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_zoo.datasets import ExpressionDataset
from fer_zoo.detection import CenterFaceDetector
from fer_zoo.doctor.hints import Hint
from fer_zoo.doctor.picture import CROP_SIZE
from fer_zoo.errors import FerZooError, ImageReadError

SAMPLE: Final = 8  # pictures, spread evenly over the data: half a second on two cores
#: Share of a picture that its largest face fills, below which it is a photograph. In aligned crops it is 0.6 to 0.8, in
#: squares twice as high as the face some 0.2, and in portraits at most 0.16, as CenterFace draws the boxes.
SMALL_SHARE: Final = 0.2


def find_photographs(dataset: ExpressionDataset) -> Hint | None:
    """Warn of pictures that are whole photographs, judged by a few of them.

    Small square pictures are crops and are not looked at further. In others the largest face is found; where it fills
    less than a fifth of the picture, that is a photograph. Half of the pictures must be.

    Args:
        dataset: the pictures.

    Returns:
        what was found, or ``None`` where the pictures are crops, or nothing can be said: they cannot be read, have no
        face, or the detector does not run here.
    """
    num_read, photographs = 0, []
    try:
        detector = CenterFaceDetector(threads=1)  # leaves no threads behind: workers may be forked later
        for index in _spread(len(dataset)):
            sample = dataset.samples[index]
            try:
                image = sample.read(max_pixels=dataset.max_pixels)
            except ImageReadError:
                continue
            num_read += 1
            if not _is_small_square(image) and _has_small_face(image, detector):
                photographs.append(sample.source)
    except FerZooError:
        return None
    if not photographs or 2 * len(photographs) < num_read:
        return None
    message = (
        f"{dataset.name}, {dataset.split}: in {len(photographs)} of {num_read} pictures that were looked at, such as "
        f"{photographs[0]!r}, the face fills less than {100 * SMALL_SHARE:.0f} % of the picture. A model takes each "
        "picture whole, as the crop of a face, and is often wrong about photographs."
    )
    return Hint("photographs", "warning", message)


def _spread(number: int) -> list[int]:
    """Return the places of the pictures to look at, evenly spread over so many."""
    return sorted({round(place) for place in np.linspace(0, number - 1, SAMPLE)}) if number else []


def _is_small_square(image: NDArray[np.uint8]) -> bool:
    """Return whether a picture has the size and the form of a crop, as those of the usual data sets have."""
    height, width = image.shape[:2]
    return bool(height == width <= CROP_SIZE)


def _has_small_face(image: NDArray[np.uint8], detector: CenterFaceDetector) -> bool:
    """Return whether the largest face of a picture, if it has one, fills little of it."""
    boxes = [face.box for face in detector.detect([image])[0]]
    largest = max((box.width * box.height for box in boxes), default=None)
    return largest is not None and largest < SMALL_SHARE * image.shape[0] * image.shape[1]


__all__ = ["find_photographs"]
