"""Folders of drawn photographs whose faces are white rectangles, and a detector that finds them without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.results import Box, Face


class BrightDetector:
    """Takes what is white for a face: one in the left half of a picture (score 0.9), one in the right (0.6)."""

    gives_crops = False

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return the faces of each picture, the left one first."""
        return [tuple(_bright_faces(image)) for image in images]


def _bright_faces(image: NDArray[np.uint8]) -> list[Face]:
    """Return the bounding boxes of what is white in either half."""
    middle = image.shape[1] // 2
    faces = []
    for offset, score, half in ((0, 0.9, image[:, :middle]), (middle, 0.6, image[:, middle:])):
        rows, columns = np.nonzero(half.min(axis=2) == 255)
        if len(rows):
            edges = columns.min() + offset, rows.min(), columns.max() + 1 + offset, rows.max() + 1
            faces.append(Face(Box(*map(float, edges)), score))
    return faces


def photograph(*rectangles: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a grey picture ``(60, 100, 3)`` with white rectangles: left, top, right, bottom in pixels."""
    image = np.full((60, 100, 3), 100, np.uint8)
    for left, top, right, bottom in rectangles:
        image[top:bottom, left:right] = 255
    return image


NO_FACE = photograph()
ONE_FACE = photograph((10, 10, 30, 40))
TWO_FACES = photograph((10, 10, 20, 20), (60, 5, 80, 45))


def write_photographs(folder: Path) -> None:
    """Write six files in class folders: four to crop, one without a face, and one that is no picture."""
    pictures = {
        "test/sad/two.png": TWO_FACES,
        "train/happy/1.png": ONE_FACE,
        "train/happy/2.bmp": ONE_FACE,
        "train/happy/nobody.png": NO_FACE,
        "train/sad/1.png": ONE_FACE,
    }
    for name, picture in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name)
    (folder / "train/happy/broken.jpg").write_bytes(b"no picture")


def write_many(folder: Path, number: int) -> Path:
    """Write so many pictures: with a face here, none there, of two sizes, and every tenth broken."""
    folder.mkdir(parents=True)
    for i in range(number):
        picture = ONE_FACE if i % 3 else ONE_FACE[:5]
        picture = np.pad(picture, ((0, i % 2 * 20), (0, 0), (0, 0)))
        path = folder / f"{i:03}.png"
        if i % 10 == 9:
            path.write_bytes(b"no picture")
        else:
            Image.fromarray(picture).save(path, "PNG")
    return folder


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of every file, hidden ones too, by its path in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pictures_below(folder: Path) -> list[str]:
    """Return the paths of the crops in a folder, sorted."""
    return sorted(name for name in files_below(folder) if not name.endswith((".json", ".jsonl")))


__all__ = [
    "NO_FACE",
    "ONE_FACE",
    "TWO_FACES",
    "BrightDetector",
    "files_below",
    "photograph",
    "pictures_below",
    "write_many",
    "write_photographs",
]
