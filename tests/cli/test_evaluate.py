"""``fer-zoo evaluate`` and ``fer-zoo calibrate``, with the embedded model on a folder of crops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.torch import load_file
from small_models import narrow_han_pff
from transformers import AutoConfig, AutoImageProcessor
from typer.testing import Result

from fer_zoo import get_entry, pipeline
from fer_zoo.cli.calibrate import _print as print_calibration
from fer_zoo.evaluation import Calibration, EvaluationReport
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor
from fer_zoo.models.checkpoint import save_checkpoint

Run = Callable[..., Result]
Write = Callable[[str, NDArray[np.uint8]], str]


@pytest.fixture
def crops(write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder of smiling faces: two called happy and one sad to test, one of them also in training."""
    face = np.ascontiguousarray(astronaut[55:185, 160:290])
    write_picture("crops/train/happy/a.png", face)
    write_picture("crops/train/sad/x.png", np.ascontiguousarray(face[::-1]))
    write_picture("crops/test/happy/a.png", face)
    write_picture("crops/test/happy/b.png", np.ascontiguousarray(face[:, ::-1]))
    write_picture("crops/test/sad/c.png", np.ascontiguousarray(face[2:, 2:]))
    return tmp_path / "crops"


@pytest.fixture
def evaluate(run: Run, crops: Path) -> Run:
    """Return a function that evaluates the embedded model on the crops, and prints JSON."""

    def invoke(*options: object) -> Result:
        return run("evaluate", "mhan", "image_folder", crops, "--device", "cpu", "--json", *options)

    return invoke


