"""From a face to its crop: transforms worked out by hand, and pixels that are known."""

import json
import math
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fer_zoo.errors import InvalidOptionError
from fer_zoo.imaging.align import (
    ARCFACE_TEMPLATE,
    CROP_TEMPLATES,
    FER_PLUS_TEMPLATE,
    CropTemplate,
    Matrix,
    box_transform,
    crop_face,
    crop_transform,
    similarity_transform,
    warp,
)
from fer_zoo.results import Box, Face, Landmarks

Pixels = NDArray[np.uint8]

POINTS: Landmarks = ((30.0, 40.0), (70.0, 38.0), (52.0, 60.0), (35.0, 80.0), (66.0, 79.0))


def five(points: NDArray[np.float64]) -> Landmarks:
    """Return an array ``(5, 2)`` as landmarks."""
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth, fifth


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> Matrix:
    """Return the matrix that turns by an angle (from x towards y), scales, and then shifts."""
    cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])


def moved(points: Landmarks, matrix: Matrix) -> Landmarks:
    """Return the points under a transform."""
    return five(np.array(points) @ matrix[:, :2].T + matrix[:, 2])


def noise(height: int, width: int) -> Pixels:
    """Return a picture of random pixels, the same in every call."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


class TestSimilarityTransform:
    """From points to points."""

    def test_a_quarter_turn_worked_out_by_hand(self) -> None:
        """Turned by 90 degrees, doubled and shifted by (3, -1), the point (x, y) comes to lie on (3 - 2y, 2x - 1)."""
        source: Landmarks = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 3))
        target: Landmarks = ((3, -1), (3, 1), (1, -1), (1, 1), (-3, 3))

        matrix = similarity_transform(source, target)

        np.testing.assert_allclose(matrix, [[0, -2, 3], [2, 0, -1]], atol=1e-12)

    @pytest.mark.parametrize("degrees", [0, 30, 90, 179, 180, -45])
    @pytest.mark.parametrize("scale", [0.01, 1, 7.5])
    @pytest.mark.parametrize("shift", [(0, 0), (12.5, -300)])
    def test_recovers_rotation_scale_and_shift(self, degrees: float, scale: float, shift: tuple[float, float]) -> None:
        """Points that were moved by a similarity give that similarity back."""
        matrix = similarity(degrees, scale, shift)

        np.testing.assert_allclose(similarity_transform(POINTS, moved(POINTS, matrix)), matrix, rtol=1e-9, atol=1e-9)

    def test_noisy_points_give_the_least_squares_solution(self) -> None:
        """The matrix is the one that numpy finds for x' = a x - b y + c and y' = b x + a y + d."""
        rng = np.random.default_rng(0)
        target = five(np.array(moved(POINTS, similarity(20, 1.5, (4, -9)))) + rng.normal(0, 3, (5, 2)))
        rows = [row for x, y in POINTS for row in ((x, -y, 1, 0), (y, x, 0, 1))]

        matrix = similarity_transform(POINTS, target)

        a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(target).ravel(), rcond=None)[0]
        np.testing.assert_allclose(matrix, [[a, -b, c], [b, a, d]], rtol=1e-9)

    def test_never_mirrors(self) -> None:
        """Even if the mirror image fits better, points are only turned and scaled: the determinant is positive."""
        mirrored = five(np.array(POINTS) * [-1, 1])

        matrix = similarity_transform(POINTS, mirrored)

        assert np.linalg.det(matrix[:, :2]) > 0
        assert matrix[0, 0] == matrix[1, 1]
        assert matrix[0, 1] == -matrix[1, 0]

    @pytest.mark.parametrize("point", [(0.0, 0.0), (12.5, 7.0), (336.41135493437, 33.53817558214844)])
    def test_coincident_points_are_refused(self, point: tuple[float, float]) -> None:
        """Five times the same point has no direction and no size, whatever the point is."""
        source = (point, point, point, point, point)
        message = f"Invalid value {source} for landmarks: expected at least two different points."

        with pytest.raises(InvalidOptionError, match=f"^{re.escape(message)}$"):
            similarity_transform(source, POINTS)


class TestBoxTransform:
    """From a box to a crop."""

    def test_square_around_a_tall_box(self) -> None:
        """The box from (10, 20) to (30, 60) has a square from (0, 20) to (40, 60), doubled onto a crop of 80."""
        matrix = box_transform(Box(10, 20, 30, 60), 80)

        np.testing.assert_allclose(matrix, [[2, 0, 0], [0, 2, -40]])

    def test_square_around_a_wide_box(self) -> None:
        """The box from (20, 10) to (60, 30) has a square from (20, 0) to (60, 40), halved onto a crop of 20."""
        matrix = box_transform(Box(20, 10, 60, 30), 20)

        np.testing.assert_allclose(matrix, [[0.5, 0, -10], [0, 0.5, 0]])

    def test_margin_is_added_on_each_side(self) -> None:
        """A quarter of the side 40 on each side makes a square of 60 from (-10, 10), doubled onto a crop of 120."""
        matrix = box_transform(Box(10, 20, 30, 60), 120, margin=0.25)

        np.testing.assert_allclose(matrix, [[2, 0, 20], [0, 2, -20]])

    @pytest.mark.parametrize("box", [Box(10, 20, 10, 60), Box(20, 10, 60, 10)])
    def test_a_line_has_a_square_around_it(self, box: Box) -> None:
        """A box without width or without height still has a longer side, of 40."""
        matrix = box_transform(box, 80)

        assert (matrix[0, 0], matrix[1, 1]) == (2, 2)

    @pytest.mark.parametrize("box", [Box(5, 5, 5, 5), Box(9, 9, 5, 5), Box(0, 0, math.nan, math.nan)])
    def test_a_box_without_extent_is_refused(self, box: Box) -> None:
        """A point, a box with its edges exchanged and one of numbers that are none cannot be enlarged."""
        message = f"Invalid value {box} for box: expected a box with a positive width or height."

        with pytest.raises(InvalidOptionError, match=f"^{re.escape(message)}$"):
            box_transform(box, 112)


class TestCropTransform:
    """From a face to a crop."""

    @pytest.mark.parametrize("template", CROP_TEMPLATES.values(), ids=CROP_TEMPLATES)
    @pytest.mark.parametrize("size", [112, 48])
    def test_landmarks_come_to_lie_on_the_template(self, template: CropTemplate, size: int) -> None:
        """Landmarks that are the template, turned, scaled and shifted, are put onto it exactly."""
        landmarks = moved(template.landmarks, similarity(-25, 90, (200, 150)))
        face = Face(Box(0, 0, 1, 1), 1.0, landmarks)

        matrix = crop_transform(face, template, size)

        np.testing.assert_allclose(moved(landmarks, matrix), np.array(template.landmarks) * size, atol=1e-9)

    def test_without_landmarks_the_box_and_its_margin_decide(self) -> None:
        """The margin is that of the template: a quarter of 40 on each side, as worked out for the box above."""
        template = CropTemplate(ARCFACE_TEMPLATE.landmarks, box_margin=0.25)

        matrix = crop_transform(Face(Box(10, 20, 30, 60), 1.0), template, 120)

        np.testing.assert_allclose(matrix, [[2, 0, 20], [0, 2, -20]])

    def test_with_landmarks_the_box_plays_no_role(self) -> None:
        """Two faces with the same landmarks and different boxes have the same crop."""
        faces = [Face(box, 1.0, POINTS) for box in (Box(0, 0, 1, 1), Box(5, 5, 5, 5))]

        first, second = (crop_transform(face, ARCFACE_TEMPLATE, 112) for face in faces)

        assert np.array_equal(first, second)


class TestWarp:
    """Drawing a picture under a transform."""

    def test_identity_gives_the_same_picture(self) -> None:
        """No pixel changes."""
        image = noise(20, 20)

        assert np.array_equal(warp(image, np.eye(2, 3), 20), image)

    def test_whole_shift_copies_pixels_and_leaves_the_outside_black(self) -> None:
        """Shifted by 3 to the left and 5 downwards, the pixels stay what they are, below five black rows."""
        image = noise(20, 30)

        crop = warp(image, np.array([[1.0, 0, -3], [0, 1, 5]]), 24)

        assert np.array_equal(crop[5:], image[:19, 3:27])
        assert not crop[:5].any()

    def test_corner_of_the_picture(self) -> None:
        """A crop that begins 10 pixels before the lower right corner has 10 x 10 pixels of it, the rest is black."""
        image = noise(20, 30)
        expected = np.zeros((24, 24, 3), np.uint8)
        expected[:10, :10] = image[10:, 20:]

        assert np.array_equal(warp(image, np.array([[1.0, 0, -20], [0, 1, -10]]), 24), expected)

    @pytest.mark.parametrize(
        ("rows", "turns"),
        [
            ([[0.0, -1.0, 16.0], [1.0, 0.0, 0.0]], -1),
            ([[-1.0, 0.0, 16.0], [0.0, -1.0, 16.0]], 2),
            ([[0.0, 1.0, 0.0], [-1.0, 0.0, 16.0]], 1),
        ],
        ids=["clockwise", "half", "anticlockwise"],
    )
    def test_quarter_turns_copy_pixels(self, rows: list[list[float]], turns: int) -> None:
        """A turn by a multiple of 90 degrees about the centre of 16 x 16 pixels is that of numpy."""
        image = noise(16, 16)

        crop = warp(image, np.array(rows), 16)

        assert np.array_equal(crop, np.rot90(image, turns))

    @pytest.mark.parametrize("scale", [3.0, 1.0, 0.5, 0.37, 0.1])
    def test_a_constant_picture_stays_constant(self, scale: float) -> None:
        """At every scale the crop of a grey picture is that grey, up to its edges."""
        image = np.full((64, 64, 3), 77, np.uint8)

        crop = warp(image, similarity(0, scale, (0, 0)), int(64 * scale))

        assert (crop == 77).all()

    @pytest.mark.parametrize("scale", [0.5, 0.3, 0.1])
    def test_a_checkerboard_becomes_its_mean(self, scale: float) -> None:
        """Black and white pixels that are too small to be seen become the grey 127.5, and no pattern arises."""
        board = (np.indices((160, 160)).sum(axis=0) % 2 * 255).astype(np.uint8)
        image = np.repeat(board[:, :, None], 3, axis=2)

        crop = warp(image, similarity(0, scale, (0, 0)), int(160 * scale))

        assert np.abs(crop[4:-4, 4:-4] - 127.5).max() <= 2

    @pytest.mark.parametrize(("scale", "size", "offset", "step"), [(0.5, 32, 1, 4), (0.25, 16, 3, 8)])
    def test_reducing_does_not_shift(self, scale: float, size: int, offset: int, step: int) -> None:
        """A ramp of 2 a pixel is 2 (x - 1/2): at scale 1/2, pixel j has its centre at x = 2j + 1, and so 4j + 1."""
        ramp = np.broadcast_to((2 * np.arange(64, dtype=np.uint8))[None, :, None], (64, 64, 3))

        crop = warp(ramp, similarity(0, scale, (0, 0)), size)

        inner = np.arange(2, size - 2)
        np.testing.assert_allclose(crop[2:-2, 2:-2, 0], np.broadcast_to(offset + step * inner, (size - 4,) * 2), atol=1)

    def test_enlarging_does_not_shift(self) -> None:
        """A ramp of 8 a pixel is 8 (x - 1/2): at scale 2, pixel j has its centre at x = j/2 + 1/4, and so 4j - 2."""
        ramp = np.broadcast_to((8 * np.arange(32, dtype=np.uint8))[None, :, None], (32, 32, 3))

        crop = warp(ramp, similarity(0, 2, (0, 0)), 64)

        expected = np.broadcast_to(4 * np.arange(6, 58) - 2, (52, 52))
        np.testing.assert_allclose(crop[6:-6, 6:-6, 0], expected, atol=1)

    def test_the_reduced_picture_lies_where_the_transform_says(self) -> None:
        """White 16 x 16, halved and shifted by (4, 6), fills columns 4 to 11 and rows 6 to 13; all else is black."""
        expected = np.zeros((20, 20, 3), np.uint8)
        expected[6:14, 4:12] = 255

        crop = warp(np.full((16, 16, 3), 255, np.uint8), similarity(0, 0.5, (4, 6)), 20)

        assert np.array_equal(crop, expected)

    @pytest.mark.parametrize("shift", [(100, 0), (-100, 0), (0, 100), (0, -100), (1e6, 1e6)], ids=str)
    @pytest.mark.parametrize("scale", [1.0, 0.5])
    def test_a_crop_beside_the_picture_is_black(self, scale: float, shift: tuple[float, float]) -> None:
        """Nothing of the picture is in sight."""
        crop = warp(np.full((20, 20, 3), 255, np.uint8), similarity(0, scale, shift), 24)

        assert np.array_equal(crop, np.zeros((24, 24, 3), np.uint8))

    def test_what_is_far_from_the_crop_does_not_matter(self) -> None:
        """A crop out of the middle of a large picture is the same if the picture is cut down around it."""
        image = noise(300, 400)
        matrix = similarity(15, 0.6, (-90, -80))
        left, top = 100, 60
        shifted = matrix @ np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])

        whole, part = warp(image, matrix, 48), warp(image[top:, left:], shifted, 48)

        assert whole.any()
        assert np.abs(whole.astype(int) - part).max() <= 1

    @pytest.mark.parametrize(("degrees", "scale"), [(0, 2), (15, 1.5), (15, 1), (0, 0.5)])
    def test_a_small_crop_is_the_middle_of_a_large_one(self, degrees: float, scale: float) -> None:
        """Pixels at the edge of a crop are drawn with all their neighbours, those outside the crop too."""
        image = noise(200, 200)
        matrix = similarity(degrees, scale, (0, 0))
        matrix[:, 2] = 32 - matrix[:, :2] @ [100, 100]
        inner = matrix - [[0, 0, 16], [0, 0, 16]]

        large, small = warp(image, matrix, 64), warp(image, inner, 32)

        assert np.abs(large[16:48, 16:48].astype(int) - small).max() <= 1

    def test_a_view_is_as_good_as_a_copy(self) -> None:
        """A picture mirrored by its strides need not lie in memory as it is read."""
        view = noise(20, 30)[:, ::-1]
        matrix = similarity(10, 0.8, (1, 2))

        assert np.array_equal(warp(view, matrix, 16), warp(view.copy(), matrix, 16))

    def test_the_picture_is_not_changed(self) -> None:
        """The pixels can be read-only, and the crop is one's own to write to."""
        image = noise(20, 20)
        image.flags.writeable = False

        crop = warp(image, np.eye(2, 3), 20)
        crop[:] = 0

        assert np.array_equal(image, noise(20, 20))


