"""Where pictures are: files, folders of them, archives, and file systems that pyarrow reaches, by one name each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import ImageNotFoundError, ImageReadError
from fer_zoo.imaging.archives import ArchivedPicture, ArchiveReader, find_archived_pictures, is_archive
from fer_zoo.imaging.folders import PICTURE_SUFFIXES, find_pictures
from fer_zoo.imaging.read import describe_source, read_image
from fer_zoo.imaging.remote import RemotePicture, find_remote_pictures, is_remote, read_remote, shown_uri

Location: TypeAlias = str | ArchivedPicture | RemotePicture
"""A path or http(s) URL, a member of an archive, or a file on a file system of pyarrow."""


def find_locations(source: str) -> Iterator[Location | ImageReadError]:
    """Yield the pictures that a source stands for, always in the same order.

    Args:
        source: a folder, an archive (``ARCHIVE_SUFFIXES``), a URI (``s3://bucket/folder``), a picture or its URL.

    Yields:
        where a picture is, or why the source, or a part of it, has none.

    Raises:
        MissingPackageError: if the source needs pyarrow, which is not installed.
    """
    if "://" not in source and os.path.isdir(source):  # noqa: PTH112  # Path raises where it may not look
        found: Iterator[Location | ImageReadError] = (
            path if isinstance(path, ImageReadError) else str(path) for path in find_pictures(source)
        )
    elif is_remote(source):
        found = find_remote_pictures(source)
    elif "://" not in source and is_archive(source):
        found = find_archived_pictures(source)
    else:
        yield source
        return
    is_empty = True
    for location in found:
        is_empty = False
        yield location
    if is_empty:
        yield no_pictures(source)


def name_of(location: Location | ImageReadError) -> str:
    """Return the name that results and errors show."""
    if isinstance(location, ImageReadError):
        return location.source
    return describe_source(location) if isinstance(location, str) else str(location)


def shown_source(source: str) -> str:
    """Return the name of what :func:`find_locations` takes, without user name, password and the query of a URI."""
    return shown_uri(source) if is_remote(source) else describe_source(source)


def fetch(location: Location | ImageReadError, archives: ArchiveReader) -> Location | bytes | ImageReadError:
    """Return the bytes of a picture in an archive, or why there are none; everything else is returned as it is.

    Members of archives are read in their order, and so by one thread; :func:`load` does the rest, in any thread.

    Args:
        location: where the picture is.
        archives: reads members.
    """
    if not isinstance(location, ArchivedPicture):
        return location
    try:
        return archives.read(location)
    except ImageReadError as error:
        return error


def load(fetched: Location | bytes | ImageReadError, name: str, **reading: Any) -> NDArray[np.uint8] | ImageReadError:
    """Return a picture, or why it cannot be read.

    Args:
        fetched: what :func:`fetch` gave.
        name: what the error calls the picture.
        **reading: options of :func:`~fer_zoo.imaging.read_image`.

    Returns:
        RGB, ``(H, W, 3)``, or the reason.
    """
    if isinstance(fetched, ImageReadError):
        return fetched
    try:
        content = read_remote(fetched) if isinstance(fetched, RemotePicture) else fetched
        if isinstance(content, ArchivedPicture):
            with ArchiveReader() as archives:
                content = archives.read(content)
        return read_image(content, **reading)
    except ImageReadError as error:
        return type(error)(name, error.reason)


def no_pictures(source: str) -> ImageNotFoundError:
    """Return the error for a folder or archive without any picture."""
    kind = "archive" if is_archive(source) else "folder"
    return ImageNotFoundError(source, f"the {kind} has no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")


__all__ = ["Location", "fetch", "find_locations", "load", "name_of", "no_pictures", "shown_source"]
