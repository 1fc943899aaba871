"""From a face in a picture to the crop that a model was trained on.

A crop is described by a :class:`CropTemplate`, a value that is saved with every checkpoint. Coordinates are continuous:
the pixel in column 0 spans x from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import InvalidOptionError
from fer_zoo.results import Box, Face, Landmarks

Matrix = NDArray[np.float64]  # (2, 3): x' = m00 x + m01 y + m02, y' = m10 x + m11 y + m12

MIN_SPREAD = 0.001  # of the crop's side, between points of a template; a face cannot be drawn onto one point
EMPTY_MARGIN = -0.5  # of a box; nothing would be left of it
MAX_FRACTION = 100  # of the crop's side; a template comes with a checkpoint from anywhere


@dataclass(frozen=True, slots=True)
class CropTemplate:
    """Where a face lies in the crops that a model expects.

    Attributes:
        landmarks: five points in fractions of the crop's side: left eye, right eye, nose, left and right mouth corner,
            as seen in the picture.
        box_margin: for faces without landmarks, what is added to the box on each side, as a fraction of its longer
            side.
    """

    landmarks: Landmarks
    box_margin: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {"landmarks": [list(point) for point in self.landmarks], "box_margin": self.box_margin}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CropTemplate:
        """Read what :meth:`to_dict` gave.

        Raises:
            InvalidOptionError: if the values do not describe a template.
        """
        try:
            first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in values["landmarks"])
            template = cls((first, second, third, fourth, fifth), float(values.get("box_margin", 0.0)))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InvalidOptionError(
                "crop_template", values, "'landmarks', five points, and 'box_margin', a number"
            ) from error
        numbers = [template.box_margin, *(value for point in template.landmarks for value in point)]
        if not all(abs(number) <= MAX_FRACTION for number in numbers):  # not a number is not smaller
            raise InvalidOptionError("crop_template", values, f"fractions of the crop, at most {MAX_FRACTION}")
        if template.box_margin <= EMPTY_MARGIN:
            raise InvalidOptionError("crop_template", values, f"'box_margin' above {EMPTY_MARGIN}")
        if np.ptp(np.array(template.landmarks), axis=0).max() < MIN_SPREAD:
            raise InvalidOptionError("crop_template", values, "'landmarks' at different points")
        return template


#: The framing of ArcFace (Deng et al., CVPR 2019): its five points at 112 x 112, as fractions.
ARCFACE_TEMPLATE = CropTemplate(
    (
        (38.2946 / 112, 51.6963 / 112),
        (73.5318 / 112, 51.5014 / 112),
        (56.0252 / 112, 71.7366 / 112),
        (41.5493 / 112, 92.3655 / 112),
        (70.7299 / 112, 92.2041 / 112),
    )
)

#: The framing of FER2013 and FER+: medians of the points that CenterFace finds in the training pictures enlarged to 192
#: x 192 (28,173 of 28,558 with a face), averaged with their mirror image; ``benchmarks/estimate_crop_template.py``
#: computes them.
FER_PLUS_TEMPLATE = CropTemplate(
    ((0.3126, 0.4007), (0.6874, 0.4007), (0.5, 0.6010), (0.3507, 0.7550), (0.6493, 0.7550)),
    box_margin=0.0261,
)

#: Every template by the name of the pictures it frames a face like.
CROP_TEMPLATES = {"arcface": ARCFACE_TEMPLATE, "fer_plus": FER_PLUS_TEMPLATE}


def similarity_transform(source: Landmarks, target: Landmarks) -> Matrix:
    """Find the rotation, uniform scale and shift that bring points closest to others, in the least-squares sense.

    With the points as complex numbers z and w this is the line w = a z + b, which has a closed solution (for two
    dimensions the same as Umeyama, PAMI 1991, without reflections).

    Args:
        source: points to be moved.
        target: where they should come to lie.

    Returns:
        the ``(2, 3)`` matrix of the transform.

    Raises:
        InvalidOptionError: if all source points coincide.
    """
    z = np.array([complex(*point) for point in source])
    w = np.array([complex(*point) for point in target])
    centred = z - z.mean()
    spread = float(np.vdot(centred, centred).real)
    if not spread > 1e-9 * float(np.vdot(z, z).real):  # also true of numbers that are no numbers
        raise InvalidOptionError("landmarks", source, "at least two different points")
    a = complex(np.vdot(centred, w - w.mean())) / spread
    b = complex(w.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def box_transform(box: Box, size: int, *, margin: float = 0.0) -> Matrix:
    """Find the scale and shift that bring a square around a box onto a crop.

    Args:
        box: the box; the square has its centre and its longer side.
        size: side of the crop in pixels.
        margin: what is added on each side, as a fraction of the longer side.

    Raises:
        InvalidOptionError: if the box has no extent.
    """
    side = max(box.width, box.height) * (1 + 2 * margin)
    if not side > 0:
        raise InvalidOptionError("box", box, "a box with a positive width or height")
    scale = size / side
    left, top = (box.left + box.right - side) / 2, (box.top + box.bottom - side) / 2
    return np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])


def crop_transform(face: Face, template: CropTemplate, size: int) -> Matrix:
    """Find the transform from the picture to the crop of a face: by its landmarks if it has them, else by its box.

    Args:
        face: the face, in pixels of the picture.
        template: how the crop frames a face.
        size: side of the crop in pixels.

    Raises:
        InvalidOptionError: if they are a single point.
    """
    if face.landmarks is None:
        return box_transform(face.box, size, margin=template.box_margin)
    matrix = similarity_transform(face.landmarks, template.landmarks)
    return matrix * size


def has_extent(face: Face) -> bool:
    """Return whether a face can be cut out: its landmarks, or its box if it has none, are more than a single point."""
    try:
        crop_transform(face, ARCFACE_TEMPLATE, 1)
    except InvalidOptionError:
        return False
    return True


def crop_face(image: NDArray[np.uint8], face: Face, template: CropTemplate, size: int) -> NDArray[np.uint8]:
    """Cut a face out of a picture, upright and framed as the template says.

    Args:
        image: ``(H, W, 3)``.
        face: the face, in pixels of the picture.
        template: how the crop frames a face.
        size: side of the crop in pixels.

    Returns:
        ``(size, size, 3)``; black where the crop reaches out of the picture.
    """
    return warp(image, crop_transform(face, template, size), size)


def warp(image: NDArray[np.uint8], matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """Draw a picture under an affine transform, bicubic, without aliasing where it gets smaller.

    Args:
        image: ``(H, W, 3)``.
        matrix: ``(2, 3)``, from pixels of the picture to pixels of the crop.
        size: side of the crop in pixels.

    Returns:
        ``(size, size, 3)``; black where the crop reaches out of the picture.
    """
    inverse = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))
    scale = min(1.0, math.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    region = _region_seen(inverse, size, image.shape[:2], border=2 / scale)
    if region is None:
        return np.zeros((size, size, 3), np.uint8)
    left, top, right, bottom = region
    seen = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    reduced = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    if scale < 1:
        seen = seen.resize(
            reduced, Image.Resampling.BICUBIC
        )  # filters over all pixels; an affine transform would skip some
    stretch = np.diag([seen.width / (right - left), seen.height / (bottom - top), 1.0])
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    coefficients = (stretch @ shift @ inverse)[:2].ravel().tolist()
    drawn = seen.transform((size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return np.array(drawn)


def _region_seen(
    inverse: Matrix, size: int, shape: tuple[int, ...], *, border: float
) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the part of a picture that a crop shows, or ``None`` if there is none."""
    corners = inverse @ np.array([[0.0, size, 0.0, size], [0.0, 0.0, size, size], [1.0, 1.0, 1.0, 1.0]])
    low, high = corners[:2].min(axis=1) - border, corners[:2].max(axis=1) + border
    left, top = (max(0, math.floor(value)) for value in low)
    right, bottom = min(shape[1], math.ceil(high[0])), min(shape[0], math.ceil(high[1]))
    return (left, top, right, bottom) if left < right and top < bottom else None


__all__ = [
    "ARCFACE_TEMPLATE",
    "CropTemplate",
    "box_transform",
    "crop_face",
    "crop_transform",
    "has_extent",
    "similarity_transform",
    "warp",
]
