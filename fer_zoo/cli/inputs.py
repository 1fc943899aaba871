"""From what was typed to the pictures that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fer_zoo.errors import ImageNotFoundError, ImageReadError
from fer_zoo.imaging import PICTURE_SUFFIXES, find_pictures


def expand_inputs(arguments: Iterable[str]) -> Iterator[str | ImageReadError]:
    """Yield paths and URLs: folders become the pictures below them, patterns the files that match.

    Args:
        arguments: paths, folders, patterns with ``*``, ``?`` or ``[...]``, and URLs.

    Yields:
        a path or URL, or the reason why an argument stands for none or a folder hides some.
    """
    for argument in arguments:
        if "://" in argument:
            yield argument
        elif Path(argument).is_dir():
            yield from _pictures_below(argument)
        elif has_magic(argument) and not Path(argument).exists():
            matches: list[str] = sorted(glob(argument, recursive=True))  # noqa: PTH207  # pathlib takes no absolute patterns
            if not matches:
                yield ImageNotFoundError(argument, "no file matches this pattern")
            yield from matches
        else:
            yield argument


def stem_of(source: str) -> str:
    """Return the file name of a picture without its ending, to name what is made of it.

    Args:
        source: a path or URL.
    """
    path = urlsplit(source).path if "://" in source else Path(source).as_posix()
    return PurePosixPath(path).stem or "picture"


def no_pictures(folder: str) -> ImageNotFoundError:
    """Return the error for a folder without any picture."""
    return ImageNotFoundError(folder, f"the folder has no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")


def _pictures_below(folder: str) -> Iterator[str | ImageReadError]:
    """Yield the pictures below a folder in the order of their names."""
    is_empty = True
    for found in find_pictures(folder):
        is_empty = False
        yield found if isinstance(found, ImageReadError) else str(found)
    if is_empty:
        yield no_pictures(folder)


__all__ = ["expand_inputs", "no_pictures", "stem_of"]