class TestEvaluate:
    """Figures of a model."""

    def test_table_shows_figures_classes_and_conditions(self, run: Run, crops: Path) -> None:
        """Two of three are right; the test split is taken, and the command is there to be repeated."""
        result = run("evaluate", "mhan", "image_folder", crops, "--device", "cpu")

        assert result.exit_code == 0
        assert "mhan on image_folder, test" in result.stdout
        assert "66.7 % (95 % interval 20.8 to 93.9; 2 of 3)" in result.stdout
        assert "Pictures: 3; 3 evaluated" in result.stdout
        assert f"Command: fer-zoo evaluate mhan image_folder {crops} --device cpu\n" in result.stdout

    def test_terminal_says_what_the_figures_leave_out(self, run: Run, crops: Path, tmp_path: Path) -> None:
        """Classes of the model alone, pictures of a class that it lacks, and unreadable ones, as the report does."""
        (crops / "broken.png").write_bytes(b"no picture")
        rows = "test/happy/a.png,happiness\ntest/sad/c.png,sadness\ntest/happy/b.png,contempt\nbroken.png,sadness\n"
        (crops / "table.csv").write_text(f"path,label\n{rows}")
        labels = get_label_set("raf_db")
        model = narrow_han_pff(id2label=labels.id2label, label2id=labels.label2id)
        save_checkpoint(model, FerImageProcessor(), tmp_path / "small")

        result = run(
            "evaluate", tmp_path / "small", "table", crops / "table.csv", "--device", "cpu", "--unreadable", "skip",
            "--output", tmp_path / "report",
        )  # fmt: skip

        pictures = "Pictures: 4; 2 evaluated, 1 not readable, 1 of contempt, which the model lacks\n"
        reservation = (
            "The data has no class for surprise, fear, disgust, anger, neutral: the probabilities of the model"
        )
        report = (tmp_path / "report" / "evaluation.md").read_text()
        assert pictures in result.stdout
        assert pictures in report
        assert f"note: {reservation}" in result.stdout
        assert reservation in report

    def test_json_is_the_report(self, evaluate: Run) -> None:
        """It can be read back as a value."""
        result = evaluate("--min-confidence", 0.2, "--flip", "--batch-size", 2, "--workers", 1)

        report = EvaluationReport.from_dict(json.loads(result.stdout))
        assert (report.metrics.accuracy.hits, report.metrics.abstention.min_confidence, report.flip) == (2, 0.2, True)
        assert report.environment.command.endswith(
            "--min-confidence 0.2 --flip --batch-size 2 --workers 1 --device cpu"
        )

    def test_split_can_be_chosen(self, evaluate: Run) -> None:
        """Any part that is there can be measured."""
        values = json.loads(evaluate("--split", "train").stdout)

        assert (values["split"], values["counts"]["pictures"]) == ("train", 2)

    def test_table_of_numbers_needs_its_label_set(self, run: Run, crops: Path) -> None:
        """3 is happiness in the order of RAF-DB."""
        table = crops / "numbers.csv"
        table.write_text("path,label\ntest/happy/a.png,3\ntest/happy/b.png,3.0\n")

        result = run("evaluate", "mhan", "table", table, "--label-set", "raf_db", "--device", "cpu", "--json")

        assert json.loads(result.stdout)["metrics"]["accuracy"]["hits"] == 2

    def test_place_that_is_a_file_is_refused_before_the_work(self, evaluate: Run, crops: Path) -> None:
        """Nothing is measured in vain."""
        result = evaluate("--output", crops / "test" / "happy" / "a.png")

        assert (result.exit_code, result.stdout) == (2, "")
        assert "a.png' for --output: expected a folder, this is a file" in result.stderr

    def test_figures_are_printed_where_the_report_cannot_be_written(self, evaluate: Run) -> None:
        """What was measured is not lost."""
        result = evaluate("--output", "/proc/report")

        assert result.exit_code == 2
        assert json.loads(result.stdout)["counts"]["pictures"] == 3
        assert "'/proc/report' for folder: expected a folder that can be written to" in result.stderr

    def test_twins_and_challenge_lists_select(self, evaluate: Run, tmp_path: Path) -> None:
        """What was left out is said in the report."""
        (tmp_path / "hard.txt").write_text("b.jpg\nc.jpg\n")

        twins = json.loads(evaluate("--without-twins-of", "train").stdout)
        challenge = json.loads(evaluate("--challenge", tmp_path / "hard.txt").stdout)

        assert twins["counts"]["pictures"] == challenge["counts"]["pictures"] == 2
        assert twins["selection"] == "without the 1 of 3 pictures that are also in train"
        assert challenge["selection"] == "the challenge list hard"

    def test_detector_takes_whole_pictures(
        self, evaluate: Run, write_picture: Write, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]
    ) -> None:
        """Faces are found first, and a picture without one is missed."""
        write_picture("crops/validation/happy/whole.png", astronaut)
        write_picture("crops/validation/sad/none.png", landscape)

        values = json.loads(evaluate("--split", "validation", "--detector", "center_face").stdout)

        assert values["detector"] == "center_face"
        assert (values["counts"]["evaluated"], values["counts"]["missed"]) == (1, 1)
        assert values["missed_as_wrong"]["accuracy"]["value"] == 0.5

    def test_report_is_written(self, evaluate: Run, tmp_path: Path) -> None:
        """The folder has the report as JSON, Markdown and pictures."""
        result = evaluate("--output", tmp_path / "report")

        assert result.exit_code == 0
        assert (
            EvaluationReport.load(tmp_path / "report").to_dict()
            == EvaluationReport.from_dict(json.loads(result.stdout)).to_dict()
        )
        assert {path.suffix for path in (tmp_path / "report").iterdir()} == {".json", ".md", ".png"}

    def test_unreadable_pictures_are_skipped_among_twins_too(self, evaluate: Run, crops: Path) -> None:
        """They are nobody's twins: one of four is left out as a twin, and one cannot be read."""
        (crops / "test" / "happy" / "broken.png").write_bytes(b"no picture")

        result = evaluate("--unreadable", "skip", "--without-twins-of", "train")

        report = json.loads(result.stdout)
        assert report["selection"] == "without the 1 of 4 pictures that are also in train"
        assert report["counts"]["unreadable"] == 1

    def test_unreadable_pictures_end_it_or_are_skipped(self, evaluate: Run, crops: Path) -> None:
        """The file is named on stderr in both cases."""
        (crops / "test" / "happy" / "broken.png").write_bytes(b"no picture")

        ended, skipped = evaluate(), evaluate("--unreadable", "skip")

        assert (ended.exit_code, skipped.exit_code) == (1, 0)
        assert ended.stdout == ""
        assert all("broken.png" in result.stderr for result in (ended, skipped))
        assert json.loads(skipped.stdout)["counts"]["unreadable"] == 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--split", "test2"), "test2"),
            (("--unreadable", "ignore"), "expected 'raise' or 'skip'"),
            (("--detector", "mtcnn"), "Unknown detector 'mtcnn'"),
            (("--detector", "center_face", "--flip"), "with a detector"),
            (("--challenge", "missing.txt"), "missing.txt"),
            (("--device", "abacus"), "abacus"),
            (("--min-confidence", "2"), "--min-confidence"),
        ],
    )
    def test_wrong_usage_exits_with_2(self, evaluate: Run, options: tuple[str, ...], message: str) -> None:
        """The reason is on stderr."""
        result = evaluate(*options)

        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr

    def test_unknown_models_and_kinds_are_named(self, run: Run, crops: Path) -> None:
        """With the names that are known."""
        assert "Did you mean 'mhan'" in run("evaluate", "mahn", "image_folder", crops).stderr
        assert "Did you mean 'image_folder'" in run("evaluate", "mhan", "image_folders", crops).stderr


