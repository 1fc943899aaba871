"""``fer-zoo train``, from a folder of pictures to a model that the pipeline loads."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from face_folders import run_layer, write_faces, write_splits
from forked import command_line, forked
from PIL import Image
from safetensors.torch import load_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typer.testing import CliRunner, Result

import fer_zoo
from fer_zoo.cli import app
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.training import RunSettings, TrainingRun, read_settings

Train = Callable[..., Result]

#: What an interrupted run must not disturb: everything that remembers something between steps.
STATEFUL = {"sam_rho": 0.05, "ema_decay": 0.9, "sampler": "inverse_frequency", "num_train_epochs": 3}
AUGMENTED = {"augmentation": {"flip": 0.5, "crop_area": [0.5, 1.0], "erase": 0.5}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a training and a validation split of three classes."""
    return write_splits(tmp_path / "faces")


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Path:
    """Return a configuration file for a quick run."""
    return write_config(tmp_path / "config.yaml", run_layer(data))


@pytest.fixture
def train(tmp_path: Path, config: Path) -> Train:
    """Return a function that trains with the quick configuration into ``out``, with further arguments."""

    def run(*arguments: object, output: str = "out", file: Path = config) -> Result:
        given = ["train", "--config", str(file), "--output", str(tmp_path / output), *map(str, arguments)]
        return CliRunner().invoke(app, given, env={"COLUMNS": "200"})

    return run


