"""``fer-zoo explain``, through its real entry point."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import Result

from fer_zoo.detection import CenterFaceDetector
from fer_zoo.registry import get_entry
from fer_zoo.results import Box, Face

Write = Callable[[str, NDArray[np.uint8]], str]
Run = Callable[..., Result]


@pytest.fixture
def explain(run: Run) -> Run:
    """Return a function that runs ``fer-zoo explain`` with arguments."""
    return partial(run, "explain")


def read(path: Path | str) -> NDArray[np.uint8]:
    """Return a picture."""
    with Image.open(path) as image:
        return np.array(image)


def test_picture_is_explained_into_a_folder(
    explain: Run, smile: str, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The folder is made, the file has the picture's name and size, and only the face has changed."""
    result = explain(smile, "--output", tmp_path / "out")

    written = tmp_path / "out" / "smile_explained.png"
    assert result.exit_code == 0
    assert result.stdout == f"{written}: 1 face (happiness)\n"
    changed = (read(written) != astronaut).any(axis=2)
    assert changed[70:170, 190:260].mean() > 0.95  # the face
    assert not changed[250:, :].any()


def test_each_method_has_a_file_of_its_own(explain: Run, smile: str, tmp_path: Path) -> None:
    """Where the file is named by the command, the second picture does not replace the first."""
    results = [explain(smile, "--method", method, "--output", tmp_path / "out") for method in ("grad_cam", "attention")]

    assert [result.exit_code for result in results] == [0, 0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["smile_attention.png", "smile_explained.png"]


def test_face_without_extent_is_left_out(
    explain: Run, smile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere else, and the others are explained."""
    faces = (Face(Box(5, 5, 5, 5), 0.9), Face(Box(180, 60, 270, 180), 0.8))
    monkeypatch.setattr(CenterFaceDetector, "detect", lambda self, images: [faces] * len(images))

    result = explain(smile, "--device", "cpu", "--output", tmp_path)

    assert result.exit_code == 0, result.stderr
    assert ": 1 face (" in result.stdout


def test_methods_and_targets_give_different_pictures(explain: Run, smile: str, tmp_path: Path) -> None:
    """A file is written where it was asked for, in the format of its ending."""
    files = [tmp_path / "happy.png", tmp_path / "sad.bmp", tmp_path / "attention.png"]

    results = [
        explain(smile, "--output", files[0]),
        explain(smile, "--output", files[1], "--target", "Sad"),
        explain(smile, "--output", files[2], "--method", "attention"),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert "1 face (sadness)" in results[1].stdout
    assert results[2].stdout == f"{files[2]}: 1 face\n"
    happy, sad, attention = map(read, files)
    assert (happy != sad).any()
    assert (happy != attention).any()


def test_target_of_a_checkpoint_without_label2id(explain: Run, smile: str, tmp_path: Path) -> None:
    """What an expression is called says ``id2label``."""
    folder = tmp_path / "model"
    shutil.copytree(get_entry("mhan").folder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config["label2id"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    result = explain(smile, "--model", folder, "--device", "cpu", "--target", "angry", "--output", tmp_path)

    assert result.exit_code == 0, result.stderr
    assert "1 face (anger)" in result.stdout


def test_picture_without_a_face_is_written_unchanged(
    explain: Run, write_picture: Write, landscape: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No face is a result: it is said, and the picture lies in the current folder by default."""
    path = write_picture("in/landscape.png", landscape)
    monkeypatch.chdir(tmp_path)

    result = explain(path)

    assert result.exit_code == 0
    assert result.stdout == "landscape_explained.png: no face, the picture is unchanged\n"
    assert np.array_equal(read(tmp_path / "landscape_explained.png"), landscape)


def test_face_crops(explain: Run, write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path) -> None:
    """``--detector whole_image`` explains all of the picture."""
    path = write_picture("crop.png", astronaut[50:190, 160:290])

    result = explain(path, "--detector", "whole_image", "--device", "cpu", "--output", tmp_path)

    assert result.exit_code == 0
    changed = (read(tmp_path / "crop_explained.png") != astronaut[50:190, 160:290]).any(axis=2)
    assert changed.mean() > 0.95


def test_unreadable_picture_exits_with_1(explain: Run, tmp_path: Path) -> None:
    """The reason is on stderr and nothing is written."""
    result = explain(tmp_path / "missing.png", "--output", tmp_path / "out")

    assert result.exit_code == 1
    assert "missing.png" in result.stderr
    assert not (tmp_path / "out").exists()


def test_url_that_is_none_exits_with_1(explain: Run) -> None:
    """The reason is that of reading it."""
    result = explain("http://[bad/x.png", "--device", "cpu")

    assert result.exit_code == 1
    assert "error: Cannot read image 'http://[bad/x.png'" in result.stderr


def test_the_picture_itself_is_not_written_over(explain: Run, smile: str) -> None:
    """By another path to the same file neither."""
    before = Path(smile).read_bytes()
    same = Path(smile).parent / "." / ".." / Path(smile).parent.name / Path(smile).name

    result = explain(smile, "--output", same)

    assert result.exit_code == 2
    assert "a file other than the picture that is explained" in " ".join(result.stderr.split())
    assert Path(smile).read_bytes() == before


def test_place_that_cannot_be_written_to_exits_with_1(explain: Run, smile: str) -> None:
    """A file cannot hold a folder; the message names the option."""
    result = explain(smile, "--output", f"{smile}/out")

    assert result.exit_code == 1
    assert "for --output: expected a place that can be written to" in result.stderr


@pytest.mark.parametrize(("width", "ending"), [(16_384, "webp"), (65_536, "tga")])
def test_format_that_cannot_hold_the_picture_exits_with_1(
    width: int, ending: str, explain: Run, write_picture: Write, tmp_path: Path
) -> None:
    """Pillow raises an error of another kind for each of the two; the message names the option and the size."""
    path = write_picture("wide.png", np.zeros((2, width, 3), np.uint8))

    result = explain(path, "--detector", "whole_image", "--device", "cpu", "--output", tmp_path / f"out.{ending}")

    assert result.exit_code == 1
    assert f"out.{ending}' for --output: expected a format that can hold {width:,} x 2 pixels (" in result.stderr
    assert not (tmp_path / f"out.{ending}").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "gradcam"), "Unknown method 'gradcam'. Did you mean 'grad_cam'?"),
        (("--target", "happines"), "Unknown expression 'happines'. Did you mean 'happiness'?"),
        (("--target", "fear", "--method", "attention"), "Invalid value 'fear' for target"),
        (("--output", "picture.docx"), "a folder, or a file with one of"),
        (("--model", "mahn"), "Unknown model 'mahn'. Did you mean 'mhan'?"),
        (("--detector", "mtcnn"), "Unknown detector 'mtcnn'."),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_wrong_usage_exits_with_2(
    explain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    """Wrong options end before the picture is read, with the reason on stderr."""
    monkeypatch.chdir(tmp_path)

    result = explain("missing.png", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())
