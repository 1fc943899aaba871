"""Pictures inside zip and tar archives, read into memory one by one; nothing is written to the disk.

An archive comes from anywhere, so nothing in it is believed. Names are only shown. A member may not be larger than
``MAX_PICTURE_BYTES``, and neither it nor the whole of a compressed tar may expand more than ``MAX_EXPANSION``-fold.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError
from fer_zoo.imaging.folders import is_picture_name
from fer_zoo.imaging.xz import open_xz

#: Files with one of these endings are taken for archives.
ARCHIVE_SUFFIXES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

MAX_PICTURE_BYTES: Final = 200_000_000  # of one picture; the pixels have a limit of their own
MAX_EXPANSION: Final = 200  # pictures are compressed already: blank bitmaps apart, they hardly become smaller
FREE_EXPANSION: Final = 10_000_000  # bytes that a member or a tar may have whatever its compressed size
MAX_HEADER_BYTES: Final = 1_000_000  # of all headers of one member of a tar

_OPENERS: Final[dict[bytes, Callable[[Path], Any]]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": open_xz}
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DAMAGED: Final = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(RuntimeError, NotImplementedError, ValueError, IndexError),  # zipfile: encrypted, unknown method, bad names
)


@dataclass(frozen=True, slots=True)
class ArchivedPicture:
    """Where a picture is in an archive; its text is ``archive!member``.

    Attributes:
        archive: path of the archive.
        member: path in it, as it says.
        position: of a tar, where its bytes begin once decompressed; of a zip, its number in the list of contents.
        size: of the picture's file, in bytes, as the archive says.
    """

    archive: str
    member: str
    position: int
    size: int

    def __str__(self) -> str:
        """Return the name that results show."""
        return f"{self.archive}!{self.member}"


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Return whether this is an archive by its ending."""
    return os.fspath(path).lower().endswith(ARCHIVE_SUFFIXES)


def find_archived_pictures(path: str | os.PathLike[str]) -> Iterator[ArchivedPicture | ImageReadError]:
    """Yield the pictures in an archive, in its own order. Archives in it are not looked into, and links not followed.

    Args:
        path: a file with one of ``ARCHIVE_SUFFIXES``.

    Yields:
        a picture, or why the archive, or the rest of it, cannot be read.
    """
    name = os.fspath(path)
    list_members = _list_zip if name.lower().endswith(".zip") else _list_tar
    try:
        for picture in list_members(Path(path)):
            if _is_picture(picture.member):
                yield picture
    except FileNotFoundError:
        yield ImageNotFoundError(name, "there is no such file")
    except _DAMAGED as error:
        yield ImageReadError(name, f"the archive, or the rest of it, cannot be read ({error})")


class ArchiveReader:
    """Reads pictures out of archives; use it in a ``with`` statement, and from one thread.

    It keeps the archive open that it read from last. A compressed tar is decompressed forwards, so its pictures are
    best asked for in their order; any other order works, from the beginning again.
    """

    def __init__(self) -> None:
        self._path: str | None = None
        self._file: Any = None  # a ZipFile, or the decompressed stream of a tar

    def __enter__(self) -> ArchiveReader:
        """Return the reader."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the archive."""
        self._close()

    def read(self, picture: ArchivedPicture) -> bytes:
        """Return the bytes of a picture's file.

        Raises:
            ImageTooLargeError: if it is above the limits for archives.
            ImageReadError: if it cannot be read.
        """
        if picture.size > MAX_PICTURE_BYTES:
            raise ImageTooLargeError(
                str(picture), f"it has {picture.size:,} bytes, above the limit of {MAX_PICTURE_BYTES:,} in archives"
            )
        try:
            self._open(picture.archive)
            if isinstance(self._file, zipfile.ZipFile):
                return _read_zip(self._file, picture)
            self._file.seek(picture.position)
            content: bytes = self._file.read(picture.size)
        except ImageReadError:
            raise
        except _DAMAGED as error:
            raise ImageReadError(str(picture), f"it cannot be read from the archive ({error})") from error
        if len(content) < picture.size:
            raise ImageReadError(str(picture), "the archive ends in the middle of it")
        return content

    def _open(self, path: str) -> None:
        """Open an archive unless it is open."""
        if path != self._path:
            self._close()
            self._file = zipfile.ZipFile(path) if path.lower().endswith(".zip") else _open_tar(Path(path))
            self._path = path

    def _close(self) -> None:
        """Close the archive that is open."""
        if self._file is not None:
            self._file.close()
        self._path = self._file = None


