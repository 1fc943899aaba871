"""Landmarks from the arrays of a detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_zoo.results import Landmarks


def as_landmarks(points: NDArray[np.floating]) -> Landmarks:
    """Turn x and y of left eye, right eye, nose, left and right mouth corner into landmarks.

    Args:
        points: ``(5, 2)``, pixels of the picture.
    """
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth, fifth


__all__ = ["as_landmarks"]
