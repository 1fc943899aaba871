"""Damaged archives give their pictures, or reasons, and never more than the limits allow."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from fuzzing import cases, damaged
from hypothesis import given

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import read_image
from fer_zoo.imaging.archives import ArchiveReader, find_archived_pictures

#: A picture of one grey pixel.
PIXEL = b"P5 1 1 255 \x80"


def make_zip(compression: int) -> bytes:
    """Return a zip with a picture, one in a folder, and a text."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in (("a.pgm", PIXEL), ("folder/é.pgm", PIXEL * 40), ("readme.txt", b"text")):
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def make_tar(compression: str, form: int) -> bytes:
    """Return a tar with a picture, one with a long name, and a link."""
    file = BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compression}", format=form) as archive:  # type: ignore[call-overload]
        for name in ("a.pgm", "folder/" + ("long" * 40 if form != tarfile.USTAR_FORMAT else "short") + ".pgm"):
            info = tarfile.TarInfo(name)
            info.size = len(PIXEL)
            archive.addfile(info, BytesIO(PIXEL))
        link = tarfile.TarInfo("link.pgm")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return file.getvalue()


SEEDS = {
    "a.zip": [make_zip(zipfile.ZIP_STORED), make_zip(zipfile.ZIP_DEFLATED), make_zip(zipfile.ZIP_LZMA)],
    "a.tar": [make_tar("", tarfile.PAX_FORMAT), make_tar("", tarfile.GNU_FORMAT), make_tar("", tarfile.USTAR_FORMAT)],
    "a.tar.gz": [make_tar("gz", tarfile.GNU_FORMAT)],
    "a.tar.bz2": [make_tar("bz2", tarfile.GNU_FORMAT)],
    "a.tar.xz": [make_tar("xz", tarfile.PAX_FORMAT)],
}


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_archive_gives_pictures_or_reasons(name: str, tmp_path: Path, count: Callable[[], None]) -> None:
    """Listing and reading end with pictures and errors that name the archive."""
    path = tmp_path / name

    @cases()
    @given(damaged(SEEDS[name]))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        with ArchiveReader() as archives:
            for number, found in enumerate(find_archived_pictures(path)):
                assert number < 1000
                if isinstance(found, ImageReadError):
                    assert found.reason
                    continue
                try:
                    read_image(archives.read(found), max_pixels=10_000)
                except ImageReadError as error:
                    assert error.reason

    check()
