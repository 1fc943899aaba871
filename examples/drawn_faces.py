"""Faces of lines for examples that run without data; the mouth tells the expression."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

#: Shape of the mouths: start and end of the arc in degrees, and how far it lies below the centre.
MOUTHS = {"happiness": (20, 160, 0), "sadness": (200, 340, 10), "surprise": (0, 360, 3)}


def draw_face(expression: str, generator: np.random.Generator) -> Image.Image:
    """Return a face of 48 x 48 pixels."""
    start, end, drop = MOUTHS[expression]
    skin, paint = (int(value) for value in generator.integers((150, 0), (255, 90)))
    x, y = generator.integers(-3, 4, 2)
    image = Image.new("RGB", (48, 48), (skin, skin, skin))
    pen = ImageDraw.Draw(image)
    for eye in (15, 33):
        pen.ellipse((eye + x - 2, 16 + y, eye + x + 2, 20 + y), fill=(paint,) * 3)
    pen.arc((15 + x, 24 + drop + y, 33 + x, 38 + drop + y), start, end, fill=(paint,) * 3, width=3)
    noise = generator.normal(0, 8, (48, 48, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def draw_folder(folder: Path, numbers: Mapping[str, int], *, seed: int = 0) -> Path:
    """Write faces in folders of splits and classes, and return their folder.

    Args:
        folder: where.
        numbers: how many of each expression by split.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    for split, number in numbers.items():
        for expression in MOUTHS:
            place = folder / split / expression
            place.mkdir(parents=True)
            for i in range(number):
                draw_face(expression, generator).save(place / f"{i}.png")
    return folder