SKIN, HAIR, DARK, RED = (224, 188, 160), (90, 60, 40), (20, 20, 40), (180, 60, 70)
FEATURES: list[tuple[tuple[float, float], tuple[float, float], tuple[int, int, int]]] = [
    ((0.50, 0.50), (0.55, 0.62), HAIR),
    ((0.50, 0.58), (0.42, 0.50), SKIN),
    ((0.34, 0.46), (0.08, 0.05), DARK),
    ((0.66, 0.46), (0.08, 0.05), DARK),
    ((0.50, 0.64), (0.05, 0.09), HAIR),
    ((0.50, 0.82), (0.14, 0.05), RED),
    ((0.62, 0.70), (0.03, 0.03), DARK),  # a mole, so that the face is not its own mirror image
]


def drawn_face(matrix: Matrix, width: int, height: int) -> Pixels:
    """Draw ellipses (centre and half axes in fractions of a crop) under a transform, with soft edges."""
    picture = Image.new("RGB", (4 * width, 4 * height), (60, 120, 90))  # enlarged, so that edges fall between pixels
    draw = ImageDraw.Draw(picture)
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    for centre, axes, colour in FEATURES:
        outline = np.stack([centre[0] + axes[0] * np.cos(angles), centre[1] + axes[1] * np.sin(angles)], axis=1)
        points = outline @ matrix[:, :2].T + matrix[:, 2]
        draw.polygon([(4 * float(x), 4 * float(y)) for x, y in points], fill=colour)
    softness = 0.02 * math.sqrt(np.linalg.det(matrix[:, :2]))
    return np.array(picture.reduce(4).filter(ImageFilter.GaussianBlur(softness)))


