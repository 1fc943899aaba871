"""Drawing explanations back into the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.explain.faces import Explanation
from fer_zoo.imaging.read import ImageSource, read_image
from fer_zoo.ranges import check_shares

# Viridis of matplotlib (van der Walt, Smith, 2015; CC0): steps of equal size look equal, also with colour vision
# deficiencies and in grey. Every fifteenth of its 256 colours; those between are interpolated.
VIRIDIS = np.array(
    [
        (68, 1, 84),
        (72, 23, 105),
        (71, 42, 122),
        (67, 61, 132),
        (61, 78, 138),
        (53, 94, 141),
        (46, 109, 142),
        (41, 123, 142),
        (35, 137, 142),
        (31, 151, 139),
        (33, 165, 133),
        (46, 179, 124),
        (70, 192, 111),
        (101, 203, 94),
        (137, 213, 72),
        (176, 221, 47),
        (216, 226, 25),
        (253, 231, 37),
    ],
    np.float32,
)
OUTSIDE = -1.0  # heat where no crop is
STRIP_ROWS = 64  # rows of a picture that are coloured together


def overlay(image: ImageSource, explanations: Sequence[Explanation], *, alpha: float = 0.5) -> NDArray[np.uint8]:
    """Lay the heat of explanations over a picture, from dark violet (0) over green to yellow (1).

    Each crop is turned and scaled back to where it was cut out; where crops overlap, the higher heat is shown.

    Args:
        image: the picture, as :func:`fer_zoo.imaging.read_image` takes it; it is not changed.
        explanations: those of faces in that picture.
        alpha: how much the colours cover the crops, in [0, 1].

    Returns:
        the picture in RGB, ``(H, W, 3)``, with its own pixels wherever no crop is.

    Raises:
        InvalidOptionError: if alpha is out of its range.
        ArgumentTypeError: if these are no explanations, or it is one alone.
        ImageReadError: if the picture cannot be read.
    """
    check_shares(alpha=alpha)
    if not isinstance(explanations, Sequence) or not all(isinstance(one, Explanation) for one in explanations):
        raise ArgumentTypeError("explanations", explanations, "a list of Explanation, each as explain_face() gives it")
    drawn = read_image(image)  # shares no memory with what is given
    heat = np.full(drawn.shape[:2], OUTSIDE, np.float32)
    for explanation in explanations:
        _draw_heat(heat, explanation)
    for top in range(0, len(heat), STRIP_ROWS):  # the colours of a whole picture would take 20 times its memory
        strip = drawn[top : top + STRIP_ROWS]
        strip_heat = heat[top : top + STRIP_ROWS]
        covered = strip_heat > OUTSIDE
        strip[covered] = np.rint((1 - alpha) * strip[covered] + alpha * color_heat(strip_heat[covered]))
    return drawn


def color_heat(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colours of heat.

    Args:
        heat: any shape, values in [0, 1].

    Returns:
        RGB in a last axis of its own, values in [0, 255].
    """
    positions = np.linspace(0, 1, len(VIRIDIS))
    channels = [np.interp(heat, positions, VIRIDIS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _draw_heat(canvas: NDArray[np.float32], explanation: Explanation) -> None:
    """Draw the heat of one crop onto that of the picture, bilinear, where it is higher than what is there."""
    size = len(explanation.heat)
    matrix = np.vstack([explanation.transform, [0.0, 0.0, 1.0]])
    corners = np.linalg.inv(matrix) @ np.array([[0.0, size, 0.0, size], [0.0, 0.0, size, size], [1.0, 1.0, 1.0, 1.0]])
    left, top = (max(0, math.floor(edge)) for edge in corners[:2].min(axis=1))
    right, bottom = (
        min(edge, math.ceil(far)) for edge, far in zip(canvas.shape[::-1], corners[:2].max(axis=1), strict=True)
    )
    if left >= right or top >= bottom:
        return
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    coefficients = (matrix @ shift)[:2].ravel().tolist()
    drawn = Image.fromarray(explanation.heat).transform(
        (right - left, bottom - top),
        Image.Transform.AFFINE,
        coefficients,
        Image.Resampling.BILINEAR,
        fillcolor=OUTSIDE,
    )
    region = canvas[top:bottom, left:right]
    np.maximum(region, np.asarray(drawn), out=region)


__all__ = ["color_heat", "overlay"]
