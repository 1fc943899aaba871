"""Anything that is a picture as RGB uint8: files, URLs, bytes, Pillow pictures, arrays and tensors.

This is where pictures enter the package. What comes out is always the same, and what cannot be read gives one error
that names the input and says what is wrong with it.
"""

from __future__ import annotations

import os
import re
import sys
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from PIL import Image

from fer_zoo.errors import ImageNotFoundError, ImageReadError
from fer_zoo.imaging.decode import check_pixels, decode_file, decode_picture
from fer_zoo.imaging.download import download
from fer_zoo.imaging.modes import array_to_rgb, tensor_to_array
from fer_zoo.ranges import check_positive

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

DEFAULT_MAX_PIXELS: Final = 100_000_000
"""Largest accepted picture, in pixels: 10,000 by 10,000, or 300 MB as RGB."""

DEFAULT_MAX_DOWNLOAD_BYTES: Final = 50_000_000
"""Largest accepted download, in bytes."""

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any] | torch.Tensor"
)
"""Everything that ``read_image`` accepts."""

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # two letters at least: C:// is a drive
_DIRECTORY: Final = (
    "it is a directory; pass the files in it one by one, or all of it to fer_zoo.pipelines.analyze_files or "
    "fer-zoo predict"
)
_ACCEPTED: Final = (
    "a path, an http(s) URL, bytes, a binary file object, a PIL image, a numpy array of shape (H, W, C) or a torch "
    "tensor of shape (C, H, W)"
)


