"""From a photograph to the aligned crops that a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike, fspath
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_zoo.detection import FaceDetector, create_detector
from fer_zoo.errors import InvalidOptionError
from fer_zoo.imaging.align import has_extent
from fer_zoo.ranges import check_counts, check_shares
from fer_zoo.registry import ENTRIES, ORGANIZATION, load_image_processor
from fer_zoo.results import Face

FaceChoice = Literal["largest", "all"]

MIN_DEFAULT_SIZE = 112  # pixels; what most models of the field take


class FaceCropper:
    """Finds the faces of a picture and cuts them out as a model expects them; the model's weights are not loaded.

    It may be used from several threads: a detector that does not have ``is_thread_safe`` is called from one at a time.

    Args:
        model: whose crop template and size to use: a published name, an architecture to train, a folder, or a
            repository on the Hub.
        revision: branch, tag or commit on the Hub.
        detector: ``"center_face"``, ``"scrfd"``, or a detector.
        size: side of the crops in pixels; by default the model's, and at least 112: crops cost work to make and should
            serve larger models too.
        faces: ``"largest"`` for the face with the largest box of each picture, or ``"all"``.
        threshold: faces that the detector is less sure of are left out, in [0, 1].

    Raises:
        UnknownNameError: if the model or the detector is not known.
        CheckpointError: if the model has no image processor with a crop template.
        InvalidOptionError: if an option is out of its range, or the detector does not find faces.
        MissingPackageError: if a package that the detector needs is not installed.

    Example:
        >>> from fer_zoo import read_image
        >>> from fer_zoo.pipelines import FaceCropper
        >>> cropper = FaceCropper("mhan", size=224)
        >>> image = read_image("examples/images/astronaut.png")
        >>> [crop.shape for crop in cropper.cut_out(image, cropper.find_faces(image))]
        [(224, 224, 3)]
    """

    def __init__(
        self,
        model: str | PathLike[str] = "mhan",
        *,
        revision: str | None = None,
        detector: str | FaceDetector = "center_face",
        size: int | None = None,
        faces: FaceChoice = "largest",
        threshold: float = 0.0,
    ) -> None:
        check_counts(size=size)
        if faces not in get_args(FaceChoice):
            raise InvalidOptionError("faces", faces, "'largest' or 'all'")
        check_shares(threshold=threshold)
        self.model, self.revision = _recorded_name(model), revision
        self.image_processor = load_image_processor(model, revision=revision)
        self.detector = create_detector(detector)
        if self.detector.gives_crops:
            raise InvalidOptionError(
                "detector", detector, "one that finds faces; pictures that are crops already need no cropping"
            )
        self.detector_name = detector if isinstance(detector, str) else type(detector).__qualname__
        self.size: int = max(self.image_processor.size["height"], MIN_DEFAULT_SIZE) if size is None else size
        self.faces: FaceChoice = faces
        self.threshold = threshold
        is_thread_safe = getattr(self.detector, "is_thread_safe", False)
        self._turn: AbstractContextManager[object] = nullcontext() if is_thread_safe else Lock()

    def find_faces(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces that the detector is sure enough of, the surest first.

        A face whose box or landmarks are a single point cannot be cut out, and is left out.

        Args:
            image: RGB, ``(H, W, 3)``.
        """
        with self._turn:
            found = self.detector.detect([image])[0]
        return tuple(face for face in found if face.score >= self.threshold and has_extent(face))

    def choose(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Return all faces or the one with the largest box, as the option says; of equal ones the first."""
        if self.faces == "all" or not faces:
            return tuple(faces)
        return (max(faces, key=lambda face: face.box.width * face.box.height),)

    def cut_out(self, image: NDArray[np.uint8], faces: Sequence[Face]) -> list[NDArray[np.uint8]]:
        """Return one crop for each face, ``(size, size, 3)``, in colour even if the model makes its inputs grey.

        Args:
            image: RGB, ``(H, W, 3)``.
            faces: the faces, in pixels of the picture.
        """
        return self.image_processor.crop_faces(image, faces, size=self.size)

    def to_dict(self) -> dict[str, Any]:
        """Return all that decides what the crops look like, as plain Python values.

        Of a detector that was passed as an object it has the name of its class; its own options are not known here.
        """
        return {
            "model": self.model,
            "revision": self.revision,
            "detector": self.detector_name,
            "size": self.size,
            "crop_template": self.image_processor.template.to_dict(),
            "faces": self.faces,
            "threshold": self.threshold,
        }


def _recorded_name(model: str | PathLike[str]) -> str:
    """Return one name for one model: without the owner if it is published here, the full path if it is a folder."""
    name = fspath(model).removeprefix(f"{ORGANIZATION}/")
    if name not in ENTRIES and Path(model).is_dir():
        return str(Path(model).resolve())
    return name


__all__ = ["FaceChoice", "FaceCropper"]
