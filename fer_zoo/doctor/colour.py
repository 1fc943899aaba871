"""Whether a picture is grey, and whether its red and blue changed places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.doctor.hints import Hint
from fer_zoo.results import Face

#: Channels that differ by no more are grey to the eye; JPEG leaves traces of colour in grey pictures.
MAX_GREY_SPREAD: Final = 10
GREY_PERCENTILE: Final = 99.9

# The skin of people of all tones lies in this range of chrominance, and brightness does not matter: Chai & Ngan, "Face
# segmentation using skin-color map in videophone applications", IEEE Transactions on Circuits and Systems for Video
# Technology 9(4), 1999, Section III.
SKIN_CB: Final = (77, 127)
SKIN_CR: Final = (133, 173)

#: A swap is suspected where this part of the faces' pixels has the colour of skin after a swap...
MIN_SKIN_SWAPPED: Final = 0.4
#: ... and no more than this part has it now. Portraits in daylight have 0.8 to 1, and 0 after a swap.
MAX_SKIN_NOW: Final = 0.1


def is_grey(image: NDArray[np.uint8]) -> bool:
    """Return whether a picture ``(H, W, 3)`` has no colours."""
    step = max(1, max(image.shape[:2]) // 1000)  # a sample is enough of a large one
    sample = image[::step, ::step]
    return bool(np.percentile(np.ptp(sample, axis=2), GREY_PERCENTILE) <= MAX_GREY_SPREAD)


def skin_fraction(pixels: NDArray[np.uint8]) -> float:
    """Return which part of the pixels ``(H, W, 3)`` has the colour of skin, in [0, 1]."""
    chrominance = np.asarray(Image.fromarray(pixels).convert("YCbCr"))[:, :, 1:]
    low, high = np.array([SKIN_CB, SKIN_CR]).T
    return float(((low <= chrominance) & (chrominance <= high)).all(axis=2).mean())


def check_colours(image: NDArray[np.uint8], faces: Sequence[Face], color_mode: str) -> list[Hint]:
    """Say what the colours of a picture mean for a model.

    Args:
        image: RGB, ``(H, W, 3)``.
        faces: those in it.
        color_mode: of the model's image processor, ``"grey"`` or ``"rgb"``.
    """
    if is_grey(image):
        if color_mode == "grey":
            return [Hint("grey", "note", "The picture is grey, as those that the model was trained on.")]
        message = "The picture is grey, and the model was trained on pictures in colour: expect it to be less sure."
        return [Hint("grey", "warning", message)]
    hints = []
    if color_mode == "grey":
        message = "The picture is in colour. The model was trained on grey ones, so it is made grey first."
        hints.append(Hint("colour", "note", message))
    if looks_swapped(image, faces):
        effect = "brightness is computed from the wrong channels" if color_mode == "grey" else "skin looks blue to it"
        message = (
            f"Red and blue may have changed places: the faces have the colour of skin only after a swap, and {effect}. "
            "OpenCV reads pictures as BGR: pass image[..., ::-1], or the path."
        )
        hints.append(Hint("channels_swapped", "warning", message))
    return hints


def looks_swapped(image: NDArray[np.uint8], faces: Sequence[Face]) -> bool:
    """Return whether faces have the colour of skin only with red and blue exchanged.

    Coloured light can give the same impression, and make-up can hide it.

    Args:
        image: RGB, ``(H, W, 3)``.
        faces: those in it.
    """
    inner = [pixels for face in faces if (pixels := _inner_part(image, face)).size]
    if not inner:
        return False
    now = np.mean([skin_fraction(pixels) for pixels in inner])
    swapped = np.mean([skin_fraction(np.ascontiguousarray(pixels[:, :, ::-1])) for pixels in inner])
    return bool(swapped >= MIN_SKIN_SWAPPED and now <= MAX_SKIN_NOW)


def _inner_part(image: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Return the middle of a face, without hair, ears and background; empty outside the picture."""
    box = face.box
    left, right = box.left + 0.2 * box.width, box.right - 0.2 * box.width
    top, bottom = box.top + 0.25 * box.height, box.bottom - 0.15 * box.height
    rows, columns = slice(max(0, int(top)), max(0, int(bottom))), slice(max(0, int(left)), max(0, int(right)))
    return np.ascontiguousarray(image[rows, columns])


__all__ = ["check_colours", "is_grey", "looks_swapped", "skin_fraction"]
