"""Opening a video: a file, a stream from a URL, or a camera; and saying what is wrong with one that does not open."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, TypeAlias

from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, VideoNotFoundError, VideoReadError
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS, describe_source
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.ranges import check_positive

VideoSource: TypeAlias = "str | PathLike[str] | int"
"""A path, a URL, or the number of a camera."""

#: What a URL may begin with. FFmpeg knows more, some of which read local files or run other protocols.
SCHEMES: Final = ("http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")


PADDING: Final = 128 * 128  # pixels, the largest block of a codec
LARGEST: Final = 2**31 - 1  # what FFmpeg's options of whole numbers take at most


def describe_video(source: VideoSource) -> str:
    """Return what errors and results call a video: its path, its URL without a password, or ``camera 0``."""
    return f"camera {source}" if isinstance(source, int) else describe_source(source)


def open_container(
    source: VideoSource, *, timeout: float, max_pixels: int = DEFAULT_MAX_PIXELS, container: str | None = None
) -> Any:  # av's InputContainer; av is optional
    """Open a video for reading.

    Args:
        source: a path, a URL, or the number of a camera.
        timeout: seconds to wait for a URL, each time.
        max_pixels: largest accepted frame, in pixels.
        container: what FFmpeg calls the format of the file, such as ``mov``; by default it guesses.

    Raises:
        VideoNotFoundError: if there is no such file or camera, or the URL cannot be reached.
        VideoReadError: if it is no video: something else, empty, or sound alone.
        InvalidOptionError: if the timeout or the limit is not positive, or FFmpeg knows no such format.
        ArgumentTypeError: if the source is none of these.
        MissingPackageError: if PyAV is not installed.
    """
    ArgumentTypeError.check("source", source, (str, PathLike, int), "a path, a URL, or the number of a camera")
    check_positive(timeout=timeout, max_pixels=max_pixels)
    av, name = import_extra("av"), describe_video(source)
    if container is not None and container not in av.formats_available:
        raise InvalidOptionError("container", container, "what FFmpeg calls a format, such as mov, matroska or avi")
    try:
        opened = _open(av, source, name, timeout, container)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, VideoReadError):
            raise
        raise _translate(error, source, name) from error
    try:
        _check_streams(opened, name, max_pixels)
    except VideoReadError:
        opened.close()
        raise
    return opened


def _open(av: Any, source: VideoSource, name: str, timeout: float, container: str | None) -> Any:
    """Open a source of any kind."""
    if isinstance(source, int):
        return av.open(_camera(source, name), format="v4l2")
    path = os.fsdecode(fspath(source))
    if "://" in path:
        scheme = path.partition(":")[0].lower()
        if scheme not in SCHEMES:
            raise VideoReadError(name, f"{scheme} URLs are not supported; pass a path or one of {', '.join(SCHEMES)}")
        return av.open(path, format=container, timeout=timeout)
    if not path:
        raise VideoReadError(name, "the path is empty")
    if Path(path).is_file() and not Path(path).stat().st_size:
        raise VideoReadError(name, "the file is empty")
    return av.open(f"file:{path}", format=container)  # a path such as concat:a.mp4 would be taken for a protocol


def _camera(number: int, name: str) -> str:
    """Return the device of a camera."""
    if not sys.platform.startswith("linux"):
        raise VideoReadError(name, "cameras are read through Video4Linux, which only Linux has; pass a file or a URL")
    device = Path(f"/dev/video{number}")
    if not device.exists():
        others = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video[0-9]*"))
        there = f"there are cameras {', '.join(others)}" if others else "this machine has no camera"
        raise VideoNotFoundError(name, f"there is no {device}; {there}")
    return str(device)


def _check_streams(container: Any, name: str, max_pixels: int) -> None:
    """Refuse what has no moving picture, or too large a one."""
    stream = find_moving_picture(container)
    if stream is None:
        others = {stream.type for stream in container.streams} - {"video"}  # which is only its cover
        raise VideoReadError(name, f"it has {' and '.join(sorted(others)) or 'no stream at all'} and no video")
    if stream.codec_context is None:
        raise VideoReadError(name, "its codec is not known to this build of FFmpeg")
    check_frame_size(stream.width, stream.height, stream.sample_aspect_ratio, name, max_pixels)
    # Frames may become larger later. Decoders round sides up, so this bounds the memory, and not to the pixel.
    stream.codec_context.options = {"max_pixels": str(int(min(2 * max_pixels + PADDING, LARGEST)))}


def find_moving_picture(container: Any) -> Any:
    """Return the first stream of pictures that move, or ``None``; the cover of a song is one that does not.

    Args:
        container: the open file, of PyAV.
    """
    cover = import_extra("av.stream").Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def find_sound(container: Any) -> Any:
    """Return the first stream of sound whose codec this build of FFmpeg knows, or ``None``.

    Args:
        container: the open file, of PyAV.
    """
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def check_frame_size(width: int, height: int, aspect: Fraction | None, name: str, max_pixels: int) -> int:
    """Refuse a frame that is too large, and return the width that it will be stretched to, in pixels.

    Args:
        width: in pixels of the file.
        height: in pixels.
        aspect: how many times as wide as high a pixel is shown.
        name: what errors call the video.
        max_pixels: largest accepted frame, in pixels.

    Raises:
        VideoReadError: if it is larger.
    """
    stretched = max(1, round(width * (aspect or 1)))  # DVDs and old cameras: pixels not square
    if stretched * height > max_pixels:
        raise VideoReadError(name, f"its frames have {stretched} x {height} pixels, the limit is {max_pixels:,} in all")
    return stretched


def _translate(error: Exception, source: VideoSource, name: str) -> VideoReadError:
    """Return our error for what the system or FFmpeg says."""
    reason = reason_of(error)
    is_url = isinstance(source, str) and "://" in source
    if is_url:
        return VideoNotFoundError(name, f"the URL cannot be read ({reason})")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return VideoNotFoundError(name, "there is no such file")
    if isinstance(error, IsADirectoryError):
        return VideoReadError(name, "it is a directory; pass the files in it one by one")
    if isinstance(error, PermissionError):
        return VideoReadError(name, "permission to read it is denied")
    return VideoReadError(name, f"it is no video that FFmpeg can read, or its beginning or index is lost ({reason})")


def reason_of(error: Exception) -> str:
    """Return what the system or FFmpeg says, without the path that the caller names already."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


__all__ = [
    "SCHEMES",
    "VideoSource",
    "check_frame_size",
    "describe_video",
    "find_moving_picture",
    "find_sound",
    "open_container",
    "reason_of",
]
