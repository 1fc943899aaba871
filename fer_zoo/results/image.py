"""What comes out: frozen results with units.

Pixels are those of the original picture, its orientation tag applied; x grows to the right and y downwards. Scores are
in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.packages import import_optional

if TYPE_CHECKING:
    import pandas
    import supervision

#: x and y in pixels.
Point = tuple[float, float]

#: Left eye, right eye, nose, left and right mouth corner, left and right as seen in the picture.
Landmarks = tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a picture.

    Attributes:
        left: x of the left edge, pixels.
        top: y of the top edge, pixels.
        right: x of the right edge, pixels.
        bottom: y of the bottom edge, pixels.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    def to_dict(self) -> dict[str, float]:
        """Return the edges under the names that transformers uses for boxes."""
        return {"xmin": self.left, "ymin": self.top, "xmax": self.right, "ymax": self.bottom}

    @classmethod
    def from_dict(cls, values: dict[str, float]) -> Box:
        """Read what :meth:`to_dict` gave."""
        return cls(values["xmin"], values["ymin"], values["xmax"], values["ymax"])


@dataclass(frozen=True, slots=True)
class Face:
    """A face that a detector found.

    Attributes:
        box: where it is.
        score: how sure the detector is, in [0, 1].
        landmarks: five points, or ``None`` if the detector gives none.
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, under the names that pipelines use."""
        return {
            "box": self.box.to_dict(),
            "landmarks": None if self.landmarks is None else [list(point) for point in self.landmarks],
            "face_score": self.score,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Face:
        """Read what :meth:`to_dict` gave; further entries are passed over."""
        landmarks: Landmarks | None = None
        if values["landmarks"] is not None:
            first, second, third, fourth, fifth = ((x, y) for x, y in values["landmarks"])
            landmarks = (first, second, third, fourth, fifth)
        return cls(Box.from_dict(values["box"]), values["face_score"], landmarks)


@dataclass(frozen=True, slots=True)
class FaceExpression:
    """A face and its expression.

    Attributes:
        face: the face.
        scores: every class with its probability, best first.
        is_uncertain: whether the highest score is below the confidence that was asked for.
    """

    face: Face
    scores: tuple[tuple[str, float], ...]
    is_uncertain: bool = False

    @property
    def label(self) -> str:
        """The class with the highest score."""
        return self.scores[0][0]

    @property
    def score(self) -> float:
        """The highest score, in [0, 1]."""
        return self.scores[0][1]

    def to_dict(self, *, top_k: int | None = None) -> dict[str, Any]:
        """Return plain Python values, as pipelines of transformers do.

        Args:
            top_k: how many entries ``scores`` has; all of them by default.
        """
        return {
            "label": self.label,
            "score": self.score,
            "uncertain": self.is_uncertain,
            "scores": [{"label": label, "score": score} for label, score in self.scores[:top_k]],
            **self.face.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FaceExpression:
        """Read what :meth:`to_dict` gave."""
        scores = tuple((str(entry["label"]), float(entry["score"])) for entry in values["scores"])
        if not scores:
            raise ValueError("a face has no scores")
        return cls(Face.from_dict(values), scores, values["uncertain"])


@dataclass(frozen=True, slots=True)
class ImageResult:
    """All faces of one picture, or the reason why it could not be read.

    Attributes:
        source: the input by a name its user would recognise, such as its path.
        width: width of the picture in pixels; 0 if it could not be read.
        height: height of the picture in pixels; 0 if it could not be read.
        faces: one entry a face, in the detector's order; empty if there is none.
        error: why the picture could not be read, or ``None``.
    """

    source: str
    width: int = 0
    height: int = 0
    faces: tuple[FaceExpression, ...] = ()
    error: str | None = None

    def to_dict(self, *, top_k: int | None = None) -> dict[str, Any]:
        """Return plain Python values, ready for JSON.

        Args:
            top_k: how many entries the ``scores`` of each face have; all of them by default.
        """
        return {
            "image": self.source,
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict(top_k=top_k) for face in self.faces],
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImageResult:
        """Read what :meth:`to_dict` gave."""
        faces = tuple(map(FaceExpression.from_dict, values["faces"]))
        return cls(values["image"], values["width"], values["height"], faces, values["error"])

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row for each face, or one for a picture without any, as :func:`fer_zoo.results.to_pandas` does.

        Raises:
            MissingPackageError: if pandas is not installed.
        """
        from fer_zoo.results.table import to_pandas  # it is made from this module

        return to_pandas([self])

    def to_supervision(self) -> supervision.Detections:
        """Return the faces as ``supervision.Detections``, for its trackers, filters and annotators.

        ``xyxy`` are the boxes in pixels, ``(N, 4)``; ``confidence`` is how sure the detector is of the face; and
        ``class_id`` numbers the model's classes in alphabetical order. ``data`` has ``class_name`` (the expression,
        which supervision's label annotator shows), ``score`` (its probability) and ``uncertain``.

        Raises:
            MissingPackageError: if supervision is not installed.
        """
        package = import_optional("supervision", "to_supervision()", "results")
        rank = [sorted(label for label, _ in face.scores).index(face.label) for face in self.faces]
        boxes = [(box.left, box.top, box.right, box.bottom) for box in (face.face.box for face in self.faces)]
        detections: supervision.Detections = package.Detections(
            xyxy=np.array(boxes, np.float32).reshape(-1, 4),
            confidence=np.array([face.face.score for face in self.faces], np.float32),
            class_id=np.array(rank, np.int64),
            data={
                "class_name": np.array([face.label for face in self.faces], np.str_),
                "score": np.array([face.score for face in self.faces], np.float64),
                "uncertain": np.array([face.is_uncertain for face in self.faces], np.bool_),
            },
        )
        return detections


def check_result(result: object) -> None:
    """Refuse what is not one result.

    Raises:
        ArgumentTypeError: if it is something else, such as a list of results or the rows of ``pipe(picture)``.
    """
    ArgumentTypeError.check("result", result, ImageResult, "one ImageResult, as pipe.analyze(picture) gives it")


def check_results(results: object) -> None:
    """Refuse what cannot hold results; each of them is looked at when it is taken.

    Raises:
        ArgumentTypeError: if it is one result, a path, or nothing that can be iterated over.
    """
    if isinstance(results, str | Mapping) or not isinstance(results, Iterable):
        expected = "a list of ImageResult, as pipe.analyze(pictures) gives it; with one result, [result]"
        raise ArgumentTypeError("results", results, expected)


__all__ = ["Box", "Face", "FaceExpression", "ImageResult", "Landmarks", "Point", "check_result", "check_results"]
