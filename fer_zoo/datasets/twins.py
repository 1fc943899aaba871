"""Pictures that occur more than once: equal pixels, whatever the files are called and however they are packed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS

BATCH = 1024  # samples handed to the threads at a time, so that a large data set does not fill the memory with tasks


def pixel_checksum(sample: Sample, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> str:
    """Return the sha256 of a picture's size and decoded RGB values.

    Raises:
        ImageReadError: the picture cannot be read.
    """
    pixels = sample.read(max_pixels=max_pixels)
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def pixel_checksums(
    samples: Sequence[Sample], *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> list[str]:
    """Return the checksum of every picture, read in threads.

    Raises:
        ImageReadError: a picture cannot be read.
    """
    checksums = []
    for checksum in try_pixel_checksums(samples, max_pixels=max_pixels, threads=threads):
        if isinstance(checksum, ImageReadError):
            raise checksum
        checksums.append(checksum)
    return checksums


def try_pixel_checksums(
    samples: Sequence[Sample], *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> Iterator[str | ImageReadError]:
    """Yield the checksum of every picture in order, or the error where one cannot be read.

    Args:
        samples: the pictures.
        max_pixels: largest accepted picture, width times height in pixels.
        threads: how many pictures are decoded at a time; by default what Python chooses for the number of cores.
    """
    rest = iter(samples)
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(rest, BATCH)):
            yield from pool.map(partial(_checksum_or_error, max_pixels=max_pixels), batch)


def _checksum_or_error(sample: Sample, *, max_pixels: int) -> str | ImageReadError:
    """Return the checksum, or why there is none."""
    try:
        return pixel_checksum(sample, max_pixels=max_pixels)
    except ImageReadError as error:
        return error


__all__ = ["pixel_checksum", "pixel_checksums", "try_pixel_checksums"]
