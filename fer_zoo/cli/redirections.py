"""The command that was meant, where a video is given to ``predict`` or a picture to ``video``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

import typer

from fer_zoo.cli.terminal import printable
from fer_zoo.imaging.folders import is_picture_name

#: Files with one of these endings are taken for videos.
VIDEO_SUFFIXES: Final = frozenset(
    {
        *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"),
    }
)


def suggest_video(sources: Iterable[object]) -> None:
    """Print the command for the first video among what could not all be read as pictures, if there is one.

    Args:
        sources: paths and URLs; anything else does not count.
    """
    for source in sources:
        if isinstance(source, str) and PurePosixPath(_path_of(source)).suffix.lower() in VIDEO_SUFFIXES:
            _suggest("a video", "video", source)
            return


def suggest_predict(source: str) -> None:
    """Print the command for a picture, if that is what was given as a video.

    Args:
        source: a path or URL, or the number of a camera.
    """
    if is_picture_name(_path_of(source)):
        _suggest("a picture", "predict", source)


def _path_of(source: str) -> str:
    """Return the path of a URL, or of a file that is there; nothing for one that is missing, whatever its kind."""
    try:
        return urlsplit(source).path if "://" in source else source if Path(source).is_file() else ""
    except (OSError, ValueError):
        return ""


def _suggest(kind: str, command: str, source: str) -> None:
    """Print a command on stderr; without the URL, which may hold a password or a token."""
    place = "URL" if "://" in source else printable(shlex.quote(source))
    typer.echo(f"note: for {kind}: fer-zoo {command} {place}", err=True)


__all__ = ["VIDEO_SUFFIXES", "suggest_predict", "suggest_video"]
