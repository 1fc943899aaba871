"""What stands between a picture and a right answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_zoo.detection import CenterFaceDetector
from fer_zoo.doctor.colour import check_colours
from fer_zoo.doctor.hints import Hint
from fer_zoo.doctor.label_order import compare_with_expected
from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import read_image
from fer_zoo.imaging.decode import read_orientation
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.labels import Expression
from fer_zoo.pipelines import FaceExpressionPipeline
from fer_zoo.results import Face, ImageResult, Landmarks

TINY_FACE: Final = 32  # pixels between two sides of a box; the crops of FER2013 have 48
SMALLEST_FOUND: Final = 12  # pixels that a face needs after CenterFace has reduced the picture
CROP_SIZE: Final = 256  # pixels: a smaller picture without a face is probably a crop
LARGE_REDUCTION: Final = 4  # times smaller before detection: faces below some 48 pixels are missed
LOW_THRESHOLD: Final = 0.2  # where the detector begins to take other things for faces

#: How EXIF asks for a picture to be turned.
TURNS: Final = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees clockwise",
    7: "mirrored and turned by 90 degrees",
    8: "turned by 90 degrees counterclockwise",
}


@dataclass(frozen=True, slots=True)
class PictureExamination:
    """The answer for a picture, and what may be wrong with it.

    Attributes:
        result: what the pipeline says; with its ``error`` if the picture cannot be read.
        hints: remarks.
    """

    result: ImageResult
    hints: tuple[Hint, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether the picture could be read."""
        return self.result.error is None


def examine_picture(
    pipe: FaceExpressionPipeline, path: str | PathLike[str], *, expected: Expression | None = None
) -> PictureExamination:
    """Classify a picture and look for what often goes wrong.

    Args:
        pipe: the pipeline.
        path: of the picture.
        expected: what its surest face shows, if that is known.
    """
    name = fspath(path)
    try:
        image = read_image(Path(path))
        with Path(path).open("rb") as file:
            orientation = read_orientation(file, name, DEFAULT_MAX_PIXELS)
    except ImageReadError as error:
        return PictureExamination(ImageResult(name, error=str(error)))
    found = pipe.analyze(image)
    result = ImageResult(name, found.width, found.height, found.faces, found.error)
    faces = [face.face for face in result.faces]
    hints = [*_check_orientation(orientation), *_check_size(image, pipe.detector)]
    if pipe.detector.gives_crops:
        hints += check_colours(image, (), pipe.image_processor.color_mode)
    else:
        hints += check_colours(image, faces, pipe.image_processor.color_mode)
        hints += _check_faces(faces, pipe.image_processor.size["height"]) if faces else _explain_no_face(image, pipe)
    if expected is not None and result.faces:
        hints.append(compare_with_expected(result.faces[0], expected, pipe.model.config.id2label))
    return PictureExamination(result, tuple(hints))


def _check_orientation(orientation: int) -> list[Hint]:
    """Say how a picture was turned."""
    if orientation not in TURNS:
        return []
    message = (
        f"The file asks (EXIF) to be {TURNS[orientation]}, which was done: boxes are in pixels of the upright picture. "
        "Programs that pass over EXIF show the picture another way round, and the boxes in other places."
    )
    return [Hint("turned_by_exif", "note", message)]


def _check_size(image: NDArray[np.uint8], detector: Any) -> list[Hint]:
    """Warn of faces that a large picture loses when the detector reduces it."""
    longer, limit = max(image.shape[:2]), getattr(detector, "max_size", None)
    if limit is None or longer < LARGE_REDUCTION * limit:
        return []
    smallest = round(SMALLEST_FOUND * longer / limit)
    message = (
        f"The picture has {image.shape[1]} x {image.shape[0]} pixels, which the detector reduces to {limit} on the "
        f"longer side: faces below some {smallest} pixels are missed. Cut it into parts, or pass "
        f"detector=CenterFaceDetector(max_size={min(longer, 2 * limit)}), which takes longer."
    )
    return [Hint("large_picture", "warning", message)]


def _check_faces(faces: Sequence[Face], model_size: int) -> list[Hint]:
    """Warn of faces that are not upright, or have too few pixels."""
    sides = [min(face.box.width, face.box.height) for face in faces]
    tiny = [side for side in sides if side < TINY_FACE]
    hints = _check_upright(faces)
    if not tiny:
        return hints
    message = (
        f"{len(tiny)} of {len(faces)} faces have less than {TINY_FACE} pixels from side to side (the smallest "
        f"{min(tiny):.0f}). They are enlarged to the {model_size} pixels that the model takes, which adds no detail: "
        "take the picture in a higher resolution, or mark such answers with min_confidence."
    )
    return [*hints, Hint("tiny_face", "warning", message)]


def _check_upright(faces: Sequence[Face]) -> list[Hint]:
    """Warn of a picture that probably lies on its side or stands on its head."""
    turns = [round(_roll(face.landmarks) / 90) % 4 for face in faces if face.landmarks is not None]
    degrees = -90 * max(range(4), key=turns.count) % 360  # of equally frequent ones the first: upright
    if not degrees:
        return []
    message = (
        f"Most faces are not upright. They are set upright one by one, but the detector misses more of them: turn the "
        f"picture by {degrees} degrees clockwise first."
    )
    return [Hint("not_upright", "warning", message)]


def _roll(landmarks: Landmarks) -> float:
    """Return by how much a face is turned clockwise, in degrees, from the line between its eyes."""
    (left_x, left_y), (right_x, right_y) = landmarks[:2]
    return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


def _explain_no_face(image: NDArray[np.uint8], pipe: FaceExpressionPipeline) -> list[Hint]:
    """Say why there may be no face: try what the user would try next."""
    unsure = pipe.find_faces([image], threshold=0.0)[0]
    if unsure:
        message = (
            f"The detector found a face with the score {unsure[0].score:.2f}, below the pipeline's threshold of "
            f"{pipe.threshold:g}: lower that."
        )
        return [Hint("no_face", "warning", message)]
    height, width = image.shape[:2]
    message = f"No face was found in {width} x {height} pixels; it needs some {SMALLEST_FOUND} pixels to be found."
    if max(height, width) <= CROP_SIZE:
        message += " If the picture is the crop of a face already, use the detector whole_image."
    for degrees, turns in ((90, 1), (180, 2), (270, 3)):
        if pipe.find_faces([np.ascontiguousarray(np.rot90(image, -turns))])[0]:
            message += f" There is one when the picture is turned by {degrees} degrees clockwise: turn it first."
            return [Hint("no_face", "warning", message)]
    if isinstance(pipe.detector, CenterFaceDetector):
        unsure = CenterFaceDetector(score_threshold=LOW_THRESHOLD, max_size=pipe.detector.max_size).detect([image])[0]
        if unsure:
            message += (
                f" With CenterFaceDetector(score_threshold={LOW_THRESHOLD}) there is one with the score "
                f"{unsure[0].score:.2f}; below the usual {pipe.detector.score_threshold} other things are also taken "
                "for faces."
            )
        else:
            message += f" Nor is there any with the lower threshold {LOW_THRESHOLD}."
    return [Hint("no_face", "warning", message)]


__all__ = ["PictureExamination", "examine_picture"]
