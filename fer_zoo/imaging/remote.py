"""Pictures on object stores and cluster file systems, through pyarrow: ``s3://``, ``gs://``, ``hdfs://`` and others.

Credentials and regions are found as pyarrow finds them: environment, configuration files, or the query of the URI,
such as ``s3://bucket/folder?region=eu-central-1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any, Final

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError, MissingPackageError
from fer_zoo.imaging.archives import MAX_PICTURE_BYTES
from fer_zoo.imaging.folders import is_picture_name

#: Schemes of URIs that pyarrow opens.
REMOTE_SCHEMES: Final = frozenset({"abfs", "abfss", "file", "gcs", "gs", "hdfs", "s3", "viewfs"})


@dataclass(frozen=True, slots=True)
class RemotePicture:
    """Where a picture is on a file system of pyarrow; its text is its URI, without user name, password and query.

    Attributes:
        root: the URI that leads to the file system.
        path: path on it.
        shown: the name that results show.
    """

    root: str
    path: str
    shown: str

    def __str__(self) -> str:
        """Return the name that results show."""
        return self.shown


def is_remote(source: str) -> bool:
    """Return whether this is a URI that pyarrow opens."""
    return source.partition("://")[0].lower() in REMOTE_SCHEMES and "://" in source


def find_remote_pictures(uri: str) -> Iterator[RemotePicture | ImageReadError]:
    """Yield the pictures below a folder, or the one file, in the order of their names; the names are held in memory.

    Args:
        uri: with one of ``REMOTE_SCHEMES``.

    Yields:
        a picture, or why the folder cannot be looked into.

    Raises:
        MissingPackageError: if pyarrow is not installed.
    """
    shown = shown_uri(uri)
    fs = _import_fs()
    try:
        system, path = _open_root(uri)
        kind = system.get_file_info(path).type
        if kind == fs.FileType.Directory:
            found = system.get_file_info(fs.FileSelector(path, recursive=True))
            below = (info.path for info in found if info.type == fs.FileType.File)
            names = sorted(name for name in below if is_picture_name(PurePosixPath(name).name))
        else:
            names = [path]
    except (OSError, ValueError) as error:  # ArrowInvalid, a child of ValueError, for what is no URI
        reason = _first_line(error).replace(uri, shown)  # it may repeat the URI, password and all
        yield ImageReadError(shown, f"it cannot be looked into ({reason})")
        return
    if kind == fs.FileType.NotFound:
        yield ImageNotFoundError(shown, "there is no such file or folder")
        return
    for name in names:
        yield RemotePicture(uri, name, shown.rstrip("/") + name.removeprefix(path.rstrip("/")))


def read_remote(picture: RemotePicture) -> bytes:
    """Return the bytes of a picture's file; safe to call from several threads.

    Raises:
        ImageTooLargeError: if the file is above ``MAX_PICTURE_BYTES``.
        ImageReadError: if it cannot be read.
        MissingPackageError: if pyarrow is not installed.
    """
    try:
        system, _ = _open_root(picture.root)
        with system.open_input_file(picture.path) as file:
            if file.size() > MAX_PICTURE_BYTES:
                reason = f"it has {file.size():,} bytes, above the limit of {MAX_PICTURE_BYTES:,}"
                raise ImageTooLargeError(picture.shown, reason)
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise ImageNotFoundError(picture.shown, "there is no such file") from error
    except OSError as error:
        raise ImageReadError(picture.shown, f"it cannot be read ({_first_line(error)})") from error
    return content


@lru_cache(maxsize=16)
def _open_root(uri: str) -> tuple[Any, str]:
    """Return a file system and the path on it; a client for each picture would be slow."""
    system, path = _import_fs().FileSystem.from_uri(uri)
    return system, path


def _import_fs() -> Any:  # a module without type information
    """Import ``pyarrow.fs``."""
    try:
        return import_module("pyarrow.fs")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyarrow":
            raise
        raise MissingPackageError("pyarrow", "Reading from a URI", "pip install 'fer-zoo[results]'") from error


def shown_uri(uri: str) -> str:
    """Return a URI without user name, password and query."""
    scheme, _, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _first_line(error: Exception) -> str:
    """Return the first line of an error of pyarrow, which appends where in its sources it arose."""
    return (str(error).splitlines() or [type(error).__name__])[0]


__all__ = ["REMOTE_SCHEMES", "RemotePicture", "find_remote_pictures", "is_remote", "read_remote", "shown_uri"]
