"""An image file as RGB uint8: recognised by its first bytes, measured, decoded, turned upright.

Decoding is Pillow's. Whatever it raises for a damaged file leaves here as one error that names the input.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from io import BytesIO
from threading import Lock
from typing import IO, TYPE_CHECKING, Final

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from fer_zoo.errors import ImageReadError, ImageTooLargeError
from fer_zoo.imaging.modes import picture_to_rgb
from fer_zoo.imaging.tiff import check_tiles
from fer_zoo.packages import is_installed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Photographs and pictures, by the names of their Pillow plugins; HEIF and JXL come with plugins of other packages. The
# rest of what Pillow registers stays out on purpose: EPS runs Ghostscript on the file, icons may hold a picture larger
# than they announce, and several old formats have no signature, so that any bytes may pass for them.
_FORMATS: Final = (
    *("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "QOI", "PSD", "PCX", "SGI", "SUN"),
    *("HEIF", "JXL"),
)
_SIGNATURE_BYTES: Final = 16  # what Pillow hands to the signature tests of its plugins
_HEIC_SIGNATURES: Final = frozenset({b"ftypheic", b"ftypheix"})  # bytes 4 to 12 of the file

# How videos begin: MP4 and QuickTime, Matroska and WebM, AVI.
_VIDEO: Final = re.compile(rb".{4}ftyp(iso.|mp4|qt |M4V|avc1|3g|dash|MSNV)|\x1aE\xdf\xa3|RIFF.{4}AVI ", re.DOTALL)

# What Pillow and its plugins raise for damaged files. Warning is here for programs that turn warnings into errors.
_PILLOW_ERRORS: Final = (
    *(OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, EOFError, ArithmeticError),
    *(AssertionError, RuntimeError, MemoryError, struct.error, zlib.error, Warning),
)

_TURNS: Final = {  # by the value of the EXIF tag Orientation; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_filters_lock = Lock()


def decode_file(file: IO[bytes], name: str, max_pixels: int) -> NDArray[np.uint8]:
    """Decode an image file.

    Args:
        file: the open file, at its start; it must stay open until this returns, and is left open.
        name: what errors call the input.
        max_pixels: largest accepted picture, in pixels, compared with the header before anything is decoded.

    Returns:
        Array of shape (H, W, 3), uint8, RGB: the first picture in the file, upright, on white.

    Raises:
        ImageTooLargeError: the header announces more than ``max_pixels``.
        ImageReadError: the file is empty, of no known format, damaged or cut short.
    """
    return decode_picture(_read_header(file, name), name, max_pixels)


def read_orientation(file: IO[bytes], name: str, max_pixels: int) -> int:
    """Return how the EXIF data of an image file asks for its picture to be turned.

    No pixels are decoded, but for a PNG without EXIF data before its pixels, where there may be some behind them.

    Args:
        file: the open file, at its start; it is left open.
        name: what errors call the input.
        max_pixels: largest accepted picture, in pixels, compared with the header.

    Returns:
        1 for a picture that is upright, or where nothing usable says otherwise; 2 to 8 as EXIF numbers the others.

    Raises:
        ImageTooLargeError: the header announces more than ``max_pixels``.
        ImageReadError: the file is empty, of no known format, or damaged.
    """
    picture = _read_header(file, name)
    check_pixels(picture.width, picture.height, name, max_pixels)
    orientation = _orientation(picture)
    return orientation if orientation in _TURNS else 1


def _read_header(file: IO[bytes], name: str) -> Image.Image:
    """Return a picture whose pixels are still in the file."""
    with _pillow_errors(name):
        return _identify(file if file.seekable() else BytesIO(file.read()), name)  # a named pipe cannot seek


def decode_picture(picture: Image.Image, name: str, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture of which Pillow may only have read the header, turn it upright and convert it.

    Args:
        picture: the picture at the frame to read. Its pixels are not changed, but Pillow loads them.
        name: what errors call the input.
        max_pixels: largest accepted picture, in pixels.

    Returns:
        Array of shape (H, W, 3), uint8, RGB.

    Raises:
        ImageTooLargeError: the picture has more than ``max_pixels``.
        ImageReadError: the picture has no pixels, is damaged, cut short or closed, or holds values out of range.
    """
    if not picture.width or not picture.height:
        raise ImageReadError(name, "it has no pixels")
    check_pixels(picture.width, picture.height, name, max_pixels)
    with _pillow_errors(name), _no_size_warning(picture):
        if isinstance(picture, TiffImageFile):
            check_tiles(picture, name, max_pixels)
        picture.load()
        return picture_to_rgb(_upright(picture), name)


