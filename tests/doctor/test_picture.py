"""What often stands between a picture and a right answer, with pictures that have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from fer_zoo import Box, CenterFaceDetector, Face, FaceExpressionPipeline, pipeline
from fer_zoo.doctor import PictureExamination, examine_picture
from fer_zoo.labels import Expression
from fer_zoo.models import FerImageProcessor

Write = Callable[[str, NDArray[np.uint8]], str]
Examine = Callable[..., PictureExamination]


@pytest.fixture
def examine(embedded_pipeline: FaceExpressionPipeline, write_picture: Write) -> Examine:
    """Return a function that examines pixels with the embedded model."""

    def examine_pixels(image: NDArray[np.uint8], **options: Expression) -> PictureExamination:
        return examine_picture(embedded_pipeline, write_picture("picture.png", image), **options)

    return examine_pixels


def warnings_of(examination: PictureExamination) -> dict[str, str]:
    """Return the messages of the warnings by their codes."""
    return {hint.code: hint.message for hint in examination.hints if hint.level == "warning"}


def resized(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return a picture of another size."""
    return np.asarray(Image.fromarray(image).resize([round(side * factor) for side in image.shape[1::-1]]))


def test_good_picture_gives_no_warning(examine: Examine, astronaut: NDArray[np.uint8]) -> None:
    """It has the answer of the pipeline, and a note that the model makes it grey."""
    examination = examine(astronaut, expected=Expression.HAPPINESS)

    assert examination.is_sound
    assert [face.label for face in examination.result.faces] == ["happiness"]
    assert [(hint.code, hint.level) for hint in examination.hints] == [("colour", "note"), ("expected", "note")]


def test_swapped_channels_are_suspected(examine: Examine, astronaut: NDArray[np.uint8]) -> None:
    """The message has the way out."""
    examination = examine(np.ascontiguousarray(astronaut[:, :, ::-1]))

    assert warnings_of(examination).keys() == {"channels_swapped"}
    assert "image[..., ::-1]" in warnings_of(examination)["channels_swapped"]


def test_tiny_face_is_counted(examine: Examine, astronaut: NDArray[np.uint8]) -> None:
    """A face of 88 pixels has 22 in a picture a quarter as large."""
    examination = examine(resized(astronaut, 0.25))

    assert warnings_of(examination).keys() == {"tiny_face"}
    assert warnings_of(examination)["tiny_face"].startswith("1 of 1 faces have less than 32 pixels from side to side")


def test_large_picture_says_which_faces_it_loses(examine: Examine) -> None:
    """At 3200 pixels a picture is reduced five times, so that faces below 60 pixels are missed."""
    examination = examine(np.zeros((100, 3200, 3), np.uint8))

    message = warnings_of(examination)["large_picture"]
    assert "3200 x 100 pixels" in message
    assert "below some 60 pixels" in message
    assert "max_size=1280" in message


@pytest.mark.parametrize(("turns", "degrees"), [(1, 90), (2, 180), (3, 270)])
def test_picture_on_its_side_is_seen_from_the_eyes(
    turns: int, degrees: int, examine: Examine, astronaut: NDArray[np.uint8]
) -> None:
    """What was turned counterclockwise has to be turned clockwise."""
    examination = examine(np.ascontiguousarray(np.rot90(astronaut, turns)))

    assert warnings_of(examination).keys() == {"not_upright"}
    assert f"turn the picture by {degrees} degrees clockwise" in warnings_of(examination)["not_upright"]


