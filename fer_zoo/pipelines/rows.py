"""Results as pipelines of transformers give them: plain Python values."""

from __future__ import annotations

from typing import Any, TypeAlias

from fer_zoo.results import ImageResult

FaceRow: TypeAlias = dict[str, Any]


def to_rows(result: ImageResult, top_k: int | None = None) -> list[FaceRow]:
    """Return a result as pipelines of transformers give it.

    Args:
        result: the faces of a picture.
        top_k: how many entries ``scores`` has; all of them by default.
    """
    if result.error is not None:
        return [{"error": result.error}]
    return [face.to_dict(top_k=top_k) for face in result.faces]


__all__ = ["FaceRow", "to_rows"]
