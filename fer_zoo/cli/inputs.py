"""From what was typed to the pictures that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fer_zoo.errors import ImageNotFoundError, ImageReadError
from fer_zoo.imaging import Location, find_locations


def expand_patterns(arguments: Iterable[str]) -> Iterator[str | ImageReadError]:
    """Yield paths and URLs: patterns become what matches, the rest stays.

    Args:
        arguments: paths, folders, archives, patterns with ``*``, ``?`` or ``[...]``, and URLs.

    Yields:
        a path or URL, or the reason why a pattern stands for none.
    """
    for argument in arguments:
        if "://" in argument or not has_magic(argument) or Path(argument).exists():
            yield argument
            continue
        matches: list[str] = sorted(glob(argument, recursive=True))  # noqa: PTH207  # pathlib takes no absolute patterns
        if not matches:
            yield ImageNotFoundError(argument, "no file matches this pattern")
        yield from matches


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


def stem_of(source: str) -> str:
    """Return the file name of a picture without its ending, to name what is made of it.

    Args:
        source: a path or URL.
    """
    path = urlsplit(source).path if "://" in source else Path(source).as_posix()
    return PurePosixPath(path).stem or "picture"


__all__ = ["expand_inputs", "expand_patterns", "stem_of"]
