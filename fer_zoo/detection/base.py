"""What a face detector is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fer_zoo.results import Face


@runtime_checkable
class FaceDetector(Protocol):
    """Anything with :meth:`detect` and :attr:`gives_crops`; write your own and pass it as ``detector=``.

    Code that works on several pictures at once calls a detector from one thread at a time, unless the detector has an
    attribute ``is_thread_safe`` that is true.
    """

    #: Whether the pictures are taken to be face crops already, so that no further crop is made of them.
    gives_crops: bool

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces of each picture.

        Args:
            images: RGB pictures, each ``(H, W, 3)``; sizes may differ.

        Returns:
            one tuple for each picture, the surest face first, empty where there is none.
        """
        ...


__all__ = ["FaceDetector"]
