"""Results of three pictures: one with two faces, one without any, and one that could not be read."""

from __future__ import annotations

from fer_zoo.results import Box, Face, FaceExpression, ImageResult, Landmarks

LANDMARKS: Landmarks = ((12.0, 22.5), (28.0, 22.5), (20.0, 30.0), (14.0, 40.0), (26.0, 40.0))
FIRST = FaceExpression(Face(Box(10, 20, 30, 50), 0.75, LANDMARKS), (("sadness", 0.625), ("anger", 0.375)))
SECOND = FaceExpression(Face(Box(0, 1, 2, 3), 0.5), (("anger", 0.5625), ("sadness", 0.4375)), is_uncertain=True)
TWO = ImageResult("two.png", 64, 48, (FIRST, SECOND))
NONE = ImageResult("none.png", 32, 16)
BROKEN = ImageResult("broken.png", error="it is empty")

__all__ = ["BROKEN", "NONE", "TWO"]