@pytest.mark.parametrize(
    ("angles", "degrees"), [((178, -178), 180), ((88, 92, 3), 270), ((-91, 2, -89), 90), ((2, 90), 0), ((-2, 3, 89), 0)]
)
def test_turns_of_several_faces_are_counted(
    angles: tuple[float, ...], degrees: int, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most frequent quarter turn counts, on both sides of 180 degrees; of equally frequent ones, upright does."""
    faces = []
    for number, angle in enumerate(angles):
        points = 40 * np.exp(1j * np.radians(angle)) * np.array([-1 - 1j, 1 - 1j, 0, -1 + 1j, 1 + 1j]) / 2
        left = 100 * number
        first, second, third, fourth, fifth = ((left + 50 + point.real, 50 + point.imag) for point in points)
        faces.append(Face(Box(left, 0, left + 100, 100), 0.9, (first, second, third, fourth, fifth)))
    monkeypatch.setattr(CenterFaceDetector, "detect", lambda self, images: [tuple(faces)] * len(images))

    found = warnings_of(examine(np.zeros((100, 300, 3), np.uint8)))

    assert ("not_upright" in found) is bool(degrees)
    assert f"turn the picture by {degrees} degrees clockwise" in found.get("not_upright", "") or not degrees


def test_face_below_the_threshold_is_named(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], write_picture: Write
) -> None:
    """Nothing is turned where the detector finds a face that the threshold drops; a turned one must reach it too."""
    model, processor = embedded_pipeline.model, embedded_pipeline.image_processor
    pipe = pipeline(model=model, image_processor=processor, device="cpu", threshold=0.99)
    (face,) = embedded_pipeline.detector.detect([astronaut])[0]
    upside_down = np.ascontiguousarray(np.rot90(resized(astronaut, 150 / 512), 2))

    dropped = warnings_of(examine_picture(pipe, write_picture("face.png", astronaut)))
    turned = warnings_of(examine_picture(pipe, write_picture("turned.png", upside_down)))

    found = f"The detector found a face with the score {face.score:.2f}"
    assert dropped["no_face"] == f"{found}, below the pipeline's threshold of 0.99: lower that."
    assert "turned by" not in turned["no_face"]


def test_picture_without_a_face_is_turned(examine: Examine, astronaut: NDArray[np.uint8]) -> None:
    """A small face is not found upside down, and the message says that it is when the picture is turned."""
    upside_down = np.ascontiguousarray(np.rot90(resized(astronaut, 150 / 512), 2))

    examination = examine(upside_down)

    assert not examination.result.faces
    assert "turned by 180 degrees clockwise" in warnings_of(examination)["no_face"]


def test_picture_without_a_face_says_what_was_tried(examine: Examine, landscape: NDArray[np.uint8]) -> None:
    """Its size, and a lower threshold."""
    examination = examine(landscape)

    assert examination.is_sound
    message = warnings_of(examination)["no_face"]
    assert message.startswith("No face was found in 600 x 400 pixels")
    assert "lower threshold 0.2" in message


def test_small_picture_without_a_face_may_be_a_crop(examine: Examine, landscape: NDArray[np.uint8]) -> None:
    """Then another detector is the right one."""
    examination = examine(landscape[:100, :100])

    assert "use the detector whole_image" in warnings_of(examination)["no_face"]


def test_face_crops_are_examined_for_colours_alone(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], write_picture: Write
) -> None:
    """Sides of the box mean nothing where the whole picture is the face; a model of colours would rather have some."""
    processor = FerImageProcessor(color_mode="rgb", size=embedded_pipeline.image_processor.size)
    pipe = pipeline(model=embedded_pipeline.model, image_processor=processor, detector="whole_image", device="cpu")
    grey = np.repeat(astronaut[80:104, 210:234, :1], 3, axis=2)

    examination = examine_picture(pipe, write_picture("crop.png", grey))

    assert len(examination.result.faces) == 1
    assert warnings_of(examination).keys() == {"grey"}


def test_orientation_of_the_file_is_told(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """A picture that was stored on its side is read upright, with its face where it was."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # show it turned clockwise
    path = tmp_path / "phone.png"
    Image.fromarray(np.rot90(astronaut)).save(path, exif=exif)  # stored turned counterclockwise

    examination = examine_picture(embedded_pipeline, path)

    hint = next(hint for hint in examination.hints if hint.code == "turned_by_exif")
    assert hint.level == "note"
    assert "turned by 90 degrees clockwise" in hint.message
    assert [face.label for face in examination.result.faces] == ["happiness"]


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_picture_that_cannot_be_read_is_not_sound(
    content: bytes | None, embedded_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Whether there is no file or no picture in it, the reason is in the result."""
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)

    examination = examine_picture(embedded_pipeline, path)

    assert not examination.is_sound
    assert examination.result.error is not None
    assert str(path) in examination.result.error
