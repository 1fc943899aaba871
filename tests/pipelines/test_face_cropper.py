"""Which faces are cropped, and how."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_faces import NO_FACE, TWO_FACES, BrightDetector
from numpy.typing import NDArray

from fer_zoo import FaceExpressionPipeline
from fer_zoo.detection import CenterFaceDetector
from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.imaging import ARCFACE_TEMPLATE, FER_PLUS_TEMPLATE, crop_face
from fer_zoo.models import FerImageProcessor
from fer_zoo.pipelines import FaceCropper
from fer_zoo.results import Box, Face


class CountingDetector(BrightDetector):
    """Notes how many threads were inside at once; each waits a moment for company.

    Args:
        company: how many threads to wait for.
    """

    def __init__(self, company: int) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._company = threading.Barrier(company)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find faces as usual, once company is there."""
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._company.wait(timeout=60)
        with self._lock:
            self.inside -= 1
        return super().detect(images)


class ThreadSafeDetector(CountingDetector):
    """A detector that says it may be called from several threads at once."""

    is_thread_safe = True


def test_the_largest_face_is_chosen(bright: FaceCropper) -> None:
    """Of two faces the one with the larger box is cropped, though the other is surer; of none, none."""
    left, right = bright.find_faces(TWO_FACES)

    assert left.score > right.score
    assert bright.choose((left, right)) == (right,)
    assert bright.choose(()) == ()
    assert bright.find_faces(NO_FACE) == ()


def test_all_faces_keep_the_order_of_the_detector() -> None:
    """With ``faces="all"`` nothing is left out."""
    cropper = FaceCropper(detector=BrightDetector(), faces="all")
    faces = cropper.find_faces(TWO_FACES)

    assert [face.box.left for face in cropper.choose(faces)] == [10, 60]


def test_threshold_leaves_out_unsure_faces() -> None:
    """A face with just the threshold's score stays, one below goes."""
    cropper = FaceCropper(detector=BrightDetector(), threshold=0.9)

    assert [face.score for face in cropper.find_faces(TWO_FACES)] == [0.9]


def test_faces_without_extent_are_left_out() -> None:
    """As in the pipeline: one degenerate box must not cost the other faces of a photograph."""

    class Pointing(BrightDetector):
        """Finds a point beside every face."""

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
            """Return the faces, and the point."""
            return [(*faces, Face(Box(5.0, 5.0, 5.0, 5.0), 0.5)) for faces in super().detect(images)]

    cropper = FaceCropper(detector=Pointing(), faces="all")

    faces = cropper.find_faces(TWO_FACES)

    assert [face.box.left for face in faces] == [10, 60]
    assert len(cropper.cut_out(TWO_FACES, faces)) == 2


def test_crops_are_those_of_the_pipeline(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """Detector and template are the model's own, so the crop of its size is the one that the pipeline classifies."""
    cropper = FaceCropper(size=embedded_pipeline.model.config.image_size)
    faces = cropper.find_faces(astronaut)

    assert faces == embedded_pipeline.detector.detect([astronaut])[0]
    (crop,), (expected,) = (
        cropper.cut_out(astronaut, faces),
        embedded_pipeline.image_processor.crop_faces(astronaut, faces),
    )
    assert np.array_equal(crop, expected)


def test_larger_crops_have_the_same_frame(astronaut: NDArray[np.uint8]) -> None:
    """With a size of 224 the template is drawn twice as large."""
    cropper = FaceCropper(size=224)
    (face,) = cropper.find_faces(astronaut)

    (crop,) = cropper.cut_out(astronaut, [face])

    assert np.array_equal(crop, crop_face(astronaut, face, FER_PLUS_TEMPLATE, 224))


def test_template_comes_from_the_model(tmp_path: Path) -> None:
    """An architecture without weights has that of a fresh network, a folder its own; neither needs any weights."""
    FerImageProcessor(crop_template=FER_PLUS_TEMPLATE.to_dict(), size={"height": 160, "width": 160}).save_pretrained(
        tmp_path
    )

    fresh, own = FaceCropper("resnet18", detector=BrightDetector()), FaceCropper(tmp_path, detector=BrightDetector())

    assert (fresh.image_processor.template, fresh.size) == (ARCFACE_TEMPLATE, 224)
    assert (own.image_processor.template, own.size) == (FER_PLUS_TEMPLATE, 160)


def test_crops_of_a_small_model_are_large_enough_for_others(tmp_path: Path) -> None:
    """A model of 48 pixels gives crops of 112, as they may train larger ones; a size that is asked for is kept."""
    FerImageProcessor(size={"height": 48, "width": 48}).save_pretrained(tmp_path)

    assert FaceCropper(tmp_path, detector=BrightDetector()).size == 112
    assert FaceCropper(tmp_path, detector=BrightDetector(), size=48).size == 48


def test_description_has_all_that_shapes_the_crops(tmp_path: Path) -> None:
    """Both names of a published model are one, and a folder has its full path."""
    FerImageProcessor().save_pretrained(tmp_path)
    (tmp_path / "sub").mkdir()

    values = FaceCropper("fer_zoo/mhan", detector=BrightDetector(), size=96, threshold=0.5).to_dict()

    assert values == {
        "model": "mhan",
        "revision": None,
        "detector": "BrightDetector",
        "size": 96,
        "crop_template": FER_PLUS_TEMPLATE.to_dict(),
        "faces": "largest",
        "threshold": 0.5,
    }
    folder = FaceCropper(tmp_path / "sub" / "..", detector=BrightDetector()).to_dict()["model"]
    assert folder == str(tmp_path.resolve())


def test_detector_is_called_from_one_thread_at_a_time() -> None:
    """A detector that does not say otherwise is never entered twice."""
    detector = CountingDetector(company=1)
    cropper = FaceCropper(detector=detector)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(cropper.find_faces, [TWO_FACES] * 40))

    assert detector.most == 1
    assert all(len(faces) == 2 for faces in answers)


def test_thread_safe_detector_is_called_from_several_threads() -> None:
    """Two threads meet inside a detector that allows it; CenterFace is one, as onnxruntime's sessions are."""
    detector = ThreadSafeDetector(company=2)
    cropper = FaceCropper(detector=detector)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(cropper.find_faces, [TWO_FACES] * 2))

    assert detector.most == 2
    assert CenterFaceDetector.is_thread_safe


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "Invalid value 0 for size: expected a whole number of at least 1."),
        ({"faces": "both"}, "Invalid value 'both' for faces: expected 'largest' or 'all'."),
        ({"threshold": 2}, "Invalid value 2 for threshold: expected a number from 0 to 1."),
        (
            {"detector": "whole_image"},
            "Invalid value 'whole_image' for detector: expected one that finds faces; pictures that are crops already "
            "need no cropping.",
        ),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    """Each is named, with what was expected."""
    with pytest.raises(InvalidOptionError) as caught:
        FaceCropper(**options)

    assert str(caught.value) == message


def test_unknown_model_is_refused() -> None:
    """The name that was meant is suggested."""
    with pytest.raises(UnknownNameError, match=r"Unknown model 'mahn'\. Did you mean 'mhan'"):
        FaceCropper("mahn")
