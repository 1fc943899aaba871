"""What classifiers are fed with: noise for their speed, a folder of face crops for their answers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from fer_zoo.imaging import read_image
from fer_zoo.imaging.folders import find_pictures
from fer_zoo.models import FerPreTrainedModel

PixelValues: TypeAlias = NDArray[np.float32]  # (N, 3, H, W)


class FaceCrops(NamedTuple):
    """Face crops that nothing was seen of, and others to calibrate int8 with; none is in both."""

    calibration: PixelValues
    test: PixelValues


def noise(model: FerPreTrainedModel, number: int) -> PixelValues:
    """Return so many pictures of noise of the size that a model takes; the speed does not depend on what they show."""
    config = model.config
    shape = (number, config.num_channels, config.image_size, config.image_size)
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def read_faces(folder: Path, processor: Any, num_calibration: int, num_test: int) -> FaceCrops:
    """Read face crops as the detector ``whole_image`` takes them: whole, as they are.

    Args:
        folder: with all below it; pictures are taken from all of it at equal distances.
        processor: the image processor of the model.
        num_calibration: how many are for int8.
        num_test: how many, at most, answers are compared on.
    """
    found = [path for path in find_pictures(folder) if isinstance(path, Path)]
    step = max(1, len(found) // (num_calibration + num_test))
    chosen = list(islice(found, 0, None, step))[: num_calibration + num_test]
    every = max(2, -(-len(chosen) // num_calibration))
    groups = (
        [path for number, path in enumerate(chosen) if number % every == 0],
        [path for number, path in enumerate(chosen) if number % every],
    )
    return FaceCrops(*(_pixel_values(group, processor) for group in groups))


def _pixel_values(paths: list[Path], processor: Any) -> PixelValues:
    """Return ``(N, 3, H, W)``."""
    values = [
        processor([read_image(path)], return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        for path in paths
    ]
    pixels: PixelValues = torch.cat(values).numpy()
    return pixels
