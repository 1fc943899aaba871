"""One labelled picture, and where its pixels are."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS, read_image

Targets = Literal["labels", "votes"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

FER2013_SIZE = 48
"""Side of a picture of FER2013, pixels."""


class PicturePart(Protocol):
    """What of a file is the picture, where it is not the whole file."""

    def describe(self, path: Path) -> str:
        """Return how messages call this picture."""

    def read(self, path: Path, max_pixels: int) -> NDArray[np.uint8]:
        """Return the picture, ``(H, W, 3)``, RGB."""


@dataclass(frozen=True, slots=True)
class BoxPart:
    """A rectangle of a picture, such as the face that an annotation points at; what lies outside is cut off.

    Attributes:
        left: left edge, pixels.
        top: upper edge, pixels.
        right: right edge, pixels; the column itself is not part of it.
        bottom: lower edge, pixels; the row itself is not part of it.
    """

    left: int
    top: int
    right: int
    bottom: int

    def describe(self, path: Path) -> str:
        """Return the path."""
        return str(path)

    def read(self, path: Path, max_pixels: int) -> NDArray[np.uint8]:
        """Return the rectangle, ``(H, W, 3)``, RGB.

        Raises:
            ImageReadError: the file cannot be read, or no part of the rectangle lies in the picture.
        """
        pixels = read_image(path, max_pixels=max_pixels)
        part = pixels[max(self.top, 0) : max(self.bottom, 0), max(self.left, 0) : max(self.right, 0)]
        if not part.size:
            box = f"({self.left}, {self.top}, {self.right}, {self.bottom})"
            raise ImageReadError(str(path), f"the annotated box {box} lies outside its {pixels.shape[1::-1]} pixels")
        return np.ascontiguousarray(part)


@dataclass(frozen=True, slots=True)
class RowPart:
    """A picture that is written as numbers into a row of a CSV file, as FER2013 was published.

    Only the place of the row is kept, so that the samples stay small and cross to other processes quickly.

    Attributes:
        line: number of the line, from 1.
        offset: where the line begins, bytes from the start of the file.
        column: index of the column with the grey values, from 0.
    """

    line: int
    offset: int
    column: int

    def describe(self, path: Path) -> str:
        """Return the path and the line."""
        return f"{path}, line {self.line}"

    def read(self, path: Path, max_pixels: int) -> NDArray[np.uint8]:
        """Return the picture, ``(48, 48, 3)``, RGB with three equal channels.

        Raises:
            ImageReadError: the file is gone, or the row does not hold 48 x 48 numbers from 0 to 255.
        """
        try:
            with path.open("rb") as file:
                file.seek(self.offset)
                row = next(csv.reader([file.readline().decode("utf-8-sig")]))
            values = np.array(row[self.column].split(), dtype=np.int64)
        except (OSError, ValueError, IndexError, StopIteration) as error:
            raise ImageReadError(self.describe(path), f"the row cannot be read ({error})") from error
        if values.size != FER2013_SIZE**2 or values.min() < 0 or values.max() > np.iinfo(np.uint8).max:
            reason = f"it needs {FER2013_SIZE**2} numbers from 0 to 255, and has {values.size} numbers"
            raise ImageReadError(self.describe(path), reason)
        return read_image(values.astype(np.uint8).reshape(FER2013_SIZE, FER2013_SIZE))


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with what is known about it; the pixels stay in the file.

    Attributes:
        path: the file.
        label: class index in the label set of the data set; ``None`` if it has no label or its votes no majority.
        votes: how many people chose each class, in the order of the label set; ``None`` if that is not known.
        group: what pictures that belong together share, such as the person; ``None`` if that is not known.
        part: what of the file is the picture; ``None`` for the whole file.
    """

    path: Path
    label: int | None = None
    votes: tuple[float, ...] | None = None
    group: str | None = None
    part: PicturePart | None = None

    def target(self, targets: Targets) -> int | tuple[float, ...] | None:
        """Return what there is to learn: the class index or the votes, ``None`` without them or without a vote above 0.

        Args:
            targets: which of the two.
        """
        if targets == "labels":
            return self.label
        return self.votes if self.votes is not None and any(count > 0 for count in self.votes) else None

    @property
    def source(self) -> str:
        """The path by which messages call the picture, with the line if it is a row of a file."""
        return str(self.path) if self.part is None else self.part.describe(self.path)

    def read(self, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
        """Return the picture, ``(H, W, 3)``, RGB, uint8.

        Args:
            max_pixels: largest accepted picture, width times height in pixels.

        Raises:
            ImageReadError: the picture cannot be read; the message names the file.
        """
        if self.part is None:
            return read_image(self.path, max_pixels=max_pixels)
        return self.part.read(self.path, max_pixels)


def majority(votes: Sequence[float]) -> int | None:
    """Return the class with more than half of the votes, or ``None`` if there is none."""
    best = max(range(len(votes)), key=votes.__getitem__)
    return best if 2 * votes[best] > sum(votes) else None


__all__ = ["BoxPart", "PicturePart", "RowPart", "Sample", "Targets", "majority"]
