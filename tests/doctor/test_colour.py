"""Grey pictures, and pictures whose red and blue changed places."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_zoo import FaceExpressionPipeline
from fer_zoo.doctor import is_grey, looks_swapped
from fer_zoo.doctor.colour import check_colours, skin_fraction
from fer_zoo.results import Box, Face


def swapped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture with red and blue exchanged, as OpenCV reads it."""
    return np.ascontiguousarray(image[:, :, ::-1])


def test_grey_is_told_from_colour(astronaut: NDArray[np.uint8]) -> None:
    """Three equal channels are grey, also with the traces of colour that JPEG leaves; the portrait is not."""
    grey = np.repeat(astronaut.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    traces = np.clip(grey.astype(int) + np.array([0, 4, -4]), 0, 255).astype(np.uint8)

    assert is_grey(grey)
    assert is_grey(traces)
    assert not is_grey(astronaut)


def test_skin_has_its_range_of_chrominance() -> None:
    """A pixel with Cb 110 and Cr 155 by the equations of JPEG is skin; with red and blue exchanged it is not."""
    # (200, 150, 130): Y = 162.7, Cb = 128 + 0.564 (130 - 162.7) = 109.6, Cr = 128 + 0.713 (200 - 162.7) = 154.6
    skin = np.full((2, 2, 3), (200, 150, 130), np.uint8)
    half = np.concatenate([skin, swapped(skin)])

    assert skin_fraction(skin) == 1
    assert skin_fraction(swapped(skin)) == 0
    assert skin_fraction(half) == 0.5


@pytest.mark.parametrize("name", ["astronaut", "group"])
def test_swap_is_suspected_only_where_there_is_one(
    name: str, embedded_pipeline: FaceExpressionPipeline, request: pytest.FixtureRequest
) -> None:
    """Of photographs of seven people, and of the same with red and blue exchanged."""
    image = request.getfixturevalue(name)
    (faces,) = embedded_pipeline.find_faces([image])

    assert not looks_swapped(image, faces)
    assert looks_swapped(swapped(image), faces)


def test_swap_is_not_suspected_without_faces(astronaut: NDArray[np.uint8]) -> None:
    """Nothing is known about the colours of other things; a box outside the picture is as good as none."""
    outside = Face(Box(-50, -50, -10, -10), 0.9)

    assert not looks_swapped(swapped(astronaut), [])
    assert not looks_swapped(swapped(astronaut), [outside])


@pytest.mark.parametrize(
    ("is_picture_grey", "color_mode", "expected"),
    [
        (True, "grey", [("grey", "note")]),
        (True, "rgb", [("grey", "warning")]),
        (False, "grey", [("colour", "note")]),
        (False, "rgb", []),
    ],
)
def test_colours_matter_to_the_model(
    is_picture_grey: bool, color_mode: str, expected: list[tuple[str, str]], astronaut: NDArray[np.uint8]
) -> None:
    """Only a grey picture for a model of coloured ones is a reason to worry."""
    image = np.repeat(astronaut[:, :, :1], 3, axis=2) if is_picture_grey else astronaut

    hints = check_colours(image, [], color_mode)

    assert [(hint.code, hint.level) for hint in hints] == expected
