"""SCRFD, insightface's detector.

Paper: J. Guo et al., "Sample and computation redistribution for efficient face detection", ICLR 2022 (arXiv
2105.04714). The code is MIT; InsightFace licenses its weights for non-commercial research only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final

import numpy as np
from huggingface_hub import constants
from numpy.typing import NDArray

from fer_zoo.detection.landmarks import as_landmarks
from fer_zoo.errors import CheckpointError, InvalidOptionError, MissingPackageError, WeightsNotFoundError
from fer_zoo.ranges import check_counts, check_shares
from fer_zoo.results import Box, Face
from fer_zoo.runtime import choose_providers

PURPOSE = "The detector 'scrfd'"
CELL: Final = 32  # pixels; the coarsest map of the network has one cell for so many
PACKS: Final = "~/.insightface/models"
ADVICE: Final = f"Put its ONNX files into {PACKS}/NAME, or give the path of an ONNX file as the detector."


class ScrfdDetector:
    """Find faces with their five landmarks.

    Args:
        model: path of an ONNX file (``.onnx``), or name of a model pack of InsightFace such as ``buffalo_s``, which
            insightface looks for in ``~/.insightface/models/NAME`` and fetches from its own site if it is not there,
            unless ``HF_HUB_OFFLINE`` forbids the network.
        input_size: side in pixels of the square that pictures are fitted into, a multiple of 32; a network of fixed
            size ignores it.
        score_threshold: faces with a lower score are dropped, in [0, 1].
        iou_threshold: of two boxes that overlap more, the surer one is kept, in [0, 1].
        providers: onnxruntime's execution providers; by default CUDA where it is available, else the CPU.

    Raises:
        MissingPackageError: if ``insightface`` is not installed.
        WeightsNotFoundError: if there is no such file or pack, and the pack cannot be fetched.
        CheckpointError: if the file, or one of the pack, is not a detector of the SCRFD family.
        InvalidOptionError: if a threshold or the size is out of its range.
    """

    gives_crops = False

    def __init__(
        self,
        model: str | PathLike[str] = "buffalo_s",
        *,
        input_size: int = 640,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.4,
        providers: Sequence[str] | None = None,
    ) -> None:
        check_shares(score_threshold=score_threshold, iou_threshold=iou_threshold)
        check_counts(input_size=input_size)
        if input_size % CELL:
            raise InvalidOptionError("input_size", input_size, f"a multiple of {CELL}")
        try:
            model_zoo = import_module("insightface.model_zoo")
            app = import_module("insightface.app")
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] != "insightface":
                raise
            raise MissingPackageError("insightface", PURPOSE, "pip install 'fer-zoo[insightface]'") from error
        options = {"providers": choose_providers(providers)}
        name = fspath(model)
        _check_presence(name)
        try:
            with redirect_stdout(sys.stderr):  # insightface prints what it does
                is_file = name.endswith(".onnx")
                self._detector = _from_file(model_zoo, name, options) if is_file else _from_pack(app, name, options)
                self._detector.prepare(
                    0, input_size=(input_size, input_size), det_thresh=score_threshold, nms_thresh=iou_threshold
                )
                # insightface opens other networks too, and fails where they are used
                self._detect_one(np.zeros((CELL, CELL, 3), np.uint8))
        except (CheckpointError, WeightsNotFoundError):
            raise
        except Exception as error:  # of onnxruntime's own kinds, which have no common base
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CheckpointError(f"{name!r} is not a face detector of the SCRFD family ({reason}).") from error

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces of each picture, one picture after the other: the network takes no batches.

        Args:
            images: RGB pictures, each ``(H, W, 3)``.
        """
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces of one picture; one so narrow that nothing is left of it in the network's square has none."""
        if min(image.shape[:2]) * min(self._detector.input_size) < max(image.shape[:2]):
            return ()
        bgr = np.ascontiguousarray(image[..., ::-1])  # insightface reads pictures as OpenCV does
        boxes, landmarks = self._detector.detect(bgr)
        return tuple(
            Face(Box(*map(float, box[:4])), float(box[4]), None if landmarks is None else as_landmarks(landmarks[i]))
            for i, box in enumerate(boxes)
        )


def _check_presence(name: str) -> None:
    """Refuse a file that is not there, and where the network is forbidden also a pack.

    Raises:
        WeightsNotFoundError: if it is not there.
    """
    if name.endswith(".onnx"):
        if not Path(name).is_file():
            raise WeightsNotFoundError(
                name, "Give the path of a SCRFD network, or the name of a model pack such as 'buffalo_s'."
            )
        return
    places = (Path(name).expanduser(), Path(PACKS).expanduser() / name)
    if constants.HF_HUB_OFFLINE and not any(place.is_dir() for place in places):
        raise WeightsNotFoundError(name, f"HF_HUB_OFFLINE is set, so this model pack is not fetched. {ADVICE}")


def _from_file(model_zoo: Any, path: str, options: dict[str, Any]) -> Any:  # untyped package
    """Open one ONNX file."""
    detector = model_zoo.get_model(path, **options)
    if getattr(detector, "taskname", None) != "detection":
        raise CheckpointError(f"{path!r} is not a face detector of the SCRFD family.")
    return detector


def _from_pack(app: Any, name: str, options: dict[str, Any]) -> Any:  # untyped package
    """Open the detector of a model pack."""
    try:
        return app.FaceAnalysis(name=name, allowed_modules=["detection"], **options).det_model
    except (
        OSError,
        RuntimeError,
        ValueError,
        AssertionError,
    ) as error:  # what a failed download or an unknown name raises
        reason = str(error) or "it has no detector"
        raise WeightsNotFoundError(
            name, f"insightface could not provide this model pack ({reason}). {ADVICE}"
        ) from error


__all__ = ["ScrfdDetector"]