class TestCropFace:
    """From a picture to the crop of a face."""

    @pytest.mark.parametrize("degrees", [30, -30, 180])
    @pytest.mark.parametrize("scale", [140, 320])
    def test_a_turned_face_has_the_crop_of_the_upright_one(self, degrees: float, scale: float) -> None:
        """The same face, turned and at one or nearly three times the size of the crop, differs by less than a level."""
        upright = similarity(0, 140, (180, 160))
        turned = similarity(degrees, scale, (250, 250))
        turned[:, 2] -= turned[:, :2] @ [0.5, 0.5]

        crops = [
            crop_face(
                drawn_face(matrix, 500, 500),
                Face(Box(0, 0, 1, 1), 1.0, moved(FER_PLUS_TEMPLATE.landmarks, matrix)),
                FER_PLUS_TEMPLATE,
                112,
            ).astype(float)
            for matrix in (upright, turned)
        ]

        difference = np.abs(crops[0] - crops[1])
        assert crops[0].std() > 30
        assert difference.mean() < 1
        assert difference.max() <= 10  # a crop that is off by half a pixel exceeds this
        assert np.abs(crops[0] - crops[0][:, ::-1]).max() > 50

    def test_is_the_warp_under_the_crop_transform(self) -> None:
        """The crop of a box from (10, 20) to (30, 40), without margin and at its own size, is those pixels."""
        image = noise(60, 50)

        crop = crop_face(image, Face(Box(10, 20, 30, 40), 1.0), ARCFACE_TEMPLATE, 20)

        assert np.array_equal(crop, image[20:40, 10:30])


