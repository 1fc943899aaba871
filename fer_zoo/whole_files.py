"""Files and folders that are there whole or not at all, whatever stops the program on the way.

What is written goes to a hidden name beside its place, or in a folder that is there already, and is renamed when the
disk has it, so that a power cut leaves no empty file under the name of a whole one. A program that is killed leaves at
most the hidden file, whose name ends in ``.partial`` and its own ending; a full disk or an error leaves nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from uuid import uuid4

from fer_zoo.errors import InvalidOptionError


def check_place(option: str, place: Path) -> None:
    """Refuse a place that no file can be put in; one that is free, or has a file, may have one.

    Args:
        option: what errors call it.
        place: the place.

    Raises:
        InvalidOptionError: if it is a folder, a device or a pipe.
    """
    if place.is_dir():
        raise InvalidOptionError(option, str(place), "a file, this is a folder")
    if place.exists() and not place.is_file():
        raise InvalidOptionError(option, str(place), "a file, this is a device or a pipe")


def partial_path(place: Path) -> Path:
    """Return a free hidden name beside a place, with its ending, for what is on its way there."""
    return place.with_name(f".{uuid4().hex[:16]}.partial{place.suffix}")


@contextmanager
def whole_file(path: str | PathLike[str]) -> Iterator[Path]:
    """Give a path to write a file to; it is in its place when the block has come to its end.

    A link stays a link, a file that is replaced hands its permissions on, and what is no file, such as ``/dev/null``,
    is written to directly.

    Args:
        path: the place; a file that is there is replaced.

    Raises:
        OSError: if it cannot be written, naming the place.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        yield place
        return
    partial = partial_path(place)
    try:
        with _naming(path, partial):
            yield partial
            put_in_place(partial, place)
    except BaseException:
        with suppress(OSError):  # as where a part of the path is a file: the first error says more
            partial.unlink()
        raise


def put_in_place(partial: Path, place: str | PathLike[str]) -> None:
    """Rename a file to its place when the disk has it, as :func:`whole_file` does at its end.

    A link stays a link, and a file that is replaced hands its permissions on.

    Args:
        partial: the file, on the file system of the place.
        place: where it belongs; a file that is there is replaced.

    Raises:
        OSError: if that cannot be done.
    """
    _sync(partial)
    _replace(partial, Path(os.path.realpath(place)))


def write_whole(path: str | PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file; one that is there is replaced.
        content: what will be in it.

    Raises:
        OSError: if it cannot be written, naming the place.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def whole_folder(path: str | PathLike[str]) -> Iterator[Path]:
    """Give an empty folder to write to; its files are in their place when the block has come to its end.

    A folder that is new appears in one step. In one that is there they appear one after the other, each whole, over
    those of the same name, whose permissions they take: it may be the current folder, a mount point, or stand where
    nothing else can be written.

    Args:
        path: the place; made with the folders above it if there is none.

    Raises:
        OSError: if it cannot be written, or is a file, naming the place.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(path))
    is_there = place.exists()
    partial = partial_path(place / place.name if is_there else place)
    above = [folder for folder in place.parents if not folder.exists()]
    try:
        with _naming(path, partial):
            partial.mkdir(parents=True)
            yield partial
            for file in partial.rglob("*"):
                if file.is_file():
                    _sync(file)
            if is_there:
                _move_files(partial, place)
            else:
                partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # another program may have put something there
            for folder in above:
                folder.rmdir()
        raise


def _move_files(partial: Path, place: Path) -> None:
    """Put the files of a folder into another one."""
    for found in sorted(partial.rglob("*")):
        target = place / found.relative_to(partial)
        if found.is_dir():
            target.mkdir(exist_ok=True)
        else:
            _replace(found, target)
    shutil.rmtree(partial)


def _replace(partial: Path, place: Path) -> None:
    """Put a file in its place, with the permissions of the file that is there."""
    with suppress(OSError):  # there is none, or the file system has no permissions
        partial.chmod(stat.S_IMODE(place.stat().st_mode))
    partial.replace(place)


def _sync(file: Path) -> None:
    """Wait until the disk has what was written; some file systems of networks and of user space have no such thing."""
    with file.open("rb") as opened:
        try:
            os.fsync(opened.fileno())
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
                raise


@contextmanager
def _naming(path: str | PathLike[str], partial: Path) -> Iterator[None]:
    """Let an error of the system name the place that it is about, and not what stands for that on the way."""
    try:
        yield
    except OSError as error:
        named = [Path(name) for name in (error.filename, error.filename2) if isinstance(name, str)]
        is_own = any(name.is_relative_to(partial) or partial.is_relative_to(name) for name in named)
        if error.errno is None or (named and not is_own):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


__all__ = ["check_place", "partial_path", "put_in_place", "whole_file", "whole_folder", "write_whole"]