def write_config(path: Path, *layers: dict[str, Any]) -> Path:
    """Write a configuration file; a later layer replaces whole sections of an earlier one."""
    values: dict[str, Any] = {}
    for layer in layers:
        values |= layer
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights that a run has left."""
    return load_file(folder / "model.safetensors")


def assert_equal_weights(first: Path, second: Path) -> None:
    """Compare two models bit by bit."""
    expected = weights(second)
    assert weights(first).keys() == expected.keys()
    for name, value in weights(first).items():
        assert torch.equal(value, expected[name]), name


def test_a_run_ends_with_a_model_a_report_and_a_card(train: Train, data: Path, tmp_path: Path) -> None:
    """The loss falls, a line is printed for each epoch, and the pipeline loads the folder and is right.

    Three pictures of the validation split have wrong labels, so that there is a temperature to fit.
    """
    for number in range(3):
        wrong = data / "validation" / "sad" / f"wrong_{number}.png"
        shutil.copy(data / "validation" / "happy" / f"0{number}.png", wrong)

    result = train("--epochs", "6")

    out = tmp_path / "out"
    assert result.exit_code == 0, result.output
    record = json.loads((out / "training.json").read_text(encoding="utf-8"))
    losses = [row["loss"] for row in record["history"] if "loss" in row]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    lines = result.stdout.splitlines()
    assert lines[0] == "image_folder: 24 pictures to learn from, 15 to choose the epoch by"
    assert lines[1].split() == ["epoch", "loss", "learning", "rate", "accuracy", "balanced", "time"]
    assert [line.split()[0] for line in lines[2:8]] == ["1", "2", "3", "4", "5", "6"]
    assert lines[-1] == f"pipe = fer_zoo.pipeline(model={str(out)!r})"
    report = EvaluationReport.load(out)
    assert (report.metrics.accuracy.hits, report.metrics.accuracy.total) == (12, 15)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| angry |" not in card
    assert "| anger | 8 | 4 |" in card
    assert "The epoch and the temperature were chosen by pictures that are among these" in card
    assert "not known to fer-zoo" in card
    pipe = fer_zoo.pipeline(model=out, detector="whole_image", device="cpu")
    assert pipe.model.config.temperature == report.temperature != 1.0
    for word, label in (("happy", "happiness"), ("sad", "sadness"), ("angry", "anger")):
        assert pipe(str(data / "validation" / word / "00.png"))[0]["label"] == label


def test_a_temperature_that_nothing_settles_is_not_taken(train: Train, tmp_path: Path) -> None:
    """Where every answer is right, the likelihood would grow without end; the card and the command say so."""
    result = train("--epochs", "6")

    assert "accuracy 100.0 %" in result.stdout
    assert "not calibrated: the pictures for it settle no temperature" in result.stdout
    assert "The scores are not calibrated" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert EvaluationReport.load(tmp_path / "out").temperature == 1.0


def test_the_files_of_a_run_are_complete(train: Train, tmp_path: Path) -> None:
    """Model, image processor, card, report, settings and record lie side by side; nothing unfinished stays."""
    train("--set", "training.save_total_limit=1", "--float16")

    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "checkpoints",
        "config.json",
        "confusion_matrix.png",
        "evaluation.json",
        "evaluation.md",
        "model.safetensors",
        "per_class.png",
        "preprocessor_config.json",
        "reliability.png",
        "run.yaml",
        "training.json",
    ]
    assert weights(out)["classifier.weight"].dtype == torch.float16
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["id2label"] == {
        "0": "happiness",
        "1": "sadness",
        "2": "anger",
    }


def test_the_settings_of_a_run_repeat_it(train: Train, tmp_path: Path) -> None:
    """``run.yaml`` as the configuration of another run gives the same weights."""
    assert train("--seed", "5").exit_code == 0

    result = train(output="again", file=tmp_path / "out" / "run.yaml")

    assert result.exit_code == 0, result.output
    assert_equal_weights(tmp_path / "again", tmp_path / "out")


def train_and_die(file: Path, out: Path) -> None:
    """Train as a configuration says, and kill the process after the fifth step."""

    class Kill(TrainerCallback):
        """Gives no chance to tidy up."""

        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
        ) -> None:
            """Kill the process."""
            if state.global_step == 5:
                os.kill(os.getpid(), signal.SIGKILL)

    TrainingRun.prepare(RunSettings.from_layers(read_settings(file)), out).train([Kill()])


@pytest.mark.slow
@pytest.mark.parametrize("save", [{"save_strategy": "epoch"}, {"save_strategy": "steps", "save_steps": 2}])
def test_a_killed_run_goes_on_to_the_same_weights(
    save: dict[str, Any], train: Train, data: Path, tmp_path: Path
) -> None:
    """After SIGKILL in the middle the same command ends with the weights of a run that was never interrupted.

    With sharpness-aware steps, averaged weights, drawn pictures and augmentation, bit by bit.
    """
    no_eval = {"data": {**run_layer(data)["data"], "eval_share": 0, "split": "train"}}
    file = write_config(tmp_path / "stateful.yaml", run_layer(data, **STATEFUL, **save), AUGMENTED, no_eval)
    assert train(output="whole", file=file).exit_code == 0
    out = tmp_path / "killed"
    with forked(train_and_die, file, out, folder=tmp_path) as process:
        assert process.wait() == -signal.SIGKILL, process.err.read_text(encoding="utf-8")
    assert not (out / "model.safetensors").exists()

    result = train(output="killed", file=file)

    assert result.exit_code == 0, result.output
    step = 3 if save["save_strategy"] == "epoch" else 4
    assert f"goes on from {out / 'checkpoints' / f'checkpoint-{step}'}" in result.stdout
    assert_equal_weights(out, tmp_path / "whole")


@pytest.mark.slow
def test_a_half_written_checkpoint_is_passed_over_with_a_message(train: Train, tmp_path: Path) -> None:
    """The run goes on from the one before it, to the same weights."""
    assert train(output="whole").exit_code == 0
    assert train().exit_code == 0
    out = tmp_path / "out"
    for name in ("training.json", "model.safetensors"):
        (out / name).unlink()
    (out / "checkpoints" / "checkpoint-6" / "trainer_state.json").unlink()

    result = train()

    assert result.exit_code == 0, result.output
    assert f"{out / 'checkpoints' / 'checkpoint-6'}: only half written, passed over" in result.stdout
    assert f"goes on from {out / 'checkpoints' / 'checkpoint-3'}" in result.stdout
    assert_equal_weights(out, tmp_path / "whole")


@pytest.mark.slow
def test_a_finished_run_is_left_alone_unless_told(train: Train, tmp_path: Path) -> None:
    """The same command is refused, --resume adds epochs, --restart begins anew."""
    assert train().exit_code == 0

    refused = train()
    longer = train("--epochs", "3", "--resume")
    restarted = train("--epochs", "1", "--restart")

    assert refused.exit_code == 2
    assert "holds a finished run. Choose another folder; --restart begins anew" in refused.stderr
    assert longer.exit_code == 0, longer.output
    assert "goes on from" in longer.stdout
    assert restarted.exit_code == 0, restarted.output
    assert "goes on from" not in restarted.stdout
    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert record["num_steps"] == 3


@pytest.mark.parametrize("change", ["training.layer_decay=0.5", "training.optim=adamw_torch", "training.ema_decay=0.9"])
def test_a_refused_resume_leaves_the_run_as_it_was(change: str, train: Train, tmp_path: Path) -> None:
    """The message names the setting, and settings and record of the finished run stay."""
    assert train("--epochs", "1").exit_code == 0
    files = [tmp_path / "out" / name for name in ("run.yaml", "training.json")]
    before = [file.read_bytes() for file in files]

    result = train("--epochs", "2", "--resume", "--set", change)

    assert result.exit_code == 2
    assert f"settled already: {change.partition('=')[0]}. " in result.stderr
    assert [file.read_bytes() for file in files] == before


def test_options_win_over_assignments_and_those_over_the_file(train: Train, tmp_path: Path) -> None:
    """Each of the three sets the seed; the typed one counts."""
    result = train(
        *("--set", "training.seed=4", "--set", "model.vector_size=4", "--seed", "5", "--max-steps", "1"),
        *("--batch-size", "4", "--learning-rate", "0.5", "--unreadable", "skip", "--device", "cpu"),
    )

    assert result.exit_code == 0, result.output
    settings = RunSettings.from_layers(yaml.safe_load((tmp_path / "out" / "run.yaml").read_text(encoding="utf-8")))
    assert settings.training["seed"] == 5
    assert settings.training["max_steps"] == 1
    assert settings.training["per_device_train_batch_size"] == 4
    assert settings.training["learning_rate"] == 0.5
    assert settings.training["unreadable"] == "skip"
    assert settings.training["use_cpu"] is True
    assert settings.model.config["vector_size"] == 4


def test_an_unreadable_picture_stops_the_run_by_default(train: Train, data: Path) -> None:
    """The message names the file."""
    broken = data / "train" / "sad" / "03.png"
    broken.write_bytes(b"no picture")

    result = train()

    assert result.exit_code == 2
    assert f"Cannot read image {str(broken)!r}" in result.stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_pictures_are_skipped_and_counted(workers: int, train: Train, data: Path) -> None:
    """The epoch goes on without them, and its line says how many."""
    for split in ("train", "validation"):
        (data / split / "sad" / "03.png").write_bytes(b"no picture")

    result = train("--unreadable", "skip", "--epochs", "1", "--set", f"training.dataloader_num_workers={workers}")

    assert result.exit_code == 0, result.output
    assert "2 unreadable pictures left out" in result.stdout
    assert "11 pictures of validation: accuracy" in result.stdout
    assert "Pictures: 12; 11 evaluated, 1 not readable" in result.stdout


def test_an_unreadable_picture_in_a_worker_is_named(train: Train, data: Path) -> None:
    """The error comes back from another process as it was."""
    broken = data / "train" / "sad" / "03.png"
    broken.write_bytes(b"no picture")

    result = train("--set", "training.dataloader_num_workers=1")

    assert result.exit_code == 2
    assert f"error: Cannot read image {str(broken)!r}" in result.stderr
    assert "Traceback" not in result.stderr


def test_batches_of_one_picture_are_refused(train: Train) -> None:
    """Batch normalisation has nothing to compare it with; zero is no number of pictures either."""
    one, zero = train("--batch-size", "1"), train("--batch-size", "0", "--restart")

    assert (one.exit_code, zero.exit_code) == (2, 2)
    assert "for training.per_device_train_batch_size: expected at least 2, as the batch normalisation" in one.stderr
    assert "for training.per_device_train_batch_size: expected a number above 0" in zero.stderr


@pytest.mark.slow
def test_without_twins_leaves_out_what_training_has_too(train: Train, data: Path) -> None:
    """A validation picture with the pixels of a training picture does not count."""
    with Image.open(data / "train" / "sad" / "00.png") as picture:
        picture.save(data / "validation" / "sad" / "twin.bmp")

    result = train("--without-twins", "--set", "training.load_best_model_at_end=false")

    assert result.exit_code == 0, result.output
    assert "12 to watch it on (1 twins left out)" in result.stdout


def test_a_share_is_cut_off_where_there_is_no_validation_split(train: Train, tmp_path: Path) -> None:
    """A quarter of each class, and the report is about another split where one is named."""
    faces = write_faces(tmp_path / "plain" / "train")
    write_faces(tmp_path / "plain" / "test", per_class=3, seed=2)

    result = train(faces.parent, "--eval-share", "0.25", "--test-split", "test")

    assert result.exit_code == 0, result.output
    assert "18 pictures to learn from, 6 to choose the epoch by, 9 to report on" in result.stdout
    assert "9 pictures of test: accuracy" in result.stdout


def test_a_single_picture_is_no_batch(train: Train, tmp_path: Path) -> None:
    """Of 9 pictures in batches of 8 the last is left out of the epoch, unless the options say otherwise."""
    layer = {**run_layer(write_faces(tmp_path / "nine", per_class=3)), "recipe": "from-scratch"}
    layer["data"]["eval_share"] = 0

    result = train("--epochs", "1", file=write_config(tmp_path / "nine.yaml", layer))

    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))["num_steps"] == 1


@pytest.mark.parametrize("store", ["none", "memory"])
def test_a_single_readable_picture_is_no_batch(store: str, train: Train, tmp_path: Path) -> None:
    """Of 11 pictures one cannot be read: batches of 3 would leave a single one."""
    faces = write_faces(tmp_path / "eleven", per_class=4)
    (faces / "sad" / "00.png").unlink()
    (faces / "sad" / "01.png").write_bytes(b"no picture")
    layer = {**run_layer(faces, store=store), "recipe": "from-scratch"}
    layer["data"]["eval_share"] = 0

    result = train(
        *("--epochs", "1", "--batch-size", "3", "--unreadable", "skip"),
        file=write_config(tmp_path / "eleven.yaml", layer),
    )

    assert result.exit_code == 0, result.output


def test_without_anything_to_measure_there_is_no_report(train: Train, tmp_path: Path) -> None:
    """The card says that nothing was measured or calibrated."""
    result = train(write_faces(tmp_path / "plain"), "--eval-share", "0")

    assert result.exit_code == 0, result.output
    assert "not calibrated: there were no pictures for it" in result.stdout
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assert "Nothing was measured" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--eval-split", "test"], "the split 'test' is missing, the folder 'test'; there is: train, validation"),
        (["--split", "trian"], "Unknown split of image_folder 'trian'. Did you mean 'train'"),
        (["--kind", "imagefolder"], "Unknown kind of data set 'imagefolder'. Did you mean 'image_folder'"),
        (["--recipe", "mhan-rafdb"], "Unknown recipe 'mhan-rafdb'. Did you mean 'mhan-raf-db'"),
        (["--set", "data.options={label_set: raf_db}"], "has no sample of: surprise, fear, disgust, neutral"),
        (["--set", "data.options={label_set: trio}"], "Unknown label set 'trio'"),
        (["--set", "training.sam_rho=-1"], "Invalid value -1.0 for sam_rho: expected a number that is at least 0"),
        (["--set", "training.lerning_rate=1"], "Did you mean 'training.learning_rate'"),
        (["--epochs", "0"], "training.num_train_epochs: expected a number above 0"),
        (["--batch-size", "0"], "training.per_device_train_batch_size: expected a number above 0"),
        (["--eval-share", "1.5"], "data.eval_share: expected a share that is at least 0 and below 1"),
        (["--unreadable", "ignore"], "Invalid value 'ignore' for unreadable: expected one of raise, skip"),
        (["--device", "gpu"], "Invalid value 'gpu' for --device: expected one of cpu, cuda"),
        (["--model", "mfnn"], "Unknown model 'mfnn'. Did you mean 'mfn'"),
        (["--config", "none.yaml"], "Invalid value 'none.yaml' for config: expected a file in YAML"),
    ],
)
def test_wrong_input_ends_with_a_message(arguments: list[str], message: str, train: Train, tmp_path: Path) -> None:
    """Nothing is written, and the message says what was expected."""
    result = train(*arguments)

    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_label_outside_the_set_is_named(train: Train, data: Path) -> None:
    """A folder that is no expression, and one that the label set lacks."""
    (data / "train" / "sleepy").mkdir()

    unknown = train()
    (data / "train" / "sleepy").rename(data / "train" / "contempt")
    outside = train("--set", "data.options={label_set: raf_db}")

    assert unknown.exit_code == outside.exit_code == 2
    assert "Unknown expression 'sleepy'" in unknown.stderr
    assert "contempt is no class of 'raf_db'" in outside.stderr


def test_an_empty_class_is_named(train: Train, data: Path) -> None:
    """A class folder without a picture leaves nothing to learn of it."""
    (data / "train" / "fear").mkdir()

    result = train()

    assert result.exit_code == 2
    assert "has no sample of: fear" in result.stderr


def test_the_output_and_its_way_must_be_clear(tmp_path: Path) -> None:
    """A run needs a folder, and cannot both go on and begin anew."""
    without = CliRunner().invoke(app, ["train", str(tmp_path)])
    both = CliRunner().invoke(app, ["train", str(tmp_path), "--output", "x", "--resume", "--restart"])

    assert without.exit_code == both.exit_code == 2
    assert "error: No value for --output: expected a folder for the run." in without.stderr
    assert "choose one of --resume and --restart" in both.stderr


def test_a_setting_without_a_value_is_not_called_none(data: Path, tmp_path: Path) -> None:
    """That is a word of Python; the message says what to type."""
    result = CliRunner().invoke(app, ["train", str(data), "--kind", "image_folder", "--output", str(tmp_path / "out")])

    assert result.exit_code == 2
    assert result.stderr.startswith("error: No value for model.name: expected a value, which every run needs")
    assert "--model NAME" in result.stderr


@pytest.mark.parametrize(
    ("number", "options", "command"),
    [
        (signal.SIGTERM, [], "the same command"),
        (signal.SIGINT, ["--restart"], "the same command without --restart"),
    ],
)
def test_a_stopped_run_says_how_it_goes_on(
    number: signal.Signals, options: list[str], command: str, config: Path, tmp_path: Path
) -> None:
    """SIGTERM and Ctrl-C end it with a line, no traceback, and no results."""
    out = tmp_path / "out"
    arguments = ("train", "--config", str(config), "--output", str(out), "--epochs", "1000", *options)
    with forked(command_line, *arguments, folder=tmp_path) as process:
        next(line for line in process.lines() if line.split()[:1] == ["1"])  # the first epoch has ended
        process.send_signal(number)
        status = process.wait()
        errors = process.err.read_text(encoding="utf-8")

    assert status == 130
    assert f"stopped; {command} goes on from the last checkpoint in {out}" in errors
    assert "Traceback" not in errors
    assert not (out / "model.safetensors").exists()


def test_recipes_are_listed_by_both_commands() -> None:
    """Each with its model and its source."""
    both = [
        CliRunner().invoke(app, words, env={"COLUMNS": "300"}) for words in (["recipes"], ["train", "--list-recipes"])
    ]

    for result in both:
        assert result.exit_code == 0
        assert "mhan-raf-db" in result.stdout
        assert "Pattern Recognition 170" in result.stdout
    assert both[0].stdout == both[1].stdout


def test_a_trained_folder_is_fine_tuned_further(train: Train, tmp_path: Path) -> None:
    """Its classes stay, its weights are the start, and the card names it."""
    assert train().exit_code == 0
    faces = write_faces(tmp_path / "two", words=("sad", "angry"))
    layer = {**run_layer(faces), "model": {"name": str(tmp_path / "out")}}

    result = train(output="tuned", file=write_config(tmp_path / "tune.yaml", layer))

    assert result.exit_code == 0, result.output
    card = (tmp_path / "tuned" / "README.md").read_text(encoding="utf-8")
    assert f"Training began with the weights of `{tmp_path / 'out'}`" in card
    assert np.shape(weights(tmp_path / "tuned")["classifier.weight"])[0] == 2
