"""Results drawn on pictures of unusual shapes."""

from __future__ import annotations

import numpy as np
import pytest

from fer_zoo.imaging import annotate
from fer_zoo.results import Box, Face, FaceExpression, ImageResult


@pytest.mark.parametrize("shape", [(1, 1_000_000, 3), (1_000_000, 1, 3)])
def test_letters_do_not_grow_with_a_picture_without_end(shape: tuple[int, int, int]) -> None:
    """A face in a line of a million pixels is drawn."""
    face = FaceExpression(Face(Box(0, 0, 1, 1), 1.0), (("happiness", 1.0),))

    marked = annotate(np.zeros(shape, np.uint8), ImageResult("", shape[1], shape[0], (face,)))

    assert marked.shape == shape
    assert marked[0, 0].tolist() == [0xF0, 0xE4, 0x42]
