"""Drawing results on pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.results import FaceExpression, ImageResult
from fer_zoo.results.image import check_result

# The Okabe-Ito palette, which people with colour vision deficiencies can tell apart; the label is always written too.
COLORS = {
    "neutral": "#999999",
    "happiness": "#F0E442",
    "surprise": "#56B4E9",
    "sadness": "#0072B2",
    "anger": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "contempt": "#E69F00",
}
MAX_UNIT = 64  # pixels; larger letters of long and narrow pictures would fill the memory
OTHER_COLOR = "#FFFFFF"
DARK_COLORS = {"#0072B2", "#D55E00", "#009E73"}  # white text reads better on these


def annotate(
    image: NDArray[np.uint8], result: ImageResult, *, names: Sequence[str | None] | None = None
) -> NDArray[np.uint8]:
    """Draw a box around every face, with its expression and score; an uncertain one is white with a question mark.

    Args:
        image: RGB, ``(H, W, 3)``; it is not changed.
        result: the faces of that picture.
        names: what to write before the expression of each face, such as who it is; ``None`` for nothing.

    Returns:
        a new picture of the same shape.

    Raises:
        ArgumentTypeError: if the image is no such array, or the result not that of one picture.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,):
        raise ArgumentTypeError("image", image, "an array (H, W, 3) of uint8 in RGB, as read_image(picture) gives it")
    check_result(result)
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    unit = max(1, min(round(max(image.shape[:2]) / 400), MAX_UNIT))  # line width in pixels; text and margins follow it
    font = ImageFont.load_default(size=7 * unit + 6)
    for face, name in zip(result.faces, names or [None] * len(result.faces), strict=True):
        _draw_face(draw, face, name, font, unit)
    return np.array(canvas)


def _draw_face(
    draw: ImageDraw.ImageDraw,
    face: FaceExpression,
    name: str | None,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    unit: int,
) -> None:
    """Draw one box with its label above it, or inside where there is no room above."""
    color = OTHER_COLOR if face.is_uncertain else COLORS.get(face.label, OTHER_COLOR)
    box = face.face.box
    draw.rectangle((box.left, box.top, box.right, box.bottom), outline=color, width=2 * unit)
    text = f"{face.label}{'?' if face.is_uncertain else ''} {face.score:.0%}"
    text = text if name is None else f"{name} {text}"
    _, _, text_width, text_height = draw.textbbox((0, 0), text, font=font)
    left = max(0.0, min(box.left, draw.im.size[0] - text_width - 2 * unit))
    top = box.top - text_height - 2 * unit
    if top < 0:
        top = max(0.0, box.top)
    draw.rectangle((left, top, left + text_width + 2 * unit, top + text_height + 2 * unit), fill=color)
    draw.text((left + unit, top + unit), text, font=font, fill="white" if color in DARK_COLORS else "black")


__all__ = ["annotate"]
