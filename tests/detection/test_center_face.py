"""The embedded detector on real photographs, and its decoder on maps made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.detection import CenterFaceDetector, center_face
from fer_zoo.errors import InvalidOptionError, WeightsIntegrityError
from fer_zoo.results import Face


@pytest.fixture(scope="module")
def detector() -> CenterFaceDetector:
    """Return the detector with its default options."""
    return CenterFaceDetector()


def test_astronaut_has_one_face_with_landmarks_inside_its_box(
    detector: CenterFaceDetector, astronaut: NDArray[np.uint8]
) -> None:
    """The portrait has one face, near (226, 118), with the points where eyes, nose and mouth are."""
    (faces,) = detector.detect([astronaut])

    (face,) = faces
    centre = (face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2
    assert centre == pytest.approx((226, 118), abs=5)
    assert face.score > 0.9
    assert face.landmarks is not None
    expected = [(203, 101), (247, 104), (223, 127), (203, 141), (243, 143)]  # read off the picture
    np.testing.assert_allclose(face.landmarks, expected, atol=6)


def test_group_picture_has_six_faces_surest_first(detector: CenterFaceDetector, group: NDArray[np.uint8]) -> None:
    """The group picture has six faces, sorted by their scores."""
    (faces,) = detector.detect([group])

    scores = [face.score for face in faces]
    assert len(faces) == 6
    assert scores == sorted(scores, reverse=True)


def test_landscape_has_no_face(detector: CenterFaceDetector, landscape: NDArray[np.uint8]) -> None:
    """No face is a result: an empty tuple."""
    assert detector.detect([landscape]) == [()]


def test_no_pictures_give_no_results(detector: CenterFaceDetector) -> None:
    """An empty batch gives an empty list."""
    assert detector.detect([]) == []


def test_batch_equals_one_by_one(
    detector: CenterFaceDetector,
    astronaut: NDArray[np.uint8],
    group: NDArray[np.uint8],
    landscape: NDArray[np.uint8],
) -> None:
    """Pictures of equal and of other sizes give the same faces in a batch as alone, in the order of the pictures."""
    pictures = [group, astronaut, landscape, astronaut[:, ::-1], group[::-1].copy()]

    together = detector.detect(pictures)

    alone = [detector.detect([picture])[0] for picture in pictures]
    assert [len(faces) for faces in together] == [len(faces) for faces in alone]
    for batched, single in zip(together, alone, strict=True):
        for face, other in zip(batched, single, strict=True):
            assert face.score == pytest.approx(other.score, abs=1e-4)
            assert face.landmarks is not None
            np.testing.assert_allclose(face.landmarks, np.array(other.landmarks), atol=0.01)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (33, 31), (1000, 3)])
def test_any_size_is_accepted(detector: CenterFaceDetector, size: tuple[int, int]) -> None:
    """Tiny and very narrow pictures run through and have no face."""
    assert detector.detect([np.zeros((*size, 3), np.uint8)]) == [()]


def test_boxes_are_in_pixels_of_the_original(detector: CenterFaceDetector, astronaut: NDArray[np.uint8]) -> None:
    """A picture enlarged four times is reduced inside and gives boxes four times as large."""
    enlarged = np.asarray(Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.BICUBIC))

    (small,), (large,) = detector.detect([astronaut])[0], detector.detect([enlarged])[0]

    np.testing.assert_allclose(np.array(large.landmarks) / 4, np.array(small.landmarks), atol=4)


def test_max_size_limits_what_can_be_found(group: NDArray[np.uint8]) -> None:
    """At 96 pixels the faces of the group picture are too small to be found."""
    assert len(CenterFaceDetector(max_size=96).detect([group])[0]) < 6


def test_decoder_follows_the_paper(detector: CenterFaceDetector) -> None:
    """One cell above the threshold, worked out by hand.

    Cell (row 2, column 3), offsets (0.25, -0.5), extent e^1 x e^0 cells: centre y = (2 + 0.25 + 0.5) * 4 = 11 and
    x = (3 - 0.5 + 0.5) * 4 = 12; height 4 e, width 4.
    """
    heat_map = np.zeros((8, 8), np.float32)
    heat_map[2, 3] = 0.9
    sizes, offsets, landmarks = (
        np.zeros((2, 8, 8), np.float32),
        np.zeros((2, 8, 8), np.float32),
        np.zeros((10, 8, 8), np.float32),
    )
    sizes[0] = 1.0
    offsets[0], offsets[1] = 0.25, -0.5
    landmarks[0], landmarks[1] = 0.5, 0.25  # the first point: y half a height down, x a quarter of a width in

    (face,) = detector._decode(heat_map, sizes, offsets, landmarks, 0.5)

    height = 4 * np.e
    assert face.score == pytest.approx(0.9)
    assert (face.box.left, face.box.right) == pytest.approx((20, 28))
    assert (face.box.top, face.box.bottom) == pytest.approx((22 - height, 22 + height), rel=1e-5)
    assert face.landmarks is not None
    assert face.landmarks[0] == pytest.approx((22, 22))


def test_overlapping_boxes_are_merged(detector: CenterFaceDetector) -> None:
    """Of neighbouring cells that describe one face, the surer one is kept."""
    heat_map = np.zeros((8, 8), np.float32)
    heat_map[4, 4], heat_map[4, 5] = 0.8, 0.7
    large = np.full((2, 8, 8), 1.5, np.float32)

    faces = detector._decode(heat_map, large, np.zeros((2, 8, 8), np.float32), np.zeros((10, 8, 8), np.float32), 1.0)

    assert [face.score for face in faces] == [pytest.approx(0.8)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_size": 8}, "Invalid value 8 for max_size: expected a whole number of at least 32."),
        ({"score_threshold": 2.0}, "Invalid value 2.0 for score_threshold: expected a number from 0 to 1."),
        ({"iou_threshold": -1.0}, "Invalid value -1.0 for iou_threshold: expected a number from 0 to 1."),
        ({"providers": ["NoSuchProvider"]}, "Invalid value 'NoSuchProvider' for providers: expected one of "),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    """Every option out of its range is refused with its name, its value and what was expected."""
    with pytest.raises(InvalidOptionError) as caught:
        CenterFaceDetector(**options)  # type: ignore[arg-type]

    assert str(caught.value).startswith(message)


def test_replaced_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with another checksum is not opened."""
    forged = tmp_path / "centerface.onnx"
    forged.write_bytes(b"not the network")
    monkeypatch.setattr(center_face, "network_file", lambda: forged)

    with pytest.raises(WeightsIntegrityError, match=r"centerface\.onnx.*reinstall the package"):
        CenterFaceDetector()


def test_results_are_plain_python(detector: CenterFaceDetector, astronaut: NDArray[np.uint8]) -> None:
    """Boxes, scores and points hold Python floats, not numpy's."""
    face: Face = detector.detect([astronaut])[0][0]

    assert face.landmarks is not None
    values = [face.score, *face.box.to_dict().values(), *(value for point in face.landmarks for value in point)]
    assert {type(value) for value in values} == {float}
