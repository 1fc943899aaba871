"""Names of classes in an order that cannot be right."""

from __future__ import annotations

import pytest

from fer_zoo.doctor import check_label_order, compare_with_expected
from fer_zoo.labels import Expression, get_label_set
from fer_zoo.results import Box, Face, FaceExpression

FER_PLUS = get_label_set("fer_plus")
RAF_DB = get_label_set("raf_db")


def answer(*scores: tuple[str, float]) -> FaceExpression:
    """Return the expression of a face."""
    return FaceExpression(Face(Box(0, 0, 9, 9), 1.0), scores)


@pytest.mark.parametrize("label_set", [FER_PLUS, RAF_DB])
def test_known_order_is_named(label_set: object) -> None:
    """The order of a data set is that of the data set."""
    hint = check_label_order(label_set.id2label)  # type: ignore[attr-defined]

    assert hint.level == "note"
    assert f"in the order of {label_set.name}: " in hint.message  # type: ignore[attr-defined]


def test_other_spellings_are_the_same_expressions() -> None:
    """A model may say happy where we say happiness."""
    names = ["surprised", "Fear", "disgust", "HAPPY", "sad", "angry", "neutral"]

    hint = check_label_order(dict(enumerate(names)))

    assert hint.level == "note"
    assert "raf_db" in hint.message


@pytest.mark.parametrize(
    ("id2label", "part"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, "not all expressions. Set id2label"),
        ({0: "sadness", 1: "happiness"}, "in the order of no known data set"),
    ],
)
def test_order_that_was_never_set_or_is_unknown_is_a_warning(id2label: dict[int, str], part: str) -> None:
    """The message shows the classes."""
    hint = check_label_order(id2label)

    assert hint.level == "warning"
    assert part in hint.message
    assert ", ".join(id2label.values()) in hint.message


def test_published_model_must_have_the_order_of_the_registry() -> None:
    """The order of another data set is no excuse then."""
    assert check_label_order(FER_PLUS.id2label, FER_PLUS).level == "note"
    assert check_label_order(RAF_DB.id2label, FER_PLUS).level == "warning"


def test_answer_that_is_right_in_another_order_gives_the_order_away() -> None:
    """Class 1 is happiness for AffectNet and fear for RAF-DB; the other sets of seven have neither there."""
    face = answer(("fear", 0.9), ("happiness", 0.1))

    hint = compare_with_expected(face, Expression.HAPPINESS, RAF_DB.id2label)

    assert hint.level == "warning"
    assert "The model says fear (90.0%) instead of happiness, which is its no. 2 (10.0%)." in hint.message
    assert "Class 1 is happiness in the order of affectnet_7:" in hint.message


def test_answer_as_expected_is_a_note() -> None:
    """Also under another spelling."""
    hint = compare_with_expected(answer(("happy", 0.9)), Expression.HAPPINESS, {0: "happy"})

    assert hint.level == "note"


def test_answer_that_no_order_explains() -> None:
    """An expression that the model does not have is said to be none of its classes."""
    hint = compare_with_expected(answer(("anger", 1.0)), Expression.CONTEMPT, {0: "anger", 1: "fear"})

    assert hint.level == "warning"
    assert hint.message == (
        "The model says anger (100.0%) instead of contempt, which is none of its classes. No known label order would "
        "explain that."
    )
