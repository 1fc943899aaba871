"""What comes out: frozen results with units.

Pixels are those of the original picture, its orientation tag applied; x grows to the right and y downwards. Scores are
in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        landmarks = self.face.landmarks
        return {
            "label": self.label,
            "score": self.score,
            "uncertain": self.is_uncertain,
            "scores": [{"label": label, "score": score} for label, score in self.scores[:top_k]],
            "box": self.face.box.to_dict(),
            "landmarks": None if landmarks is None else [list(point) for point in landmarks],
            "face_score": self.face.score,
        }


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


__all__ = ["Box", "Face", "FaceExpression", "ImageResult", "Landmarks", "Point"]
