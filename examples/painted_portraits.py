"""Photographs to try things with: one portrait in changing light, as it is and with a sad mouth painted on.

    python examples/painted_portraits.py photographs

writes ``train``, ``validation`` and ``test``, each with the folders ``happy`` and ``sad``. They show that everything
runs, and nothing about faces. The portrait is NASA's of an astronaut, in the public domain.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

PORTRAIT = Path(__file__).with_name("images") / "astronaut.png"
MOUTH = (198, 130, 248, 165)  # pixels of the portrait: left, top, right, bottom
CHEEK = (200, 125)  # a pixel of the portrait that has the colour of the skin

WORDS = ("happy", "sad")

#: Pictures of each class by split.
NUMBERS = {"train": 4, "validation": 3, "test": 3}


def read_portrait() -> Image.Image:
    """Return the portrait, 512 x 512 pixels, RGB: she smiles."""
    with Image.open(PORTRAIT) as image:
        return image.convert("RGB")


def paint_sad(portrait: Image.Image) -> Image.Image:
    """Return the portrait with a mouth whose corners hang."""
    sad = portrait.copy()
    pen = ImageDraw.Draw(sad)
    pen.rounded_rectangle(MOUTH, radius=12, fill=portrait.getpixel(CHEEK))
    left, top, right, bottom = MOUTH
    pen.arc((left + 8, top + 12, right - 8, bottom + 12), 190, 350, fill=(120, 40, 40), width=5)
    return sad


def write_class(folder: Path, portrait: Image.Image, number: int, generator: np.random.Generator) -> None:
    """Write a portrait in changing light.

    Args:
        folder: of the class; must not exist yet.
        portrait: what the pictures show.
        number: how many.
        generator: of the light.
    """
    folder.mkdir(parents=True)
    for i in range(number):
        light = float(generator.uniform(0.7, 1.3))
        ImageEnhance.Brightness(portrait).enhance(light).save(folder / f"{i}.png")


def write_undecided(folder: Path, generator: np.random.Generator) -> None:
    """Write a half-painted mouth into each class, so that no model has all answers right.

    Args:
        folder: with the folders of the classes.
        generator: of the light.
    """
    halfway = Image.blend(read_portrait(), paint_sad(read_portrait()), 0.5)
    for word in WORDS:
        light = float(generator.uniform(0.9, 1.1))
        ImageEnhance.Brightness(halfway).enhance(light).save(folder / word / "undecided.png")


def write_photographs(folder: Path) -> Path:
    """Write the splits, two of them with a picture in each class that nobody could name, and return their folder."""
    generator = np.random.default_rng(0)
    portraits = (read_portrait(), paint_sad(read_portrait()))
    for split, number in NUMBERS.items():
        for word, portrait in zip(WORDS, portraits, strict=True):
            write_class(folder / split / word, portrait, number, generator)
        if split != "train":
            write_undecided(folder / split, generator)
    return folder


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="must not exist yet")
    write_photographs(parser.parse_args().folder)


if __name__ == "__main__":
    main()
