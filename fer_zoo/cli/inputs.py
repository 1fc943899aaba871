"""From what was typed to the pictures that are meant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fer_zoo.errors import ImageNotFoundError, ImageReadError
from fer_zoo.imaging import Location, find_locations
from fer_zoo.imaging.archives import ArchivedPicture, is_archive


def expand_patterns(arguments: Iterable[str]) -> Iterator[str | ImageReadError]:
    """Yield paths and URLs: patterns become what matches, the rest stays.

    Where a pattern matches a folder, what it matches below that folder is left out but for archives, as the folder
    stands for its pictures already.

    Args:
        arguments: paths, folders, archives, patterns with ``*``, ``?`` or ``[...]``, and URLs.

    Yields:
        a path or URL, or the reason why a pattern stands for none.
    """
    for argument in arguments:
        if "://" in argument or not has_magic(argument) or Path(argument).exists():
            yield argument
            continue
        matches = _without_twins(glob(argument, recursive=True))  # noqa: PTH207  # pathlib takes no absolute patterns
        if not matches:
            yield ImageNotFoundError(argument, "no file matches this pattern")
        yield from matches


def _without_twins(matches: Iterable[str]) -> list[str]:
    """Return paths in the order of their names, without those that a folder among them stands for."""
    paths = {match: Path(match) for match in matches}
    folders = {path for path in paths.values() if path.is_dir()}
    return sorted(match for match, path in paths.items() if folders.isdisjoint(path.parents) or is_archive(match))


def expand_inputs(arguments: Iterable[str]) -> Iterator[Location | ImageReadError]:
    """Yield every picture that is meant: folders and archives become the pictures in them, patterns what matches.

    Args:
        arguments: as for :func:`expand_patterns`.

    Yields:
        where a picture is, or the reason why an argument stands for none or a folder hides some.
    """
    for found in expand_patterns(arguments):
        if isinstance(found, ImageReadError):
            yield found
        else:
            yield from find_locations(found)


class SourceFiles:
    """The files that pictures are read from, so that nothing is written over one, by whichever path.

    Args:
        locations: where the pictures are; those that are no files do not count.
    """

    def __init__(self, locations: Iterable[Location]) -> None:
        paths = (location.archive if isinstance(location, ArchivedPicture) else location for location in locations)
        self._identities = {_identity(path) for path in paths if isinstance(path, str) and "://" not in path}

    def include(self, path: Path) -> bool:
        """Return whether a path is that of one of the files."""
        identity = _identity(path)
        return identity is not None and identity in self._identities


def _identity(path: str | Path) -> tuple[int, int] | None:
    """Return what tells a file from all others, or ``None`` if there is no such file."""
    try:
        status = os.stat(path)  # noqa: PTH116  # for paths of either type
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def stem_of(source: str) -> str:
    """Return the file name of a picture without its ending, to name what is made of it; ``picture`` where it has none.

    Args:
        source: a path or URL.
    """
    try:
        path = urlsplit(source).path if "://" in source else Path(source).as_posix()
    except ValueError:  # no URL: reading it gives the reason
        path = ""
    return PurePosixPath(path).stem or "picture"


__all__ = ["SourceFiles", "expand_inputs", "expand_patterns", "stem_of"]
