"""Results as HTML: a message, and for every face a card with its bar chart.

The bars are plain HTML with the colours of the boxes: readable at every width, in light and dark, by a screen reader
and without any script.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.imaging.annotate import COLORS, OTHER_COLOR
from fer_zoo.results import Box, FaceExpression, ImageResult

THUMBNAIL_SIDE = 72  # pixels
OPEN_CARDS = 3  # of a crowd only the surest faces are unfolded


def describe_result(result: ImageResult) -> str:
    """Return one message about a picture, as HTML: how many faces there are, or what is wrong.

    Args:
        result: the faces of a picture, or the reason why it could not be read.
    """
    if result.error is not None:
        return message(result.error, "error")
    if not result.faces:
        return message(
            "No face was found. Try a picture in which faces are larger and turned to the camera; for a picture that "
            "already is a face crop, choose the detector whole_image.",
            "none",
        )
    number = "1 face" if len(result.faces) == 1 else f"{len(result.faces)} faces"
    return message(f"Found {number} in {result.source}.", "found")


def message(text: str, kind: str) -> str:
    """Return a message as HTML that a screen reader says aloud.

    Args:
        text: the message; it may hold any characters.
        kind: ``"found"``, ``"none"`` or ``"error"``, which decides its colour.
    """
    role = "alert" if kind == "error" else "status"
    return f'<p class="fz-message fz-{kind}" role="{role}">{escape(text)}</p>'


def draw_charts(result: ImageResult, picture: NDArray[np.uint8] | None) -> str:
    """Return a card with a bar chart for every face, as HTML.

    Args:
        result: the faces of a picture.
        picture: that picture, RGB, ``(H, W, 3)``, to show which face a card is about; ``None`` if it cannot be read.
    """
    if picture is None:
        return ""
    cards = [
        _draw_card(face, number, _thumbnail(picture, face.face.box))
        for number, face in enumerate(result.faces, start=1)
    ]
    return f'<div class="fz-cards">{"".join(cards)}</div>' if cards else ""


def _draw_card(face: FaceExpression, number: int, thumbnail: str) -> str:
    """Return the card of one face."""
    bars = "".join(_draw_bar(label, score) for label, score in face.scores)
    opened = " open" if number <= OPEN_CARDS else ""
    best = f"{escape(face.label)} {face.score:.1%}"
    return (
        f'<details class="fz-card"{opened}><summary><img alt="face {number}" src="{thumbnail}">'
        f"<span><b>Face {number}</b><br>{best}</span></summary><dl>{bars}</dl></details>"
    )


def _draw_bar(label: str, score: float) -> str:
    """Return one row of a chart: the name, the bar and the number."""
    color = COLORS.get(label, OTHER_COLOR)
    return (
        f'<div class="fz-bar"><dt>{escape(label)}</dt><dd><span class="fz-track" aria-hidden="true">'
        f'<span style="width:{100 * score:.1f}%;background:{color}"></span></span>{score:.1%}</dd></div>'
    )


def _thumbnail(picture: NDArray[np.uint8], box: Box) -> str:
    """Return the face of a box as a data URL."""
    height, width = picture.shape[:2]
    left, top = round(min(max(box.left, 0), width - 1)), round(min(max(box.top, 0), height - 1))
    right, bottom = max(left + 1, round(box.right)), max(top + 1, round(box.bottom))
    crop = Image.fromarray(picture[top:bottom, left:right])
    crop.thumbnail((2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))  # twice, for screens with dense pixels
    file = BytesIO()
    crop.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


__all__ = ["describe_result", "draw_charts", "message"]