class TestCropTemplate:
    """Where a face lies in a crop."""

    @pytest.mark.parametrize("template", CROP_TEMPLATES.values(), ids=CROP_TEMPLATES)
    def test_round_trip_through_json(self, template: CropTemplate) -> None:
        """A template that is saved as JSON and read again is the same."""
        assert CropTemplate.from_dict(json.loads(json.dumps(template.to_dict()))) == template

    def test_to_dict(self) -> None:
        """Points are lists, so that JSON gives back what it was given."""
        assert CropTemplate(((0, 0), (1, 0), (0.5, 0.5), (0, 1), (1, 1)), 0.25).to_dict() == {
            "landmarks": [[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]],
            "box_margin": 0.25,
        }

    def test_points_that_coincide_are_refused(self) -> None:
        """No face can be drawn onto one point; with two that differ it can."""
        same = [[0.5, 0.5]] * 4

        with pytest.raises(InvalidOptionError, match="for crop_template: expected 'landmarks' at different points"):
            CropTemplate.from_dict({"landmarks": [*same, [0.5, 0.5 + 1e-9]]})
        assert CropTemplate.from_dict({"landmarks": [*same, [0.5, 0.6]]}).landmarks[4] == (0.5, 0.6)

    @pytest.mark.parametrize("margin", [-0.5, -3])
    def test_margin_that_leaves_nothing_of_a_box_is_refused(self, margin: float) -> None:
        """Half of a box on each side is all of it; a little less can be cut out."""
        points = [[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]]

        with pytest.raises(InvalidOptionError, match=r"for crop_template: expected 'box_margin' above -0\.5"):
            CropTemplate.from_dict({"landmarks": points, "box_margin": margin})
        assert CropTemplate.from_dict({"landmarks": points, "box_margin": -0.4}).box_margin == -0.4

    def test_the_margin_is_zero_if_it_is_not_given(self) -> None:
        """The landmarks alone describe a template."""
        template = CropTemplate.from_dict({"landmarks": [[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]]})

        assert template == CropTemplate(((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0)), 0.0)

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"box_margin": 0.1},
            {"landmarks": None},
            {"landmarks": [[0, 0]] * 4},
            {"landmarks": [[0, 0]] * 6},
            {"landmarks": [[0, 0, 0]] * 5},
            {"landmarks": [["left", "top"]] * 5},
            {"landmarks": [[0, 0]] * 5, "box_margin": "wide"},
            {"landmarks": [[0, 0]] * 5, "box_margin": None},
        ],
        ids=[
            "empty",
            "no points",
            "None",
            "four points",
            "six points",
            "three numbers",
            "text",
            "text as margin",
            "None as margin",
        ],
    )
    def test_other_values_are_refused(self, values: dict[str, Any]) -> None:
        """What is not five points and a number is shown together with what was expected."""
        message = (
            f"Invalid value {values} for crop_template: expected 'landmarks', five points, and 'box_margin', a number."
        )

        with pytest.raises(InvalidOptionError, match=f"^{re.escape(message)}$"):
            CropTemplate.from_dict(values)

    def test_is_frozen(self) -> None:
        """The table of templates cannot be changed by accident."""
        with pytest.raises(FrozenInstanceError):
            ARCFACE_TEMPLATE.box_margin = 1.0  # type: ignore[misc]

    def test_fer_plus_is_its_own_mirror_image(self) -> None:
        """Mirrored at the middle of the crop, left and right exchange places and the nose stays."""
        left_eye, right_eye, nose, left_mouth, right_mouth = ((1 - x, y) for x, y in FER_PLUS_TEMPLATE.landmarks)

        mirrored = (right_eye, left_eye, nose, right_mouth, left_mouth)
        np.testing.assert_allclose(mirrored, FER_PLUS_TEMPLATE.landmarks, atol=1e-12)

    def test_arcface_at_112_pixels(self) -> None:
        """At its own size the template is the published five points."""
        published = [
            (38.2946, 51.6963),
            (73.5318, 51.5014),
            (56.0252, 71.7366),
            (41.5493, 92.3655),
            (70.7299, 92.2041),
        ]

        np.testing.assert_allclose(np.array(ARCFACE_TEMPLATE.landmarks) * 112, published, atol=1e-10)

    @pytest.mark.parametrize("template", CROP_TEMPLATES.values(), ids=CROP_TEMPLATES)
    def test_points_stand_in_the_order_of_landmarks(self, template: CropTemplate) -> None:
        """Left is left as seen in the picture; from top to bottom come eyes, nose and mouth, all in the crop."""
        left_eye, right_eye, nose, left_mouth, right_mouth = template.landmarks

        assert 0 < left_eye[0] < nose[0] < right_eye[0] < 1
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert 0 < max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1]) < 1
