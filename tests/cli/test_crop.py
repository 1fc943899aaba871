"""``fer-zoo crop``, through its real entry point."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import Result

Write = Callable[[str, NDArray[np.uint8]], str]
Run = Callable[..., Result]


@pytest.fixture
def crop(run: Run) -> Run:
    """Return a function that runs ``fer-zoo crop`` with arguments."""
    return partial(run, "crop")


@pytest.fixture
def photographs(write_picture: Write, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]) -> Path:
    """Return a folder with a face and a landscape."""
    write_picture("in/happy/smile.png", astronaut)
    return Path(write_picture("in/happy/landscape.png", landscape)).parent.parent


def test_crops_and_their_report(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """The summary counts what became of the pictures, and says where to read more; no face is no failure."""
    result = crop(photographs, tmp_path / "out")

    assert result.exit_code == 0
    assert result.stdout == (
        "2 pictures: 1 cropped into 1 crop, 1 without a face, 0 unreadable\n"
        f"Report: {tmp_path / 'out/crop_report.jsonl'}\n"
    )
    with Image.open(tmp_path / "out/happy/smile.png") as image:
        assert image.size == (112, 112)


def test_summary_as_json(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """Machines get the figures by name; those of an earlier run are in them."""
    crop(photographs, tmp_path / "out", "--limit", 1)

    result = crop(photographs, tmp_path / "out", "--json")

    assert json.loads(result.stdout) == {
        "report": str(tmp_path / "out/crop_report.jsonl"),
        "num_pictures": 2,
        "num_cropped": 1,
        "num_crops": 1,
        "num_without_face": 1,
        "num_unreadable": 0,
        "num_done_before": 1,
    }


def test_second_run_says_what_was_done_before(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """Nothing is left to do, and the summary is that of the whole folder."""
    crop(photographs, tmp_path / "out")

    assert crop(photographs, tmp_path / "out").stdout.startswith("2 pictures (2 of them by an earlier run): 1 cropped")


def test_options_reach_the_crops(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """Size, faces, format and model are those asked for."""
    options = ("--size", 64, "--faces", "all", "--jpeg-quality", 90, "--model", "resnet18", "--workers", 1)

    result = crop(photographs, tmp_path / "out", *options)

    assert result.exit_code == 0
    with Image.open(tmp_path / "out/happy/smile_1.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (64, 64))
    assert json.loads((tmp_path / "out/crop_options.json").read_text())["model"] == "resnet18"


def test_unreadable_picture_is_reported(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """The exit status is 1, the reason is on stderr, and the rest is done."""
    (photographs / "broken.jpg").touch()

    result = crop(photographs, tmp_path / "out")

    assert result.exit_code == 1
    assert f"error: {photographs / 'broken.jpg'}: it is empty" in result.stderr
    assert "1 cropped into 1 crop, 1 without a face, 1 unreadable" in result.stdout


def test_folder_without_pictures_is_a_failed_input(crop: Run, tmp_path: Path) -> None:
    """As for ``predict``, the endings that were looked for are listed."""
    (tmp_path / "in").mkdir()

    result = crop(tmp_path / "in", tmp_path / "out")

    assert result.exit_code == 1
    assert "the folder has no pictures (.avif, .bmp" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "mahn"), "Unknown model 'mahn'. Did you mean 'mhan'?"),
        (("--detector", "whole_image"), "Invalid value 'whole_image' for detector"),
        (("--faces", "smallest"), "Invalid value 'smallest' for faces: expected 'largest' or 'all'."),
        (("--size", "0"), "--size"),
        (("--threshold", "2"), "--threshold"),
        (("--jpeg-quality", "101"), "--jpeg-quality"),
    ],
)
def test_wrong_usage_exits_with_2(
    crop: Run, photographs: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Wrong options end before anything is written, with the reason on stderr."""
    result = crop(photographs, tmp_path / "out", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_missing_source_exits_with_2(crop: Run, tmp_path: Path) -> None:
    """The folder is named."""
    result = crop(tmp_path / "missing", tmp_path / "out")

    assert result.exit_code == 2
    assert f"Invalid value '{tmp_path / 'missing'}' for source: expected a folder of pictures." in result.stderr


def test_other_options_need_overwrite(crop: Run, photographs: Path, tmp_path: Path) -> None:
    """The error names the difference and the way out, and the way out works."""
    crop(photographs, tmp_path / "out")

    refused = crop(photographs, tmp_path / "out", "--size", 64)
    accepted = crop(photographs, tmp_path / "out", "--size", 64, "--overwrite")

    assert refused.exit_code == 2
    assert "(size was 112 and is now 64); choose another folder, or overwrite=True (--overwrite)" in refused.stderr
    assert accepted.exit_code == 0
    with Image.open(tmp_path / "out/happy/smile.png") as image:
        assert image.size == (64, 64)
