"""Folders of pictures: finding what is in them, and naming what is made of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path, PurePath
from typing import Final

from fer_zoo.errors import ImageReadError

#: Files below a folder with one of these endings are taken for pictures.
PICTURE_SUFFIXES: Final = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg"),
        *(".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"),
    }
)

Identity = tuple[int, int]  # device and inode: the same for a folder and for every link to it


def find_pictures(
    folder: str | os.PathLike[str], *, skip: str | os.PathLike[str] | None = None
) -> Iterator[Path | ImageReadError]:
    """Walk through a folder and all below it, and yield the pictures in the order of their names.

    Links to folders are followed, each folder once, and not back into one that the walk is in: a loop of links ends,
    and folders full of links to each other give no endless number of paths. A link to a picture that is gone counts as
    a picture, so that reading it says so. Pipes and devices do not count.

    Args:
        folder: where to begin.
        skip: a folder that is left out, wherever it is met.

    Yields:
        the path of a picture, or the reason why a folder cannot be looked into.
    """
    left_out: frozenset[Identity] = frozenset()
    if skip is not None and Path(skip).exists():
        left_out = frozenset({_identity(skip)})
    try:
        yield from _walk(Path(folder), left_out, set())
    except RecursionError:
        yield ImageReadError(str(folder), "folders are nested too deeply in it")


def is_picture_name(name: str) -> bool:
    """Return whether a file is taken for a picture: by its ending, and not one that macOS keeps beside a picture."""
    return PurePath(name).suffix.lower() in PICTURE_SUFFIXES and not name.startswith("._")


class FreeNames:
    """Names for files that are made from others: the one wished for, numbered where it is taken.

    Names that differ only in case count as the same, since some file systems do not tell them apart.

    Args:
        taken: names that were given before.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}

    def take(self, name: str) -> str:
        """Return a name that was not given before: ``a``, then ``a-2``, ``a-3`` and so on."""
        candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
        free = next(candidate for candidate in candidates if candidate.casefold() not in self._taken)
        self._taken.add(free.casefold())
        return free


def _walk(folder: Path, entered: frozenset[Identity], linked: set[Identity]) -> Iterator[Path | ImageReadError]:
    """Yield the pictures below a folder, unless it is one of those entered, or reached by another link already."""
    try:
        identity = _identity(folder)
        if identity in entered or (folder.is_symlink() and identity in linked):
            return
        if folder.is_symlink():
            linked.add(identity)
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield ImageReadError(str(folder), f"the folder cannot be looked into ({error.strerror})")
        return
    for entry in entries:
        path = folder / entry.name
        if _is_folder(entry):
            yield from _walk(path, entered | {identity}, linked)
        elif is_picture_name(entry.name) and _is_file(entry):
            yield path


def _identity(folder: str | os.PathLike[str]) -> Identity:
    """Return what a folder and all links to it have in common."""
    status = Path(folder).stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether this is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether this is a file, or a link that leads nowhere, which reading will complain about."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


__all__ = ["PICTURE_SUFFIXES", "FreeNames", "find_pictures", "is_picture_name"]
