"""What is written of a video: each file is there whole, or not at all.

A file is written beside its place and renamed at the end, when all others are whole too. Where the work is stopped
before the end, a valid file with all that was done until then is renamed too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines.video.reader import VideoFrame
from fer_zoo.video_results import FrameResult, Segment
from fer_zoo.whole_files import check_place, partial_path, put_in_place


class Output(Protocol):
    """Something that is written while a video is analysed."""

    def write(self, frame: VideoFrame | None, result: FrameResult, ended: list[Segment]) -> None:
        """Take the next frame.

        Args:
            frame: its picture; ``None`` with the result that only says what could not be read.
            result: its faces.
            ended: the segments that ended with it.
        """

    def finish(self, ended: list[Segment]) -> None:
        """Make the file whole, still beside its place.

        Args:
            ended: the segments that ended with the video.
        """

    def move(self) -> None:
        """Put the whole file in its place."""

    def discard(self) -> None:
        """Leave nothing behind, and raise nothing where the disk is full."""


class PartialFile:
    """A file on its way to its place.

    Attributes:
        path: where to write until then; it has the ending of the place, also where that is a link.
        place: where the file belongs.

    Args:
        option: what errors call the place.
        place: where the file belongs; its folder is made if there is none.

    Raises:
        InvalidOptionError: if it cannot be written there.
    """

    def __init__(self, option: str, place: Path) -> None:
        self._option, self.place = option, place
        with self.told_if_not_writable():
            check_place(option, place)
            real = Path(os.path.realpath(place))
            self.path = partial_path(real.with_suffix(place.suffix))
            real.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()

    def move(self) -> None:
        """Put the file in its place, over one that is there, with its permissions; a link stays a link.

        Raises:
            InvalidOptionError: if that cannot be done.
        """
        with self.told_if_not_writable():
            put_in_place(self.path, self.place)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def told_if_not_writable(self) -> Iterator[None]:
        """Turn what the system says into an error that names the place."""
        try:
            yield
        except OSError as error:
            expected = f"a place that can be written to ({error.strerror or error})"
            raise InvalidOptionError(self._option, str(self.place), expected) from error


def check_suffix(option: str, path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse a file whose ending stands for no format that can be written.

    Args:
        option: what the error calls the file.
        path: the file.
        suffixes: the endings that can be written, in small letters.

    Raises:
        InvalidOptionError: if it has another ending.
    """
    if path.suffix.lower() not in suffixes:
        raise InvalidOptionError(option, str(path), f"a file with one of {', '.join(suffixes)}")


__all__ = ["Output", "PartialFile", "check_suffix"]
