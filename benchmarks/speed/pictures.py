"""The photographs: those of the user, and those that are made of one portrait in the public domain."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

PORTRAIT = Path(__file__).parents[2] / "examples" / "images" / "astronaut.png"
HEAD = (96, 0, 352, 256)  # left, top, right, bottom of the square around the face in the portrait, in pixels

GROUP_SIZE = (1280, 886)
GROUP_GRID = (3, 2)  # columns, rows

TILE = 160  # pixels
GROWTH_GRID = (8, 4)  # columns, rows; the picture is 1280 x 640 however many tiles show a face
JPEG_QUALITY = 90


def draw_group(folder: Path) -> Path:
    """Write a picture of 1280 x 886 pixels with six faces, the portrait six times, and return its path."""
    width, height = (total // number for total, number in zip(GROUP_SIZE, GROUP_GRID, strict=True))
    side = max(width, height)  # the margins of the portrait hold no part of the face
    picture = Image.new("RGB", GROUP_SIZE)
    with Image.open(PORTRAIT) as portrait:
        tile = portrait.convert("RGB").resize((side, side), Image.Resampling.LANCZOS).crop((0, 0, width, height))
    for number in range(GROUP_GRID[0] * GROUP_GRID[1]):
        row, column = divmod(number, GROUP_GRID[0])
        picture.paste(tile, (column * width, row * height))
    return _save(picture, folder / "six_faces.jpg")


def draw_faces(folder: Path, number: int) -> Path:
    """Write a picture of 1280 x 640 pixels with so many faces, up to 32, and return its path."""
    picture = Image.new("RGB", (GROWTH_GRID[0] * TILE, GROWTH_GRID[1] * TILE), "grey")
    with Image.open(PORTRAIT) as portrait:
        head = portrait.convert("RGB").crop(HEAD).resize((TILE, TILE), Image.Resampling.LANCZOS)
    for place in range(number):
        row, column = divmod(place, GROWTH_GRID[0])
        picture.paste(head, (column * TILE, row * TILE))
    return _save(picture, folder / f"{number}_faces.jpg")


def _save(picture: Image.Image, path: Path) -> Path:
    """Write a JPEG file and return its path."""
    picture.save(path, quality=JPEG_QUALITY)
    return path
