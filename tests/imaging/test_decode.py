"""Image files: first frames, orientation, damage and limits, through ``read_image``."""

import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from fer_zoo.errors import ImageReadError, ImageTooLargeError
from fer_zoo.imaging import decode
from fer_zoo.imaging.decode import read_orientation
from fer_zoo.imaging.read import read_image

RED, BLUE = (255, 0, 0), (0, 0, 255)
LOSSY = {"JPEG": 3, "WEBP": 3, "AVIF": 3}  # largest difference of a flat colour after the round trip


def saved(picture: Image.Image, file_format: str, **options: object) -> bytes:
    """Return the picture as the bytes of a file."""
    Image.init()
    if file_format not in Image.SAVE:  # AVIF and QOI are newer than the oldest Pillow that fer-zoo allows
        pytest.skip(f"this Pillow does not write {file_format}")
    buffer = BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(height: int = 24, width: int = 20) -> Image.Image:
    """Return a picture of which no part looks like another."""
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def with_orientation(orientation: int) -> Image.Exif:
    """Return EXIF data that holds nothing but an orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def raw_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return EXIF data with entries of tag, type, count and four bytes of value, exactly as given."""
    directory = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + bytes(4)


def png_header(width: int, height: int) -> bytes:
    """Return the beginning of a PNG file that announces a size and holds no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT"


class TestFormats:
    """File formats."""

    @pytest.mark.parametrize(
        "file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "QOI", "PCX", "SGI"]
    )
    def test_colour_and_size_survive(self, file_format: str) -> None:
        """A flat picture of 5 by 4 pixels arrives in its size and colour from every format."""
        image = read_image(saved(Image.new("RGB", (5, 4), (200, 100, 50)), file_format))

        assert image.shape == (4, 5, 3)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        assert np.abs(image.astype(int) - (200, 100, 50)).max() <= LOSSY.get(file_format, 0)

    def test_cmyk_jpeg_is_not_inverted(self) -> None:
        """Cyan in a CMYK JPEG, which stores its inks inverted, is cyan."""
        image = read_image(saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=100))

        assert np.abs(image.astype(int) - (0, 255, 255)).max() <= 2

    @pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_first_frame(self, file_format: str) -> None:
        """Of an animation or of several pages, the first is read."""
        frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, BLUE)]
        options = {"lossless": True} if file_format == "WEBP" else {}

        image = read_image(saved(frames[0], file_format, save_all=True, append_images=frames[1:], **options))

        assert image.shape == (3, 4, 3)
        assert (image == RED).all()

    def test_frame_of_a_picture_is_the_current_one(self) -> None:
        """A Pillow picture that stands at its second frame is read there."""
        frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, BLUE)]
        picture = Image.open(BytesIO(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])))
        picture.seek(1)

        assert (read_image(picture) == BLUE).all()

    @pytest.mark.parametrize(
        "signature", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n", b"\x00\x00\x01\x00\x01\x00"]
    )
    def test_unsafe_formats_stay_out(self, signature: bytes) -> None:
        """PostScript, a program that Ghostscript would run, and icons are not among the formats."""
        with pytest.raises(ImageReadError, match=r"not an image of a known format \(.*JPEG.*PNG.*\)"):
            read_image(signature)

    @pytest.mark.parametrize("brand", [b"heic", b"heix"])
    def test_heic_names_the_package(self, brand: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """A picture of a phone in HEIC says which package reads it."""
        Image.init()
        monkeypatch.setattr(Image, "OPEN", {name: Image.OPEN[name] for name in Image.OPEN if name != "HEIF"})
        monkeypatch.setattr(decode, "is_installed", lambda package: False)

        with pytest.raises(ImageReadError, match="pip install pillow-heif to read it, or save it as JPEG"):
            read_image(b"\x00\x00\x00\x18ftyp" + brand + bytes(12))

    def test_heic_is_read_where_its_package_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody needs to register the package by hand; here something else with its name gives a red picture."""

        def red_picture(*_: object) -> Any:
            return Image.new("RGB", (5, 4), RED)

        def register() -> None:
            Image.OPEN["HEIF"] = (red_picture, lambda start: start[4:12] == b"ftypheic")

        package = ModuleType("pillow_heif")
        package.register_heif_opener = register  # type: ignore[attr-defined]
        package.__spec__ = ModuleSpec("pillow_heif", None)
        Image.init()
        monkeypatch.setitem(sys.modules, "pillow_heif", package)
        monkeypatch.setattr(Image, "OPEN", {name: Image.OPEN[name] for name in Image.OPEN if name != "HEIF"})

        image = read_image(b"\x00\x00\x00\x18ftypheic" + bytes(12))

        assert image.shape == (4, 5, 3)
        assert (image == RED).all()

    def test_missing_decoder_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A format whose decoder is not part of this Pillow says so."""
        Image.init()
        monkeypatch.setitem(Image.OPEN, "WEBP", (Image.OPEN["WEBP"][0], lambda _: "WebP support is not installed"))

        with pytest.raises(ImageReadError, match="WebP support is not installed"):
            read_image(b"RIFF0000WEBPVP8 ")


class TestOrientation:
    """The EXIF tag Orientation."""

    UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {  # noqa: RUF012 - a constant of the tests
        1: lambda stored: stored,
        2: lambda stored: stored[:, ::-1],
        3: lambda stored: stored[::-1, ::-1],
        4: lambda stored: stored[::-1],
        5: lambda stored: stored.swapaxes(0, 1),
        6: lambda stored: np.rot90(stored, -1),
        7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90,
    }

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
    def test_turned_clockwise(self, file_format: str) -> None:
        """With orientation 6 a row of red and blue becomes a column with red on top."""
        picture = Image.new("RGB", (2, 1), RED)
        picture.putpixel((1, 0), BLUE)

        image = read_image(saved(picture, file_format, exif=with_orientation(6)))

        assert image.tolist() == [[list(RED)], [list(BLUE)]]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_all_eight(self, orientation: int) -> None:
        """Each orientation is undone by its rotation or reflection."""
        picture = noise(2, 3)

        image = read_image(saved(picture, "PNG", exif=with_orientation(orientation)))

        assert image.tolist() == self.UPRIGHT[orientation](np.asarray(picture)).tolist()

    @pytest.mark.parametrize(("stored", "read"), [(1, 1), (6, 6), (8, 8), (99, 1), (None, 1)])
    def test_read_without_the_pixels(self, stored: int | None, read: int) -> None:
        """The number is that of the file, and 1 where it says nothing or nothing that exists; no pixel is decoded."""
        exif = Image.Exif() if stored is None else with_orientation(stored)
        content = saved(noise(), "JPEG", exif=exif)

        assert read_orientation(BytesIO(content[:-200]), "picture", 24 * 20) == read

    def test_size_is_checked_before_the_orientation_is_read(self) -> None:
        """Pillow decodes a PNG to look for EXIF data behind its pixels."""
        with pytest.raises(ImageTooLargeError, match="it has 20 x 24 pixels, above the limit of 479"):
            read_orientation(BytesIO(saved(noise(), "PNG")), "picture", 24 * 20 - 1)

    @pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "I;16"])
    def test_every_mode_turns(self, mode: str) -> None:
        """Pictures of every mode of a PNG are turned."""
        assert read_image(saved(Image.new(mode, (3, 2)), "PNG", exif=with_orientation(6))).shape == (3, 2, 3)

    def test_picture_with_exif_turns(self) -> None:
        """A Pillow picture that was opened from a file is turned too, and itself stays as it was."""
        picture = Image.open(BytesIO(saved(Image.new("RGB", (3, 2)), "JPEG", exif=with_orientation(8))))

        assert read_image(picture).shape == (3, 2, 3)
        assert picture.size == (3, 2)

    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0garbage",
            b"Exif\0\0",
            b"Exif\0\0II*\0\xff\xff\xff\x7f",
            raw_exif((274, 3, 1, b"\x63\0\0\0")),  # 99 is no orientation
            raw_exif((274, 2, 2, b"6\0\0\0")),  # text
        ],
        ids=["text", "empty", "directory far away", "unknown orientation", "orientation as text"],
    )
    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow's own word on such files
    def test_broken_exif_is_ignored(self, exif: bytes) -> None:
        """EXIF data that makes no sense leaves the picture as it is stored."""
        assert read_image(saved(Image.new("RGB", (3, 2)), "JPEG", exif=exif)).shape == (2, 3, 3)

    def test_another_bad_tag_does_not_lose_the_orientation(self) -> None:
        """The picture is turned although another tag, a resolution stored as text, cannot be used."""
        exif = raw_exif((256, 2, 4, b"ab\xff\0"), (274, 3, 1, b"\x06\0\0\0"), (282, 2, 4, b"abcd"))

        assert read_image(saved(Image.new("RGB", (3, 2)), "JPEG", exif=exif)).shape == (3, 2, 3)


class TestDamage:
    """Files that are no pictures, or no longer."""

    def test_empty(self) -> None:
        """No bytes are no picture."""
        with pytest.raises(ImageReadError, match=r"Cannot read image 'bytes \(0 bytes\)': it is empty\."):
            read_image(b"")

    def test_text(self) -> None:
        """Text is not an image, and the error lists what would be."""
        with pytest.raises(
            ImageReadError, match=r"'bytes \(12 bytes\)': it is not an image of a known format \((AVIF, )?BMP,"
        ):
            read_image(b"hello, world")

    @pytest.mark.parametrize("signature", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\x00"])
    def test_signature_alone(self, signature: bytes) -> None:
        """A file that ends after its signature is named by the format it begins like."""
        with pytest.raises(
            ImageReadError, match=r"it begins like (PNG|JPEG|GIF|BMP|TIFF), but its header cannot be read"
        ):
            read_image(signature)

    @pytest.mark.parametrize(
        ("file_format", "options"),
        [
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("GIF", {}),
            ("WEBP", {}),
            ("WEBP", {"lossless": True}),
            ("BMP", {}),
            ("TIFF", {}),
            ("PPM", {}),
            ("AVIF", {}),
        ],
    )
    def test_a_file_cut_short_never_gives_another_picture(self, file_format: str, options: dict[str, object]) -> None:
        """Wherever a file is cut, it is an error, unless all its pixels were still there."""
        data = saved(noise(), file_format, **options)
        whole = read_image(data)

        for length in range(1, len(data), 7):
            try:
                image = read_image(data[:length])
            except ImageReadError:
                continue
            assert image.tolist() == whole.tolist(), length

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
    def test_half_a_file_is_an_error(self, file_format: str) -> None:
        """Half of a file is reported as damaged or cut short, with the reason of Pillow as the cause."""
        data = saved(noise(), file_format)

        with pytest.raises(ImageReadError, match=r"damaged, cut short|header cannot be read") as caught:
            read_image(data[: len(data) // 2])

        assert caught.value.__cause__ is not None

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM", "QOI", "PCX"])
    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")
    def test_random_damage_is_a_picture_or_an_error(self, file_format: str) -> None:
        """Changed bytes lead to some picture or to an ImageReadError, never to another exception."""
        generator = np.random.default_rng(1)
        data = np.frombuffer(saved(noise(), file_format), dtype=np.uint8)

        for _ in range(60):
            damaged = data.copy()
            places = generator.integers(0, min(len(data), generator.choice([32, 200, len(data)])), 3)
            damaged[places] = generator.integers(0, 256, 3)
            try:
                image = read_image(damaged.tobytes(), max_pixels=100_000)
            except ImageReadError:
                continue
            assert image.dtype == np.uint8

    def test_warning_as_error_becomes_a_read_error(self) -> None:
        """Where a program turns warnings into errors, what Pillow warns of is an ImageReadError."""
        exif = raw_exif((282, 5, 1, struct.pack("<I", 99_999)))  # a resolution beyond the end of the file
        data = saved(Image.new("RGB", (3, 2)), "JPEG", exif=exif)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageReadError, match="decoding failed"):
                read_image(data)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the open files in /proc")
    def test_no_file_stays_open(self, tmp_path: Path) -> None:
        """Neither a good file nor a damaged one is open after it was read."""
        data = saved(noise(), "TIFF", compression="tiff_lzw")
        good, bad = tmp_path / "good.tif", tmp_path / "bad.tif"
        good.write_bytes(data)
        bad.write_bytes(data[:-50])
        before = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers, not paths

        read_image(good)
        with pytest.raises(ImageReadError):
            read_image(bad)

        assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


class TestPixelLimit:
    """The limit on the number of pixels."""

    def test_header_decides_before_decoding(self) -> None:
        """A file that announces too many pixels is refused although it holds none, and the option is named."""
        with pytest.raises(
            ImageTooLargeError, match=r"30000 x 20000 pixels, above the limit of 100000000; raise max_pixels"
        ):
            read_image(png_header(30_000, 20_000))

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
    def test_limit_is_inclusive(self, file_format: str) -> None:
        """A picture of exactly the limit is read, one pixel less is too little."""
        data = saved(Image.new("RGB", (5, 4)), file_format)

        assert read_image(data, max_pixels=20).shape == (4, 5, 3)
        with pytest.raises(ImageTooLargeError, match="5 x 4 pixels, above the limit of 19"):
            read_image(data, max_pixels=19)

    def test_limit_holds_for_pictures_and_arrays(self) -> None:
        """What is in memory already is held to the same limit."""
        with pytest.raises(ImageTooLargeError):
            read_image(Image.new("L", (5, 4)), max_pixels=19)
        with pytest.raises(ImageTooLargeError):
            read_image(np.zeros((4, 5, 3), dtype=np.uint8), max_pixels=19)

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
    def test_no_warning_above_the_limit_of_pillow(self, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between Pillow's limit and ours a picture is read without DecompressionBombWarning."""
        data = saved(Image.new("RGB", (5, 4)), file_format)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            image = read_image(data)

        assert image.shape == (4, 5, 3)
        assert caught == []

    def test_our_limit_may_exceed_the_one_of_pillow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A PNG of more than twice Pillow's limit is read, because max_pixels allows it."""
        data = saved(Image.new("RGB", (5, 4)), "PNG")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)

        assert read_image(data).shape == (4, 5, 3)

    def test_limit_of_a_plugin_is_a_clear_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where a plugin of Pillow refuses by itself, the error names both limits."""
        data = saved(Image.new("RGB", (5, 4)), "TIFF")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)

        with pytest.raises(ImageTooLargeError, match=r"raise max_pixels and PIL\.Image\.MAX_IMAGE_PIXELS"):
            read_image(data)

    def test_threads_do_not_disturb_each_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Eight threads read pictures above Pillow's limit, and the warning filters and the limit stay as they were."""
        data = saved(noise(), "TIFF")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
        filters = list(warnings.filters)

        with ThreadPoolExecutor(8) as pool:
            images = list(pool.map(read_image, [data] * 64))

        assert all((image == images[0]).all() for image in images)
        assert list(warnings.filters) == filters
        assert Image.MAX_IMAGE_PIXELS == 400
