"""Pictures that are damaged, cut short or nonsense are read, or refused with a reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fuzzing import cases, damaged
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import read_image

MAX_PIXELS = 200_000

#: How small pictures of every kind are written: format, mode and options of Pillow.
KINDS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "JPEG": [("RGB", {}), ("L", {"progressive": True}), ("CMYK", {"quality": 20})],
    "PNG": [("RGB", {}), ("P", {}), ("RGBA", {}), ("I;16", {}), ("1", {})],
    "WEBP": [("RGB", {"lossless": True}), ("RGBA", {"quality": 20})],
    "GIF": [("P", {}), ("L", {"save_all": True})],
    "BMP": [("RGB", {}), ("P", {}), ("1", {})],
    "TIFF": [("RGB", {}), ("L", {"compression": "tiff_lzw"}), ("RGB", {"compression": "jpeg"}), ("F", {})],
    "PPM": [("RGB", {}), ("L", {}), ("1", {})],
    "JPEG2000": [("RGB", {}), ("L", {})],
    "AVIF": [("RGB", {})],
    "PCX": [("P", {}), ("RGB", {})],
    "SGI": [("RGB", {}), ("L", {})],
    "QOI": [("RGB", {})],
}
EXIF = Image.Exif()
EXIF[274] = 6
EXIF[271] = "a camera"


def encode(kind: str, mode: str, **options: Any) -> bytes:
    """Return a picture of 9 x 7 pixels as a file of a kind."""
    pixels = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(7, 9, 3)
    file = BytesIO()
    Image.fromarray(pixels).convert("I" if mode == "I;16" else mode).convert(mode).save(file, kind, **options)
    return file.getvalue()


def seeds_of(kind: str) -> list[bytes]:
    """Return small pictures of a kind, some with EXIF data."""
    seeds = [encode(kind, mode, **options) for mode, options in KINDS[kind]]
    if kind in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"}:
        seeds.append(encode(kind, "RGB", exif=EXIF))
    return seeds


def written_kinds() -> list[str]:
    """Return the kinds that this Pillow writes."""
    Image.init()
    return [kind for kind in KINDS if kind in Image.SAVE]


@pytest.mark.parametrize("kind", written_kinds())
def test_damaged_picture_is_read_or_refused(kind: str, count: Callable[[], None]) -> None:
    """Bytes that were a picture give an RGB array or an error with the reason, and nothing else."""
    seeds = seeds_of(kind)

    @cases()
    @given(damaged(seeds))
    def check(content: bytes) -> None:
        count()
        try:
            picture = read_image(content, max_pixels=MAX_PIXELS)
        except ImageReadError as error:
            assert error.reason
        else:
            assert picture.dtype == np.uint8
            assert picture.ndim == 3
            assert picture.shape[2] == 3
            assert 0 < picture.shape[0] * picture.shape[1] <= MAX_PIXELS

    check()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_nonsense_hides_no_picture(kind: str, count: Callable[[], None]) -> None:
    """Whatever stands in the EXIF data, the pixels are read."""

    @cases()
    @given(damaged([EXIF.tobytes(), b"Exif\x00\x00II*\x00", b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + b"\xff" * 40]))
    def check(exif: bytes) -> None:
        count()
        content = encode(kind, "RGB", exif=exif[:60_000])  # JPEG has no room for more

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of bad EXIF data
            picture = read_image(content)

        assert sorted(picture.shape) == [3, 7, 9]

    check()


def test_any_text_is_a_picture_or_refused(count: Callable[[], None]) -> None:
    """Text that is no URL of http, such as a path that cannot be, is refused with a reason."""

    @cases()
    @given(
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(
                ["file://", "data:", "ftp://", "a\x00b", "/" * 5000, "x" * 300, "~", "\ud800", "/dev/null"]
            ),
        ).filter(lambda text: "http" not in text.lower())
    )
    def check(text: str) -> None:
        count()
        with pytest.raises(ImageReadError):
            read_image(text)

    check()


def test_any_array_is_a_picture_or_refused(count: Callable[[], None]) -> None:
    """Arrays of any shape and type are converted or refused."""
    kinds = ["u1", "u2", "i1", "i4", "i8", "u8", "f2", "f4", "f8", "?", "c8", "M8[s]", "S3", "U2", "O", ">f4", ">u2"]

    @cases()
    @given(
        st.lists(st.integers(0, 5), max_size=4),
        st.sampled_from(kinds),
        st.binary(min_size=8, max_size=8),
        st.booleans(),
    )
    def check(shape: list[int], kind: str, content: bytes, is_turned: bool) -> None:
        count()
        values = np.resize(np.frombuffer(content, np.uint8), shape)
        with np.errstate(all="ignore"):
            array = np.zeros(shape, kind) if kind in {"O", "M8[s]"} else values.astype(kind)
        try:
            picture = read_image(array.T if is_turned else array)
        except ImageReadError as error:
            assert error.reason
        else:
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 3

    check()