def read_image(
    source: ImageSource,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    timeout: float = 10.0,
    max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES,
    allow_private_hosts: bool = True,
) -> NDArray[np.uint8]:
    """Read a picture from wherever it is.

    Files are turned upright as their EXIF data asks; broken EXIF data is ignored. Transparent pixels are composited on
    white. Of an animation or a file with several pages, the first picture is read. 16-bit pictures are scaled to 8 bits
    (for the 32-bit modes of Pillow see ``fer_zoo.imaging.modes.picture_to_rgb``). Colour profiles are not applied.

    Args:
        source: one of

            - a path, as ``str`` or ``os.PathLike``;
            - an ``http`` or ``https`` URL;
            - the bytes of an image file;
            - a binary file object, read from its current position to its end and left open;
            - a Pillow picture, which is not changed;
            - a numpy array, (H, W), (H, W, 1), (H, W, 3) as RGB or (H, W, 4) as RGB and alpha: uint8 in [0, 255],
              uint16 in [0, 65535], a float type in [0, 1], or bool;
            - a torch tensor on any device, (H, W) or (C, H, W) with C 1, 3 or 4, of the same types.
        max_pixels: largest accepted picture, width times height in pixels. For files it is compared with the header,
            before anything is decoded.
        timeout: for URLs, seconds for the whole download with its redirects, besides the look-up of the host's name.
        max_bytes: for URLs, largest accepted download, in bytes.
        allow_private_hosts: for URLs, whether hosts with loopback, private, link-local and other addresses that are not
            public may be asked; ``False`` is for programs that take URLs from strangers. It also holds after redirects.

    Returns:
        Array of shape (H, W, 3), RGB, uint8, values in [0, 255], C-contiguous; it shares no memory with the source.

    Raises:
        ImageNotFoundError: the file does not exist or the URL cannot be reached.
        ImageTooLargeError: the picture or the download is over its limit.
        ImageReadError: the source is not a picture, is damaged or cut short, or is of an unsupported type; parent of
            the two above.
        InvalidOptionError: a limit is not positive.
    """
    check_positive(max_pixels=max_pixels, timeout=timeout, max_bytes=max_bytes)
    name = describe_source(source)
    if isinstance(source, Image.Image):
        return decode_picture(source, name, max_pixels)
    if isinstance(source, np.ndarray) or _is_tensor(source):
        return _from_array(source, name, max_pixels)
    if isinstance(source, str) and _is_url(source):
        _check_scheme(source, name)
        body = download(source, name, timeout=timeout, max_bytes=max_bytes, allow_private_hosts=allow_private_hosts)
        return decode_file(BytesIO(body), name, max_pixels)
    if isinstance(source, (str, os.PathLike)):
        with _open_path(os.fsdecode(source), name) as file:
            return decode_file(file, name, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode_file(BytesIO(bytes(source)), name, max_pixels)
    return decode_file(BytesIO(_read_rest(source, name)), name, max_pixels)


def describe_source(source: object) -> str:
    """Say in a few words what an input is, as errors and result rows name it.

    Args:
        source: any object, whether ``read_image`` accepts it or not.

    Returns:
        A path as given; a URL without user name and password; otherwise a description such as ``bytes (12 bytes)``,
        ``PIL image (640x480, RGB)``, ``array of shape (480, 640, 3)`` or ``file object photo.jpg``.
    """
    if isinstance(source, str) and _is_url(source):
        return _shown_url(source)
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"{type(source).__name__} ({memoryview(source).nbytes} bytes)"
    if hasattr(source, "read"):
        return f"file object {getattr(source, 'name', type(source).__name__)}"
    return _describe_pixels(source)


def _describe_pixels(source: object) -> str:
    """Say what a picture in memory is, or of which type anything else."""
    if isinstance(source, Image.Image):
        return f"PIL image ({source.width}x{source.height}, {source.mode})"
    if isinstance(source, np.ndarray):
        return f"array of shape {source.shape}"
    if _is_tensor(source):
        return f"tensor of shape {tuple(source.shape)}"
    return f"object of type {type(source).__name__}"


def _is_tensor(source: object) -> TypeGuard[torch.Tensor]:
    """Return whether the object is a tensor; who made one has imported torch, so this need not."""
    torch_module = sys.modules.get("torch")
    return torch_module is not None and isinstance(source, torch_module.Tensor)


def _is_url(text: str) -> bool:
    """Return whether the text is a URL of any scheme rather than a path."""
    return _SCHEME.match(text) is not None or text.lower().startswith("data:")


def _check_scheme(url: str, name: str) -> None:
    """Refuse every scheme but http and https."""
    scheme = url.partition(":")[0].lower()
    if scheme == "data":
        raise ImageReadError(name, "data URLs are not supported; decode the part after the comma and pass the bytes")
    if scheme not in {"http", "https"}:
        raise ImageReadError(name, f"{scheme} URLs are not supported; pass an http(s) URL, a path or the bytes")


def _shown_url(url: str) -> str:
    """Return the URL without user name and password; of a data URL, which may be long, only the size."""
    if url.lower().startswith("data:"):
        return f"data URL ({len(url)} characters)"
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are not an IPv6 address
        return f"{url.partition('://')[0]}://{url.partition('://')[2].rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _open_path(path: str, name: str) -> IO[bytes]:
    """Open a file, or say why it cannot be opened."""
    if not path:
        raise ImageReadError(name, "the path is empty")
    try:
        return Path(path).open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageNotFoundError(name, "there is no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        # Windows denies permission for a directory, and Path would raise where it may not look.
        is_directory = isinstance(error, IsADirectoryError) or os.path.isdir(path)  # noqa: PTH112
        reason = _DIRECTORY if is_directory else "permission to read it is denied"
        raise ImageReadError(name, reason) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ImageReadError(name, f"it cannot be opened ({getattr(error, 'strerror', error)})") from error


def _read_rest(source: object, name: str) -> bytes:
    """Return what is left in a binary file object."""
    read = getattr(source, "read", None)
    if not callable(read):
        raise ImageReadError(name, f"this type is not supported; pass {_ACCEPTED}")
    try:
        data = read()
    except (OSError, ValueError) as error:  # ValueError: the file is closed, or its text cannot be decoded
        raise ImageReadError(name, f"reading from it failed ({error})") from error
    if not isinstance(data, bytes):
        raise ImageReadError(name, "it does not give bytes; open the file in binary mode, 'rb'")
    if not data:
        raise ImageReadError(name, "it gives no bytes; if it was read before, call seek(0) on it")
    return data


def _from_array(source: NDArray[Any] | torch.Tensor, name: str, max_pixels: int) -> NDArray[np.uint8]:
    """Convert an array or a tensor within the limit."""
    array = source if isinstance(source, np.ndarray) else tensor_to_array(source, name)
    if array.ndim > 1:
        check_pixels(array.shape[1], array.shape[0], name, max_pixels)
    return array_to_rgb(array, name)
