"""Which files of a folder are pictures, by their names alone."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

PICTURE_SUFFIXES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".png", ".tif", ".tiff", ".webp"})
"""Files with one of these endings, in any case, are taken for pictures."""


def pictures_below(folder: str | PathLike[str]) -> list[Path]:
    """Return the pictures in a folder and its subfolders, in the order of their names."""
    return sorted(
        path for path in Path(folder).rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
    )


__all__ = ["PICTURE_SUFFIXES", "pictures_below"]
