"""Tiles of TIFFs, which can be larger than their picture."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from fer_zoo.errors import ImageReadError, ImageTooLargeError
from fer_zoo.imaging import read_image

WIDTH, HEIGHT, PLACES, LENGTHS, SAMPLES = 322, 323, 324, 325, 277  # tags: of tiles, and of samples for each pixel
SHORT, LONG, SIGNED_LONG8 = 3, 4, 17  # types; Pillow does not know the last
Entry = tuple[int, int, int]  # tag, type, value


def tiled(side: int, *more: Entry, is_big: bool = False, order: str = "<") -> bytes:
    """Return a TIFF of 16 x 16 grey pixels of 7 in one deflated tile, with more entries at the end of its directory."""
    content = zlib.compress(bytes([7]) * side * side)
    begin = 16 if is_big else 8
    entries: list[Entry] = [
        *((256, SHORT, 16), (257, SHORT, 16), (258, SHORT, 8), (259, SHORT, 8), (262, SHORT, 1), (SAMPLES, SHORT, 1)),
        *((WIDTH, LONG, side), (HEIGHT, LONG, side), (PLACES, LONG, 0), (LENGTHS, LONG, len(content)), *more),
    ]
    place = begin + 8 + (20 if is_big else 12) * len(entries) + 8
    head = b"II" if order == "<" else b"MM"
    if is_big:
        head += struct.pack(f"{order}HHHQ", 43, 8, 0, begin) + struct.pack(f"{order}Q", len(entries))
    else:
        head += struct.pack(f"{order}HI", 42, begin) + struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        number = struct.pack(f"{order}{'H' if kind == SHORT else 'I'}", place if tag == PLACES else value)
        head += struct.pack(f"{order}HH{'Q' if is_big else 'I'}", tag, kind, 1) + number.ljust(
            8 if is_big else 4, b"\0"
        )
    return head.ljust(place, b"\0") + content


@pytest.mark.parametrize("is_big", [False, True])
def test_tile_above_the_limit_is_refused(is_big: bool) -> None:
    """It would be decoded whole, however small the picture is; at the limit it is read."""
    data = tiled(64, is_big=is_big)

    assert (read_image(data, max_pixels=64 * 64) == np.full((16, 16, 3), 7)).all()
    with pytest.raises(ImageTooLargeError, match="its tiles have 64 x 64 pixels, above the limit of 4095; raise max_p"):
        read_image(data, max_pixels=64 * 64 - 1)


def test_other_byte_order() -> None:
    """Tiles are read, and refused, in both."""
    data = tiled(64, order=">")

    assert (read_image(data) == 7).all()
    with pytest.raises(ImageTooLargeError, match="its tiles have 64 x 64 pixels"):
        read_image(data, max_pixels=1000)


@pytest.mark.parametrize("again", [(WIDTH, LONG, 16), (HEIGHT, LONG, 16), (SAMPLES, SHORT, 1), (256, SHORT, 16)])
def test_size_that_is_there_twice_is_refused(again: Entry) -> None:
    """Pillow would take the second, and libtiff decode by the first."""
    with pytest.raises(ImageReadError, match=f"its tag {again[0]}, which says a size, is damaged or there twice"):
        read_image(tiled(64, again))


def test_size_of_a_type_that_pillow_passes_over_is_refused() -> None:
    """To Pillow there would be no tiles."""
    data = tiled(64).replace(struct.pack("<HH", WIDTH, LONG), struct.pack("<HH", WIDTH, SIGNED_LONG8))

    with pytest.raises(ImageReadError, match="its tag 322, which says a size, is damaged"):
        read_image(data)