class TestCalibrate:
    """A copy of a model with its temperature."""

    @pytest.fixture
    def validation(self, write_picture: Write, crops: Path) -> Path:
        """Return the folder with twelve noisy crops to validate on, a third of them called sad."""
        from PIL import Image

        face = np.asarray(Image.open(crops / "train" / "happy" / "a.png"), np.int16)
        random = np.random.default_rng(0)
        for number in range(12):
            noisy = (face + random.integers(-60, 61, face.shape)).clip(0, 255).astype(np.uint8)
            write_picture(f"crops/validation/{('happy', 'happy', 'sad')[number % 3]}/{number}.png", noisy)
        return crops

    def test_copy_has_the_temperature_and_the_same_weights(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """All but the temperature is as in the checkpoint, and the pipeline loads it; the old one is untouched."""
        result = run(
            "calibrate", "mhan", "image_folder", validation, "--split", "validation", "--device", "cpu", "--json",
            "--folds", 3, "--output", tmp_path / "out",
        )  # fmt: skip

        found = json.loads(result.stdout)
        folder = get_entry("mhan").folder
        assert result.exit_code == 0
        own = AutoConfig.from_pretrained(folder).temperature
        assert (found["num_pictures"], found["num_folds"], found["temperature_before"]) == (12, 3, own)
        assert found["temperature"] > 1.0  # a third of the labels contradicts what the model is sure of
        assert found["nll_after"] < found["nll_before"]
        config = AutoConfig.from_pretrained(tmp_path / "out")
        assert config.temperature == found["temperature"]
        assert AutoConfig.from_pretrained(folder).temperature == own < 1.0
        weights, copied = (load_file(place / "model.safetensors") for place in (folder, tmp_path / "out"))
        assert all(copied[name].dtype == value.dtype and copied[name].equal(value) for name, value in weights.items())
        assert AutoImageProcessor.from_pretrained(tmp_path / "out").color_mode == "grey"
        picture = str(validation / "train" / "happy" / "a.png")
        scores = [
            pipeline(model=model, detector="whole_image", device="cpu")(picture)[0]["score"]
            for model in ("mhan", tmp_path / "out")
        ]
        assert scores[1] < scores[0]

    def test_table_shows_before_and_after(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """The figures after are said to be cross-fitted."""
        result = run(
            "calibrate", "mhan", "image_folder", validation, "--split", "validation", "--device", "cpu",
            "--output", tmp_path / "out",
        )  # fmt: skip

        assert "temperature" in result.stdout
        assert "12 pictures; ECE and NLL after are cross-fitted in 5 folds" in result.stdout

    @pytest.mark.parametrize(("after", "warns"), [(0.5, True), (0.4, False), (0.3, False)])
    def test_temperature_that_is_worse_is_said_to_be(
        self, after: float, warns: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Compared is the likelihood of pictures that were left out of fitting."""
        found = Calibration(
            temperature=2.0, temperature_before=1.0, ece_before=0.1, ece_after=0.1, nll_before=0.4, nll_after=after,
            num_pictures=8, num_folds=5,
        )  # fmt: skip

        print_calibration(found, Path("out"))

        assert ("more pictures are needed" in capsys.readouterr().out) == warns

    def test_validation_part_is_the_one_that_is_taken(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """Not the test part, which lies beside it."""
        result = run("calibrate", "mhan", "image_folder", validation, "--device", "cpu", "--output", tmp_path / "out")

        assert "12 pictures; ECE" in result.stdout, result.output

    def test_data_that_are_not_split_are_taken_whole(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """There is no test part that could be taken by mistake."""
        data = validation / "validation"

        result = run("calibrate", "mhan", "image_folder", data, "--device", "cpu", "--output", tmp_path / "out")

        assert "12 pictures; ECE" in result.stdout, result.output

    def test_part_must_be_named_where_none_is_for_validation(self, run: Run, crops: Path, tmp_path: Path) -> None:
        """The message says what there is, and nothing is written."""
        result = run("calibrate", "mhan", "image_folder", crops, "--output", tmp_path / "out")

        assert result.exit_code == 2
        assert "error: No value for --split: expected the part to calibrate on" in result.stderr
        assert "there is: train, test." in result.stderr
        assert not (tmp_path / "out").exists()

    def test_report_of_the_old_temperature_is_left_out(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """Its calibration error would be taken for that of the copy."""
        checkpoint = tmp_path / "mine"
        copytree(get_entry("mhan").folder, checkpoint)
        report = {"evaluation.json", "evaluation.md", "confusion_matrix.png", "reliability.png", "per_class.png"}
        for name in report:
            (checkpoint / name).write_text("old")

        result = run(
            "calibrate", checkpoint, "image_folder", validation, "--device", "cpu", "--output", tmp_path / "out"
        )

        assert result.exit_code == 0, result.output
        assert {path.name for path in (tmp_path / "out").iterdir()} == {
            path.name for path in checkpoint.iterdir() if path.name not in report
        }

    def test_exported_folder_is_refused(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """The temperature is in its network too, where it would stay the old one."""
        export = tmp_path / "export"
        export.mkdir()
        (export / "export.json").write_text("{}")

        result = run("calibrate", export, "image_folder", validation, "--output", tmp_path / "out")

        assert result.exit_code == 2
        assert "Calibrate the checkpoint that it was made from, and export the copy." in result.stderr
        assert not (tmp_path / "out").exists()

    def test_folders_in_use_are_refused(self, run: Run, validation: Path) -> None:
        """Nothing is overwritten."""
        result = run("calibrate", "mhan", "image_folder", validation, "--output", validation)

        assert result.exit_code == 2
        assert "a new or empty folder" in result.stderr

    def test_unreadable_pictures_end_it(self, run: Run, validation: Path, tmp_path: Path) -> None:
        """The file is named, and nothing is written."""
        (validation / "validation" / "sad" / "broken.png").write_bytes(b"no picture")

        result = run(
            "calibrate", "mhan", "image_folder", validation, "--split", "validation", "--output", tmp_path / "out"
        )

        assert result.exit_code == 1
        assert "broken.png" in result.stderr
        assert not (tmp_path / "out").exists()
