"""The whole examination, with installations that are in order and some that are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.detection import center_face
from fer_zoo.doctor import check_weights, examine, run_self_test
from fer_zoo.doctor.self_test import EXPECTED_BOX
from fer_zoo.errors import UnknownNameError
from fer_zoo.labels import get_label_set
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import create_model, entries, list_embedded_models
from fer_zoo.registry.entries import WEIGHTS_FOLDER
from fer_zoo.results import Box, Face


class StandIn:
    """A detector that always gives the same faces."""

    gives_crops = False

    def __init__(self, *faces: Face) -> None:
        self.faces = faces

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return the faces once for each picture."""
        return [self.faces for _ in images]


@pytest.fixture
def damaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the registry find copies of the embedded weights, one bit of which is wrong, and return their file."""
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS_FOLDER, folder)
    path = folder / "mhan" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(entries, "WEIGHTS_FOLDER", folder)
    return path


def test_embedded_weights_are_those_that_were_published() -> None:
    """Every embedded model is checked, and the detector."""
    checked = check_weights()

    assert [file.name for file in checked] == [*(entry.name for entry in list_embedded_models()), "center_face"]
    assert all(file.is_sound and Path(file.path).is_file() for file in checked)


def test_damaged_weights_are_found(damaged_weights: Path) -> None:
    """The checksum and the self-test fail, and the rest of the examination is still there."""
    examination = examine(device="cpu")

    (model,) = (file for file in examination.weights if not file.is_sound)
    assert not examination.is_sound
    assert len(examination.weights) == len(list_embedded_models()) + 1
    assert model.error is not None
    assert str(damaged_weights) in model.error
    assert examination.self_test.error == model.error
    assert examination.model_hints == ()
    assert examination.packages


def test_missing_weights_are_found(damaged_weights: Path) -> None:
    """A file that was deleted is as bad as a damaged one."""
    damaged_weights.unlink()

    (model,) = (file for file in check_weights() if file.name == "mhan")

    assert model.error is not None
    assert "No such file" in model.error


def test_damaged_detector_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of the detector has a checksum as well."""
    forged = tmp_path / "centerface.onnx"
    forged.write_bytes(b"no network")
    monkeypatch.setattr(center_face, "network_file", lambda: forged)

    detector = check_weights()[-1]

    assert detector.error is not None
    assert "has the sha256" in detector.error


def test_self_test_finds_the_smile(embedded_pipeline: FaceExpressionPipeline) -> None:
    """The embedded picture has one smiling face, and the answer says what computed it."""
    answer = run_self_test(embedded_pipeline, is_published=True)

    assert (answer.error, answer.label, answer.provider) == (None, "happiness", "cpu")
    assert answer.detector_backend == "onnxruntime"
    assert answer.score > 0.5


@pytest.mark.parametrize(
    ("faces", "error"),
    [
        ((), "expected one face in the embedded picture, found 0"),
        ((Face(Box(0, 400, 80, 500), 0.9),), "the face was found in the wrong place (overlap 0.00"),
    ],
)
def test_self_test_fails_with_a_broken_detector(
    faces: tuple[Face, ...], error: str, embedded_pipeline: FaceExpressionPipeline
) -> None:
    """One that finds nothing, or the wrong thing."""
    pipe = pipeline(
        model=embedded_pipeline.model,
        image_processor=embedded_pipeline.image_processor,
        detector=StandIn(*faces),
        device="cpu",
    )

    answer = run_self_test(pipe, is_published=True)

    assert answer.error is not None
    assert answer.error.startswith(error)


def _spoiled(weight: float, bias: tuple[float, ...]) -> FaceExpressionPipeline:
    """Return a small model that gives every face the same logits, with a detector that knows where the face is."""
    model, processor = create_model("resnet18", config_options={"image_size": 32})
    *_, last = (module for module in model.modules() if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        last.weight.fill_(weight)
        last.bias.copy_(torch.tensor(bias))
    detector = StandIn(Face(EXPECTED_BOX, 0.9))
    return pipeline(model=model, image_processor=processor, detector=detector, device="cpu")


def test_self_test_fails_with_a_wrong_answer() -> None:
    """A model that says neutral to all fails if it is a published one, and passes if nothing is known of it."""
    pipe = _spoiled(0.0, (9.0, *[0.0] * 7))

    assert run_self_test(pipe, is_published=False).error is None
    assert run_self_test(pipe, is_published=True).error == "expected happiness for the embedded picture, found neutral"


def test_self_test_fails_with_probabilities_that_are_no_numbers() -> None:
    """NaN is no probability, of whatever model."""
    answer = run_self_test(_spoiled(float("nan"), (0.0,) * 8), is_published=False)

    assert answer.error == "the probabilities add up to nan instead of 1"


def test_model_of_ones_own_is_examined(tmp_path: Path) -> None:
    """Its classes are looked at, and its answer for the picture is given but not judged."""
    torch.manual_seed(0)
    model, processor = create_model("resnet18", config_options={"image_size": 32})
    model.config.id2label = {i: f"LABEL_{i}" for i in range(8)}
    save_checkpoint(model, processor, tmp_path / "own")

    examination = examine(model=tmp_path / "own", device="cpu")

    assert examination.is_sound
    assert examination.self_test.label.startswith("LABEL_")
    assert [(hint.code, hint.level) for hint in examination.model_hints] == [("label_order", "warning")]


def test_folder_with_the_name_of_a_model_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is no name of the table: neither the published classes nor the published answer is expected of it."""
    torch.manual_seed(0)
    label_set = get_label_set("raf_db")
    model, processor = create_model("resnet18", label_set=label_set, config_options={"image_size": 32})
    save_checkpoint(model, processor, tmp_path / "mhan")
    monkeypatch.chdir(tmp_path)

    examination = examine(model=Path("mhan"), device="cpu")

    assert examination.is_sound
    assert [(hint.code, hint.level) for hint in examination.model_hints] == [("label_order", "note")]
    assert "the order of raf_db" in examination.model_hints[0].message


def test_examination_is_ready_for_json(tmp_path: Path) -> None:
    """With a picture that is not there, which makes it unsound."""
    examination = examine(tmp_path / "none.png", device="cpu")

    values = json.loads(json.dumps(examination.to_dict()))
    assert values["is_sound"] is False
    assert values["self_test"]["label"] == "happiness"
    assert "there is no such file" in values["picture"]["result"]["error"]
    assert {file["error"] for file in values["weights"]} == {None}


def test_name_of_no_model_is_wrong_usage() -> None:
    """It is raised, as nothing is wrong with the installation."""
    with pytest.raises(UnknownNameError, match="Did you mean 'mhan'"):
        examine(model="mahn")
