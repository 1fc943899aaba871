"""Faces to take the ranges of int8 from, and to compare answers on."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import ImageReadError, InvalidOptionError
from fer_zoo.imaging import find_pictures, read_image

BATCH_SIZE = 32


def read_calibration_faces(folder: str | PathLike[str], processor: Any, *, max_faces: int = 300) -> NDArray[np.float32]:
    """Read face crops as a model takes them.

    Args:
        folder: pictures of aligned faces, in folders of their own or not; ``fer-zoo crop`` makes them. Those that
            cannot be read are left out.
        processor: image processor of the model.
        max_faces: how many to take, spread evenly over all in the order of their names.

    Returns:
        ``(N, 3, H, W)``, normalised; N is at least 1.

    Raises:
        InvalidOptionError: if there is no folder, or no picture in it that can be read.
    """
    if not Path(folder).is_dir():
        raise InvalidOptionError("calibration", fspath(folder), "a folder of face crops")
    paths = sorted(path for path in find_pictures(folder) if isinstance(path, Path))
    chosen = paths if len(paths) <= max_faces else [paths[i * len(paths) // max_faces] for i in range(max_faces)]
    faces: list[NDArray[np.uint8]] = []
    for path in chosen:
        try:
            faces.append(read_image(path))
        except ImageReadError:
            continue
    if not faces:
        raise InvalidOptionError("calibration", fspath(folder), "a folder with pictures of faces that can be read")
    batches = [faces[start : start + BATCH_SIZE] for start in range(0, len(faces), BATCH_SIZE)]
    return np.concatenate(
        [processor(batch, return_tensors="np", input_data_format="channels_last")["pixel_values"] for batch in batches]
    )


__all__ = ["read_calibration_faces"]
