"""Finding faces: one protocol, three detectors."""

from __future__ import annotations

from collections.abc import Callable

from fer_zoo.detection.base import FaceDetector
from fer_zoo.detection.center_face import CenterFaceDetector
from fer_zoo.detection.scrfd import ScrfdDetector
from fer_zoo.detection.whole_image import WholeImageDetector
from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, UnknownNameError
from fer_zoo.runtime import RuntimeOptions

#: Every detector by name.
DETECTORS: dict[str, Callable[[], FaceDetector]] = {
    "center_face": CenterFaceDetector,
    "scrfd": ScrfdDetector,
    "whole_image": WholeImageDetector,
}


def create_detector(
    detector: str | FaceDetector, *, backend: str = "onnxruntime", options: RuntimeOptions | None = None
) -> FaceDetector:
    """Return a detector by its name, with its default options; a detector is returned as it is.

    Args:
        detector: ``"center_face"``, ``"scrfd"``, ``"whole_image"``, the path of a SCRFD network (``.onnx``), or any
            object that follows the protocol.
        backend: what runs the network of ``"center_face"``: ``"onnxruntime"`` or ``"openvino"``; with any other name,
            onnxruntime does.
        options: threads and precision of that network.

    Raises:
        UnknownNameError: if there is no detector of that name.
        InvalidOptionError: if the object is no detector.
        ArgumentTypeError: if it is a class.
        MissingPackageError: if a package that the detector needs is not installed; the message has the install command.
        WeightsNotFoundError: if the network of the detector is not there.
        CheckpointError: if a file is not a detector of the SCRFD family.
    """
    if isinstance(detector, str):
        if detector.endswith(".onnx"):
            return ScrfdDetector(detector)
        if detector not in DETECTORS:
            raise UnknownNameError("detector", detector, DETECTORS)
        if detector == "center_face":
            chosen = options or RuntimeOptions()
            on_openvino = backend == "openvino"
            return CenterFaceDetector(
                backend="openvino" if on_openvino else "onnxruntime",
                threads=chosen.threads,
                precision=chosen.precision if on_openvino else None,
            )
        return DETECTORS[detector]()
    if isinstance(detector, type):  # which has detect() as well, and would miss its argument there
        raise ArgumentTypeError("detector", detector, f"a detector, as the class makes it: {detector.__name__}()")
    if not isinstance(detector, FaceDetector):
        raise InvalidOptionError(
            "detector", detector, f"one of {', '.join(DETECTORS)}, or an object with detect() and gives_crops"
        )
    return detector


__all__ = [
    "DETECTORS",
    "CenterFaceDetector",
    "FaceDetector",
    "ScrfdDetector",
    "WholeImageDetector",
    "create_detector",
]
