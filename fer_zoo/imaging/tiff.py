"""What a TIFF makes its decoder hold in memory, which may be more than its picture.

Tiles are decoded whole, and their size is a tag of its own: a picture of a few pixels can lie in a tile of a billion.
The header is read by Pillow, and once more by libtiff, which takes some files otherwise: of a tag that is there twice
it takes the first value, where Pillow takes the last. So a file of which the two could see different sizes is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Final, cast

from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    IMAGELENGTH,
    IMAGEWIDTH,
    SAMPLESPERPIXEL,
    TILELENGTH,
    TILEWIDTH,
    TiffImageFile,
)

from fer_zoo.errors import ImageReadError, ImageTooLargeError

_SIZES: Final = frozenset({IMAGEWIDTH, IMAGELENGTH, BITSPERSAMPLE, SAMPLESPERPIXEL, TILEWIDTH, TILELENGTH})
_TYPES: Final = {3: "H", 4: "I", 16: "Q"}  # of whole numbers, as struct calls them
_BIG: Final = 43  # version of files that can be larger than 4 GB
_MOST_TAGS: Final = 65_535  # that libtiff reads


def check_tiles(picture: TiffImageFile, name: str, max_pixels: int) -> None:
    """Refuse a TIFF whose tiles are above the limit, or whose sizes are not clear.

    Args:
        picture: the picture at the frame to read, with its pixels still in the file.
        name: what errors call the input.
        max_pixels: largest accepted tile, in pixels.

    Raises:
        ImageTooLargeError: if a tile has more than ``max_pixels``.
        ImageReadError: if a tag of a size is there twice, or has a type that it cannot have.
    """
    if not picture.tile:  # it is decoded already
        return
    tags, found = picture.tag_v2, set()
    for tag, value in _sizes(picture):
        is_same = tag in tags and (tag == BITSPERSAMPLE or tags[tag] == value)
        if tag in found or value is None or not is_same:
            raise ImageReadError(name, f"its tag {tag}, which says a size, is damaged or there twice")
        found.add(tag)
    width, height = tags.get(TILEWIDTH, tags[IMAGEWIDTH]), tags.get(TILELENGTH, tags[IMAGELENGTH])
    if width * height > max_pixels:
        reason = f"its tiles have {width} x {height} pixels, above the limit of {max_pixels}"
        raise ImageTooLargeError(name, f"{reason}; raise max_pixels to read it")


def _sizes(picture: TiffImageFile) -> Iterator[tuple[int, int | None]]:
    """Yield the tags of sizes in the directory of the frame with what libtiff reads there; ``None`` is no number.

    The number of ``BITSPERSAMPLE`` may be the place of several.
    """
    file = cast(IO[bytes], picture.fp)
    before = file.tell()
    file.seek(0)
    head = file.read(4)
    order = "<" if head.startswith(b"II") else ">"
    is_big = struct.unpack(f"{order}H", head[2:]) == (_BIG,)
    number, entry = struct.Struct(order + ("Q" if is_big else "H")), struct.Struct(order + ("HHQ" if is_big else "HHI"))
    width = 8 if is_big else 4  # of a value, in bytes
    file.seek(picture.tag_v2.offset)
    (length,) = number.unpack(file.read(number.size))
    directory = file.read(min(length, _MOST_TAGS) * (entry.size + width))
    file.seek(before)
    for start in range(0, len(directory), entry.size + width):
        tag, kind, count = entry.unpack_from(directory, start)
        form = struct.Struct(order + _TYPES.get(kind, "Q"))
        is_one = kind in _TYPES and form.size <= width and (count == 1 or tag == BITSPERSAMPLE)
        if tag in _SIZES:
            yield tag, form.unpack_from(directory, start + entry.size)[0] if is_one else None


__all__ = ["check_tiles"]
