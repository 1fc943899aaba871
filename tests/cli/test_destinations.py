"""What becomes of files that are there already: drawings and reports are replaced, models never."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mhan_checkpoints import write_checkpoint
from numpy.typing import NDArray
from typer.main import get_command
from typer.testing import Result

from fer_zoo import MhanConfig, MhanForImageClassification, read_image
from fer_zoo.cli import app
from fer_zoo.evaluation import EvaluationReport

Run = Callable[..., Result]
Write = Callable[[str, NDArray[np.uint8]], str]


def help_of(command: str, parameter: str) -> str:
    """Return what ``--help`` says of an option or an argument."""
    commands: Any = get_command(app)
    return next(str(found.help) for found in commands.commands[command].params if found.name == parameter)


@pytest.mark.parametrize(
    ("command", "parameter"),
    [
        ("video", "frames"),
        ("video", "segments"),
        ("video", "annotated"),
        ("video", "timeline"),
        ("explain", "output"),
        ("evaluate", "output"),
        ("predict", "annotate_to"),
        ("predict", "output"),
        ("predict", "overwrite"),
    ],
)
def test_help_says_what_is_replaced(command: str, parameter: str) -> None:
    """Each option that names a file or folder to write."""
    assert "replace" in help_of(command, parameter)


@pytest.mark.parametrize(
    ("command", "parameter"),
    [
        ("train", "output"),
        ("calibrate", "output"),
        ("export", "output"),
        ("convert", "folder"),
        ("pull", "destination"),
        ("crop", "destination"),
    ],
)
def test_help_says_what_must_be_new(command: str, parameter: str) -> None:
    """Folders of models, and of crops, which runs go on with."""
    assert "new or empty" in help_of(command, parameter)


def test_conversion_never_replaces_a_model(run: Run, tmp_path: Path) -> None:
    """The folder stays as it was."""
    write_checkpoint(tmp_path / "epoch.pth", MhanForImageClassification(MhanConfig(num_labels=7)))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"trained for days")

    result = run("convert", tmp_path / "epoch.pth", folder, "--label-set", "raf_db")

    assert result.exit_code == 2
    assert f"Invalid value {str(folder)!r} for FOLDER: expected a new or empty folder" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == b"trained for days"


def test_report_is_replaced_and_other_files_stay(
    run: Run, write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The second evaluation has another number of pictures, which the report then says."""
    face = np.ascontiguousarray(astronaut[55:185, 160:290])
    report = tmp_path / "report"
    for name in ("crops/happy/a.png", "crops/sad/b.png"):
        write_picture(name, face)
    evaluate = ("evaluate", "mhan", "image_folder", tmp_path / "crops", "--device", "cpu", "--output", report)
    run(*evaluate)
    (report / "notes.txt").write_text("mine")
    write_picture("crops/happy/c.png", face)

    result = run(*evaluate)

    assert result.exit_code == 0, result.output
    assert EvaluationReport.load(report).counts.pictures == 3
    assert (report / "notes.txt").read_text() == "mine"


def test_drawings_are_replaced(run: Run, smile: str, tmp_path: Path) -> None:
    """What explain and predict draw, not the picture that they read."""
    before = Path(smile).read_bytes()
    explained, marked = tmp_path / "smile_explained.png", tmp_path / "marked" / "smile.png"
    marked.parent.mkdir()
    for path in (explained, marked):
        path.write_bytes(b"old")

    results = [run("explain", smile, "--output", tmp_path), run("predict", smile, "--annotate", marked.parent)]

    assert [result.exit_code for result in results] == [0, 0]
    assert [read_image(path).shape for path in (explained, marked)] == [(512, 512, 3), (512, 512, 3)]
    assert Path(smile).read_bytes() == before
