"""Any picture, array or tensor in memory as RGB uint8.

Every function returns new memory: an array of shape (H, W, 3), dtype uint8, values in [0, 255], C-contiguous and
writable. Wherever an input has an alpha channel, it is composited on white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from fer_zoo.errors import ImageReadError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_BYTE_MAX: Final = 255
_WORD_MAX: Final = 65_535
_WORDS_PER_BYTE_STEP: Final = 257  # 65535 / 255, so that both ends of the scale meet

_GREY, _RGB, _RGBA = 1, 3, 4
_CHANNELS: Final = (_GREY, _RGB, _RGBA)
_IMAGE_NDIM: Final = 3
_BATCH_NDIM: Final = 4

_ALPHA_MODES: Final = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_COLOUR_KEY_MODES: Final = frozenset({"1", "L", "P", "RGB"})  # modes in which one colour may be declared transparent


def picture_to_rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Convert a loaded Pillow picture of any mode.

    Modes wider than 8 bits are scaled, never clipped. ``I;16`` holds [0, 65535]. Pillow does not say what the 32-bit
    modes hold, so their own values decide: ``I`` is read as [0, 255] where no value is above 255 and as [0, 65535]
    otherwise; ``F`` is read as [0, 1] where no value is above 1 and as [0, 255] otherwise.

    Args:
        image: the picture; it is not changed.
        name: what errors call the input.

    Returns:
        Array of shape (H, W, 3), uint8, RGB.

    Raises:
        ImageReadError: a 32-bit picture holds values outside these ranges.
    """
    if image.mode.startswith("I;16"):
        return _grey_to_rgb(_deep_grey(image))
    if image.mode in {"I", "F"}:
        return _grey_to_rgb(_wide_grey(np.asarray(image), name))
    if image.mode in _ALPHA_MODES or (image.mode in _COLOUR_KEY_MODES and image.has_transparency_data):
        return _on_white(np.asarray(_with_alpha(image)))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def array_to_rgb(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Convert an array with the channels last.

    Args:
        array: shape (H, W), (H, W, 1), (H, W, 3) as RGB, or (H, W, 4) as RGB and alpha; uint8 in [0, 255], uint16 in
            [0, 65535], a float type in [0, 1], or bool.
        name: what errors call the input.

    Returns:
        Array of shape (H, W, 3), uint8, RGB.

    Raises:
        ImageReadError: the shape, the type or the values are none of these.
    """
    _check_shape(array.shape, name)
    pixels = _to_bytes(array if array.ndim == _IMAGE_NDIM else array[:, :, np.newaxis], name)
    if pixels.shape[2] == _GREY:
        return _grey_to_rgb(pixels[:, :, 0])
    if pixels.shape[2] == _RGBA:
        return _on_white(pixels)
    return np.array(pixels, order="C")


def tensor_to_array(tensor: torch.Tensor, name: str) -> NDArray[Any]:
    """Bring a tensor to the CPU and its channels to the end.

    Args:
        tensor: shape (C, H, W) with C 1, 3 or 4, or (H, W); any device.
        name: what errors call the input.

    Returns:
        Array of shape (H, W, C) or (H, W), in the type of the tensor; bfloat16, which numpy lacks, becomes float32.

    Raises:
        ImageReadError: the shape is none of these, or the tensor has no values to read, as on the meta device.
    """
    if tensor.ndim == _BATCH_NDIM:
        raise ImageReadError(name, "it is a batch; pass its pictures one by one, for example list(batch)")
    if tensor.ndim == _IMAGE_NDIM and tensor.shape[0] not in _CHANNELS:
        advice = "; for (H, W, C) call tensor.permute(2, 0, 1)" if tensor.shape[2] in _CHANNELS else ""
        raise ImageReadError(name, f"a tensor has shape (C, H, W) with C 1, 3 or 4, or (H, W){advice}")
    try:
        values = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
        array: NDArray[Any] = values.numpy(force=True)
    except (RuntimeError, TypeError) as error:
        raise ImageReadError(name, f"its values cannot be copied to the CPU ({error})") from error
    return array.transpose(1, 2, 0) if array.ndim == _IMAGE_NDIM else array


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse every shape but (H, W) and (H, W, C) with C 1, 3 or 4; say what to do about the usual mistakes."""
    expected = "an array has shape (H, W), or (H, W, C) with C 1, 3 or 4"
    if len(shape) == _BATCH_NDIM:
        raise ImageReadError(name, "it is a batch; pass its pictures one by one, for example list(batch)")
    if len(shape) not in {_IMAGE_NDIM - 1, _IMAGE_NDIM}:
        raise ImageReadError(name, expected)
    if 0 in shape:
        raise ImageReadError(name, "it has no pixels")
    if len(shape) == _IMAGE_NDIM and shape[2] not in _CHANNELS:
        advice = "; for (C, H, W) call array.transpose(1, 2, 0)" if shape[0] in _CHANNELS else ""
        raise ImageReadError(name, f"{expected}{advice}")


def _to_bytes(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Scale the values of an array to [0, 255] by what its type says about their range."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(_BYTE_MAX)
    if array.dtype.newbyteorder("=") == np.uint16:
        return _words_to_bytes(array)
    if array.dtype.kind == "f":
        return _fractions_to_bytes(array, name)
    raise ImageReadError(
        name,
        f"values of type {array.dtype} have no agreed range; convert them to uint8 in [0, 255], uint16 in [0, 65535], "
        "a float type in [0, 1] or bool",
    )


def _words_to_bytes(words: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale [0, 65535] to [0, 255], rounding to the nearest."""
    return ((words.astype(np.uint32) + _WORDS_PER_BYTE_STEP // 2) // _WORDS_PER_BYTE_STEP).astype(np.uint8)


def _fractions_to_bytes(fractions: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Scale [0, 1] to [0, 255], rounding to the nearest."""
    low, high = float(fractions.min()), float(fractions.max())
    if np.isnan(low):
        raise ImageReadError(name, "it holds NaN")
    if low < 0 or high > 1:
        raise ImageReadError(
            name,
            f"float values must lie in [0, 1], found [{low:g}, {high:g}]; divide values in [0, 255] by 255, undo a "
            "normalisation by mean and deviation, and clip what an interpolation left outside",
        )
    return np.rint(fractions.astype(np.float32) * _BYTE_MAX).astype(np.uint8)


def _deep_grey(image: Image.Image) -> NDArray[np.uint8]:
    """Return the (H, W) bytes of a 16-bit grey picture, white where its colour key makes it transparent."""
    words = np.asarray(image)
    grey = _words_to_bytes(words)
    colour_key = image.info.get("transparency")
    if isinstance(colour_key, int):
        grey[words == colour_key] = _BYTE_MAX
    return grey


def _wide_grey(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return the (H, W) bytes of a 32-bit picture; its largest value tells the scale."""
    low, high = float(values.min()), float(values.max())
    is_float = values.dtype.kind == "f"
    small, large = (1, _BYTE_MAX) if is_float else (_BYTE_MAX, _WORD_MAX)
    if not (low >= 0 and high <= large):  # also true for NaN
        found = f"found [{low:g}, {high:g}]"
        raise ImageReadError(name, f"32-bit values must lie in [0, {small}] or [0, {large}], {found}; scale them first")
    scale = small if high <= small else large
    return np.rint(values.astype(np.float64) * (_BYTE_MAX / scale)).astype(np.uint8)


def _with_alpha(image: Image.Image) -> Image.Image:
    """Return the picture as RGBA."""
    if image.mode == "La":  # premultiplied grey, which Pillow only turns into LA
        return image.convert("LA").convert("RGBA")
    # Pillow writes the transparency of a palette into the picture it converts; the copy keeps the caller's as it was.
    return (image.copy() if image.mode == "P" else image).convert("RGBA")


def _on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Composite (H, W, 4) on white: colour times alpha plus white times the rest, rounded to the nearest."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    blend = rgba[:, :, :3] * alpha + _BYTE_MAX * (_BYTE_MAX - alpha)  # at most 255 * 255, which fits 16 bits
    return ((blend + _BYTE_MAX // 2) // _BYTE_MAX).astype(np.uint8)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat (H, W) three times along a new last axis."""
    return np.repeat(grey[:, :, np.newaxis], _RGB, axis=2)
