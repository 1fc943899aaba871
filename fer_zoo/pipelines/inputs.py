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
from fer_zoo.imaging.read import describe_source, read_image
from fer_zoo.pipelines.detected import DetectedPicture
from fer_zoo.results import ImageResult

Images: TypeAlias = list[Any] | tuple[Any, ...]
ImageStream: TypeAlias = "Iterable[Any] | Dataset[Any]"

#: What counts as one picture; everything else that can be iterated over is many.
SINGLE_TYPES = (str, PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray, torch.Tensor, Mapping)

#: What is wrong with a row that has its picture under another key.
WITHOUT_PICTURE = (
    "this row has no key 'image'; pass the column with the pictures, KeyDataset(rows, KEY) of "
    "transformers.pipelines.pt_utils"
)


def is_single(inputs: Any) -> bool:
    """Return whether an input is one picture; what cannot be many is one, of which the reader says what is wrong."""
    is_many = isinstance(inputs, Iterable) or (hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"))
    return isinstance(inputs, SINGLE_TYPES) or hasattr(inputs, "read") or not is_many


def picture_of(source: Any) -> Any:
    """Return the picture of a row with the key ``image``, as data sets have them; anything else as it is."""
    return source["image"] if isinstance(source, Mapping) and "image" in source else source


def load_input(source: Any, **options: Any) -> NDArray[np.uint8] | ImageReadError:
    """Return a picture, or why it cannot be read; the options are those of ``read_image``."""
    if isinstance(source, Mapping):
        return ImageReadError(describe_source(source), f"{WITHOUT_PICTURE}; it has {', '.join(map(repr, source))}")
    try:
        return read_image(source, **options)
    except ImageReadError as error:
        return error


def stream_inputs(inputs: Any) -> Iterator[Any]:
    """Yield the pictures of anything that can be iterated over, or indexed and measured as data sets are."""
    if isinstance(inputs, Iterable):
        yield from inputs
        return
    for i in range(len(inputs)):
        try:
            yield inputs[i]
        except ImageReadError as error:  # as data sets raise it that read their pictures themselves
            yield DetectedPicture(ImageResult(error.source), failure=error)


__all__ = ["ImageStream", "Images", "is_single", "load_input", "picture_of", "stream_inputs"]
