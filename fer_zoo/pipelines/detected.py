"""Half of the way from a picture to its expressions: its faces are found and cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import FerZooError
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


__all__ = ["DetectedPicture"]