class _WaryStream:
    """What tarfile reads headers from: it can neither go far beyond what the archive's size allows nor read much.

    A member may have any number of headers, and the map of a sparse one is read in blocks, so their bytes are counted
    together.

    Args:
        file: the decompressed stream.
        end: how far it may be followed, in bytes.
    """

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file = file
        self._end = end
        self._bytes_read = 0

    def begin_member(self) -> None:
        """Count the bytes of headers anew."""
        self._bytes_read = 0

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()

    def seek(self, position: int) -> int:
        """Go to a position in bytes."""
        self.check(position)
        return self._file.seek(position)

    def check(self, position: int) -> None:
        """Refuse a position in bytes that is too far away."""
        if position > self._end:
            raise tarfile.ReadError(f"it expands more than {MAX_EXPANSION}-fold, as archive bombs do")

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        if size < 0:  # a file would be read to its end
            raise tarfile.ReadError("a header has a negative size")
        self._bytes_read += size
        if self._bytes_read > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"the headers of a member have more than {MAX_HEADER_BYTES:,} bytes")
        self.check(self.tell() + size)
        return self._file.read(size)


def _is_picture(member: str) -> bool:
    """Return whether a member is a picture by its ending, and not what macOS writes beside it."""
    path = PurePosixPath(member)
    return is_picture_name(path.name) and path.parts[0] != "__MACOSX"


def _list_zip(path: Path) -> Iterator[ArchivedPicture]:
    """Yield the files of a zip; its list of contents is in memory, some 500 bytes a file."""
    with zipfile.ZipFile(path) as archive:
        for number, info in enumerate(archive.infolist()):
            if not info.is_dir():
                yield ArchivedPicture(str(path), info.filename, number, info.file_size)


def _read_zip(archive: zipfile.ZipFile, picture: ArchivedPicture) -> bytes:
    """Return a file of a zip, decompressing no more than the list of contents says."""
    info = archive.infolist()[picture.position]
    if info.compress_type not in _METHODS:  # zipfile bounds what a read decompresses for these two alone
        reason = (
            f"it is compressed by method {info.compress_type}; in zip archives only stored and deflated files are read"
        )
        raise ImageReadError(str(picture), reason)
    if info.file_size > max(MAX_EXPANSION * info.compress_size, FREE_EXPANSION):
        reason = f"it expands from {info.compress_size:,} to {info.file_size:,} bytes, as archive bombs do"
        raise ImageTooLargeError(str(picture), reason)
    with archive.open(info) as file:
        return file.read(info.file_size)  # without a size it would decompress everything, and then cut it


def _list_tar(path: Path) -> Iterator[ArchivedPicture]:
    """Yield the files of a tar without keeping their list."""
    end = max(MAX_EXPANSION * path.stat().st_size, FREE_EXPANSION)
    with _open_tar(path) as stream:
        wary, reached = _WaryStream(stream, end), 0
        archive = tarfile.open(fileobj=wary, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115 - it owns no file, and needs no more than these methods
        while (member := archive.next()) is not None:
            archive.members.clear()  # tarfile keeps every one otherwise
            archive.pax_headers.clear()  # and these, which are meant for all members; none of them says where one is
            wary.begin_member()
            if member.size < 0 or archive.offset <= reached:  # older versions of tarfile go back then, for ever
                raise tarfile.ReadError("a header has a negative size")
            reached = archive.offset
            wary.check(max(reached, member.offset_data + member.size))
            if member.isreg() and not member.issparse():
                yield ArchivedPicture(str(path), member.name, member.offset_data, member.size)


def _open_tar(path: Path) -> IO[bytes]:
    """Open a tar as a stream of decompressed bytes, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(8)
    opener = next((opener for signature, opener in _OPENERS.items() if start.startswith(signature)), None)
    stream: IO[bytes] = path.open("rb") if opener is None else opener(path)
    return stream


__all__ = [
    "ARCHIVE_SUFFIXES",
    "ArchiveReader",
    "ArchivedPicture",
    "find_archived_pictures",
    "is_archive",
]
