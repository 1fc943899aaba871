"""The frozen results and their plain Python form."""

import json
import pickle
from dataclasses import FrozenInstanceError, fields

import pytest

from fer_zoo.results import Box, Face, FaceExpression, ImageResult, Landmarks

LANDMARKS: Landmarks = ((12.0, 22.5), (28.0, 22.5), (20.0, 30.0), (14.0, 40.0), (26.0, 40.0))
BOX = Box(10.0, 20.0, 30.0, 50.0)
FACE = Face(BOX, 0.75, LANDMARKS)
EXPRESSION = FaceExpression(FACE, (("happiness", 0.5), ("neutral", 0.25), ("anger", 0.125), ("fear", 0.125)))
RESULT = ImageResult("a/face.png", 64, 48, (EXPRESSION,))

EXPRESSION_AS_DICT = {
    "label": "happiness",
    "score": 0.5,
    "uncertain": False,
    "scores": [
        {"label": "happiness", "score": 0.5},
        {"label": "neutral", "score": 0.25},
        {"label": "anger", "score": 0.125},
        {"label": "fear", "score": 0.125},
    ],
    "box": {"xmin": 10.0, "ymin": 20.0, "xmax": 30.0, "ymax": 50.0},
    "landmarks": [[12.0, 22.5], [28.0, 22.5], [20.0, 30.0], [14.0, 40.0], [26.0, 40.0]],
    "face_score": 0.75,
}

every_result = pytest.mark.parametrize(
    "result", [BOX, FACE, EXPRESSION, RESULT], ids=[type(result).__name__ for result in (BOX, FACE, EXPRESSION, RESULT)]
)


@every_result
class TestEveryResult:
    """Facts that hold for each class."""

    def test_no_field_can_be_set(self, result: Box | Face | FaceExpression | ImageResult) -> None:
        """A later stage cannot write into what an earlier one found."""
        for field in fields(result):
            with pytest.raises(FrozenInstanceError):
                setattr(result, field.name, None)

    def test_no_field_can_be_deleted(self, result: Box | Face | FaceExpression | ImageResult) -> None:
        """What was found stays there."""
        for field in fields(result):
            with pytest.raises(FrozenInstanceError):
                delattr(result, field.name)

    def test_has_no_room_for_other_attributes(self, result: Box | Face | FaceExpression | ImageResult) -> None:
        """The fields are slots; there is no dictionary beside them."""
        assert not hasattr(result, "__dict__")

    def test_pickle_round_trip(self, result: Box | Face | FaceExpression | ImageResult) -> None:
        """A result that crosses to another process is equal and has the same hash."""
        copy = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own bytes

        assert copy == result
        assert hash(copy) == hash(result)


class TestBox:
    """A rectangle."""

    def test_width_and_height_are_differences_of_edges(self) -> None:
        """From 10 to 30 the width is 20, and from 20 to 50 the height is 30."""
        assert (BOX.width, BOX.height) == (20.0, 30.0)

    def test_edges_may_lie_outside_the_picture(self) -> None:
        """A box that begins before the first pixel keeps its full extent."""
        assert (Box(-5.0, -2.5, 5.0, 2.5).width, Box(-5.0, -2.5, 5.0, 2.5).height) == (10.0, 5.0)

    def test_to_dict_uses_the_names_of_transformers(self) -> None:
        """Left, top, right and bottom become xmin, ymin, xmax and ymax, in this order."""
        assert list(BOX.to_dict().items()) == [("xmin", 10.0), ("ymin", 20.0), ("xmax", 30.0), ("ymax", 50.0)]


class TestFace:
    """A face."""

    def test_landmarks_are_optional(self) -> None:
        """A detector without landmarks gives None."""
        assert Face(BOX, 1.0).landmarks is None

    def test_faces_with_equal_values_are_equal(self) -> None:
        """A face is its values: an equal one takes the same place in a set, one with another score does not."""
        assert {FACE, Face(Box(10.0, 20.0, 30.0, 50.0), 0.75, LANDMARKS)} == {FACE}
        assert Face(BOX, 0.5, LANDMARKS) != FACE


class TestFaceExpression:
    """A face with its expression."""

    def test_label_and_score_are_those_of_the_first_class(self) -> None:
        """The classes are sorted, so that the first one is the answer."""
        assert (EXPRESSION.label, EXPRESSION.score) == ("happiness", 0.5)

    def test_to_dict_holds_everything(self) -> None:
        """All classes, the box, the landmarks and the score of the detector are there."""
        assert EXPRESSION.to_dict() == EXPRESSION_AS_DICT

    @pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (4, 4), (9, 4), (None, 4)])
    def test_top_k_shortens_the_scores_alone(self, top_k: int | None, count: int) -> None:
        """The first classes remain, as many as there are; label and score stay."""
        values = EXPRESSION.to_dict(top_k=top_k)

        assert values == {**EXPRESSION_AS_DICT, "scores": EXPRESSION.to_dict()["scores"][:count]}
        assert len(values["scores"]) == count

    def test_to_dict_of_an_uncertain_expression(self) -> None:
        """The mark is a value of its own; the label stays."""
        expression = FaceExpression(FACE, EXPRESSION.scores, is_uncertain=True)

        assert expression.to_dict() == {**EXPRESSION_AS_DICT, "uncertain": True}

    def test_to_dict_of_a_face_without_landmarks(self) -> None:
        """Landmarks that are not known are None, not an empty list."""
        expression = FaceExpression(Face(BOX, 0.75), EXPRESSION.scores)

        assert expression.to_dict() == {**EXPRESSION_AS_DICT, "landmarks": None}

    def test_a_row_without_scores_is_refused(self) -> None:
        """Of what a file may hold, a face that no class was given for is none."""
        values = {"scores": [], "uncertain": False, **Face(Box(0, 0, 1, 1), 0.5).to_dict()}

        with pytest.raises(ValueError, match="a face has no scores"):
            FaceExpression.from_dict(values)


class TestImageResult:
    """The faces of a picture."""

    def test_to_dict_holds_everything(self) -> None:
        """The source is called image; each face is its own dictionary."""
        assert RESULT.to_dict() == {
            "image": "a/face.png",
            "width": 64,
            "height": 48,
            "faces": [EXPRESSION_AS_DICT],
            "error": None,
        }

    def test_top_k_reaches_the_faces(self) -> None:
        """Each face is shortened."""
        two_faces = ImageResult("a/face.png", 64, 48, (EXPRESSION, EXPRESSION))

        assert [face["scores"] for face in two_faces.to_dict(top_k=1)["faces"]] == [
            [{"label": "happiness", "score": 0.5}],
            [{"label": "happiness", "score": 0.5}],
        ]

    def test_a_picture_that_could_not_be_read(self) -> None:
        """By default there is no size and no face, and the error says why."""
        assert ImageResult("broken.png", error="Cannot read it.").to_dict() == {
            "image": "broken.png",
            "width": 0,
            "height": 0,
            "faces": [],
            "error": "Cannot read it.",
        }

    def test_a_picture_without_faces_has_no_error(self) -> None:
        """Finding nobody is a result."""
        result = ImageResult("empty.png", 64, 48)

        assert result.faces == ()
        assert result.error is None

    def test_to_dict_is_ready_for_json(self) -> None:
        """Writing it as JSON and reading it back gives the same values."""
        assert json.loads(json.dumps(RESULT.to_dict())) == RESULT.to_dict()
