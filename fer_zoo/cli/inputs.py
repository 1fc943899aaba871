"""From what was typed to the pictures that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fer_zoo.errors import ImageNotFoundError
from fer_zoo.imaging import PICTURE_SUFFIXES, pictures_below


def expand_inputs(arguments: Iterable[str]) -> Iterator[str | ImageNotFoundError]:
    """Yield paths and URLs: folders become the pictures below them, patterns the files that match.

    Args:
        arguments: paths, folders, patterns with ``*``, ``?`` or ``[...]``, and URLs.

    Yields:
        a path or URL, or the reason why an argument stands for none.
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


def _pictures_below(folder: str) -> Iterator[str | ImageNotFoundError]:
    """Yield the pictures below a folder in the order of their names."""
    pictures = pictures_below(folder)
    if not pictures:
        yield ImageNotFoundError(folder, f"the folder has no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    yield from map(str, pictures)


__all__ = ["expand_inputs", "stem_of"]
