"""For pictures that already are face crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_zoo.results import Box, Face


class WholeImageDetector:
    """Take every picture as one face that fills it."""

    gives_crops = True
    is_thread_safe = True

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return one face for each picture: a box around all of it, a score of 1 and no landmarks."""
        return [(Face(Box(0.0, 0.0, float(image.shape[1]), float(image.shape[0])), 1.0),) for image in images]


__all__ = ["WholeImageDetector"]
