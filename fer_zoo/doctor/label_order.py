"""Whether the classes of a model have the names that they should have.

A model that numbers its classes like one data set and names them like another gives confident nonsense, and nothing
about its numbers is wrong. What can be seen from outside is an order that no data set has, and an answer that would be
right in the order of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fer_zoo.doctor.hints import Hint
from fer_zoo.errors import UnknownNameError
from fer_zoo.labels import LABEL_SETS, Expression, LabelSet, parse_expression
from fer_zoo.results import FaceExpression


def check_label_order(id2label: Mapping[int, str], published: LabelSet | None = None) -> Hint:
    """Compare the names of a model's classes with the known label sets.

    Args:
        id2label: of its configuration.
        published: the label set of the registry, if it is a model of this package.
    """
    names = [id2label[index] for index in sorted(id2label)]
    shown = ", ".join(names)
    classes = _parse(names)
    if classes is None:
        message = (
            f"The classes are called {shown}, which are not all expressions. Set id2label and label2id in config.json "
            "to those of the data set that the model was trained on: get_label_set(NAME).id2label"
        )
        return Hint("label_order", "warning", message)
    if published is not None and classes != published.classes:
        expected = ", ".join(published.classes)
        return Hint("label_order", "warning", f"The classes are {shown}; the published model has {expected}.")
    known = [label_set.name for label_set in LABEL_SETS.values() if label_set.classes == classes]
    if known:
        return Hint("label_order", "note", f"The classes are in the order of {' and '.join(known)}: {shown}.")
    message = (
        f"The classes are {shown}, in the order of no known data set ({', '.join(LABEL_SETS)}). That is right only if "
        "the model was trained with classes numbered like this."
    )
    return Hint("label_order", "warning", message)


def compare_with_expected(face: FaceExpression, expected: Expression, id2label: Mapping[int, str]) -> Hint:
    """Say whether a wrong answer would be right with the classes in the order of another label set.

    Args:
        face: the answer.
        expected: what the face shows.
        id2label: of the model's configuration.
    """
    scores = {name: (rank, score) for rank, (name, score) in enumerate(face.scores, start=1)}
    if _parse([face.label]) == (expected,):
        return Hint("expected", "note", f"The model says {face.label}, as expected ({face.score:.1%}).")
    index = next(index for index, name in id2label.items() if name == face.label)
    others = [
        label_set.name
        for label_set in LABEL_SETS.values()
        if len(label_set) == len(id2label) and label_set.classes[index] == expected
    ]
    place = next((scores[name] for name in scores if _parse([name]) == (expected,)), None)
    where = "which is none of its classes" if place is None else f"which is its no. {place[0]} ({place[1]:.1%})"
    message = f"The model says {face.label} ({face.score:.1%}) instead of {expected}, {where}."
    if not others:
        return Hint("expected", "warning", f"{message} No known label order would explain that.")
    message += (
        f" Class {index} is {expected} in the order of {' and '.join(others)}: if this happens with most pictures of "
        f"{expected}, the classes are probably named in the wrong order. One picture alone proves nothing."
    )
    return Hint("expected", "warning", message)


def _parse(names: Sequence[str]) -> tuple[Expression, ...] | None:
    """Return the expressions that names stand for, or ``None`` if one stands for none."""
    try:
        return tuple(map(parse_expression, names))
    except UnknownNameError:
        return None


__all__ = ["check_label_order", "compare_with_expected"]
