"""Folders for models, which are never written over a model that is there."""

from __future__ import annotations

from pathlib import Path

from fer_zoo.errors import InvalidOptionError


def refuse_used_folder(option: str, folder: Path) -> None:
    """Refuse a place that holds something already, before the work.

    Args:
        option: what messages call it.
        folder: the place.

    Raises:
        InvalidOptionError: if it is a file or a folder that is not empty.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InvalidOptionError(option, str(folder), "a new or empty folder")


__all__ = ["refuse_used_folder"]
