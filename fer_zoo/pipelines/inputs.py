"""What a pipeline takes: one picture, several, or a stream of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging.read import ImageSource, read_image

Images: TypeAlias = list[Any] | tuple[Any, ...]
ImageStream: TypeAlias = "Iterable[Any] | Dataset[Any]"

#: What counts as one picture; everything else that can be iterated over is many.
SINGLE_TYPES = (str, PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray, torch.Tensor, Mapping)


def is_single(inputs: Any) -> bool:
    """Return whether an input is one picture; what cannot be many is one, of which the reader says what is wrong."""
    is_many = isinstance(inputs, Iterable) or (hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"))
    return isinstance(inputs, SINGLE_TYPES) or hasattr(inputs, "read") or not is_many


def load_input(source: ImageSource, **options: Any) -> NDArray[np.uint8] | ImageReadError:
    """Return a picture, or why it cannot be read; the options are those of ``read_image``."""
    try:
        return read_image(source, **options)
    except ImageReadError as error:
        return error


def stream_inputs(inputs: Any) -> Iterator[Any]:
    """Yield the pictures of anything that can be iterated over, or indexed and measured as data sets are."""
    if isinstance(inputs, Iterable):
        yield from inputs
    else:
        for i in range(len(inputs)):
            yield inputs[i]


__all__ = ["ImageStream", "Images", "is_single", "load_input", "stream_inputs"]