def check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    """Raise ``ImageTooLargeError`` if a picture of this size, in pixels, is above the limit."""
    if width * height > max_pixels:
        size = f"{width} x {height} pixels"
        raise ImageTooLargeError(name, f"it has {size}, above the limit of {max_pixels}; raise max_pixels to read it")


def _identify(file: IO[bytes], name: str) -> Image.Image:
    """Read the header of an image file.

    This stands in for ``PIL.Image.open``, for two reasons. That function warns of a decompression bomb, or raises, by a
    limit of the whole process before the caller can look at the size, and neither moving the limit nor silencing the
    warning would be safe with threads. And it swallows what a plugin says about a damaged header.
    """
    signature = file.read(_SIGNATURE_BYTES)
    if not signature:
        raise ImageReadError(name, "it is empty")
    Image.init()
    if signature[4:12] in _HEIC_SIGNATURES:
        _register_heif()
    reason, cause = _unknown_format(signature), None
    for format_name in (known for known in _FORMATS if known in Image.OPEN):
        factory, accepts = Image.OPEN[format_name]
        answer = accepts(signature) if accepts else True
        if isinstance(answer, str):  # the plugin knows the format, but its decoder is not part of this Pillow
            reason = answer
        elif answer:
            file.seek(0)
            try:
                return factory(file, "")
            except (SyntaxError, LookupError, TypeError, struct.error) as error:  # as in PIL.Image.open: try the next
                reason, cause = f"it begins like {format_name}, but its header cannot be read ({error})", error
    raise ImageReadError(name, reason) from cause


def _register_heif() -> None:
    """Let Pillow read HEIC where the package for it is installed."""
    if "HEIF" not in Image.OPEN and is_installed("pillow_heif"):
        with suppress(ImportError):  # it is damaged: the picture is of an unknown format
            import_module("pillow_heif").register_heif_opener()


def _unknown_format(signature: bytes) -> str:
    """Say that no plugin knows the first bytes of a file; phones write videos, and the one format that Pillow lacks."""
    if signature[4:12] in _HEIC_SIGNATURES and "HEIF" not in Image.OPEN:
        return "it is a HEIC picture; pip install pillow-heif to read it, or save it as JPEG"
    if _VIDEO.match(signature):
        return "it is a video; pass it to fer_zoo.pipelines.video.analyze_video or fer-zoo video"
    return f"it is not an image of a known format ({', '.join(sorted(_FORMATS & Image.OPEN.keys()))})"


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation asks.

    ``PIL.ImageOps.exif_transpose`` would also write the EXIF data anew, and fails there for one bad tag of any kind.
    """
    turn = _TURNS.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF tag Orientation; 1 if there is none, or none that is a number."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except _PILLOW_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) else 1


@contextmanager
def _pillow_errors(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises for a damaged file into one error that names the input."""
    try:
        yield
    except ImageReadError:
        raise
    except Image.DecompressionBombError as error:  # some plugins check by themselves
        reason = "it is above the limit of Pillow; raise max_pixels and PIL.Image.MAX_IMAGE_PIXELS to read it"
        raise ImageTooLargeError(name, reason) from error
    except _PILLOW_ERRORS as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        raise ImageReadError(name, f"decoding failed ({detail}); it may be damaged, cut short or closed") from error


@contextmanager
def _no_size_warning(picture: Image.Image) -> Iterator[None]:
    """Keep Pillow from warning about a size that our own limit allows.

    A few plugins (TIFF) repeat the size check of ``PIL.Image.open`` while they decode. The filters of ``warnings``
    belong to the whole process, so they are touched only for a picture above Pillow's limit, one at a time.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit is None or picture.width * picture.height <= limit:
        yield
        return
    with _filters_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
