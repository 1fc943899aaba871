"""The folder of a run: what may be written over, and which checkpoint is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fer_zoo.errors import InvalidOptionError, RunFolderError
from fer_zoo.training import RunFolder, RunSettings, read_settings
from fer_zoo.training.averaging import AVERAGE_FILE
from fer_zoo.training.run_folder import RECORD_FILE, SETTINGS_FILE


def settings(seed: int = 1, **training: Any) -> RunSettings:
    """Return the settings of some run."""
    return RunSettings.from_layers(
        {"data": {"kind": "image_folder", "path": "faces"}, "model": "mhan", "training": {"seed": seed, **training}}
    )


def write_checkpoint(folder: RunFolder, step: int, *, processes: int = 1, has_average: bool = False) -> Path:
    """Write the files that a checkpoint consists of."""
    path = folder.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    weights = {"weight": torch.arange(1000.0)}
    save_file(weights, path / "model.safetensors")
    if has_average:
        save_file(weights, path / AVERAGE_FILE)
    states = ["rng_state.pth"] if processes == 1 else [f"rng_state_{rank}.pth" for rank in range(processes)]
    for name in ("optimizer.pt", "scheduler.pt", *states):
        (path / name).write_bytes(b"state")
    (path / "trainer_state.json").write_text("{}", encoding="utf-8")
    return path


def test_paths_that_are_not_utf8_are_refused_at_once(tmp_path: Path) -> None:
    """The weights of a checkpoint could not be read from there after hours of training."""
    with pytest.raises(InvalidOptionError, match="for output: expected a path in UTF-8, as safetensors reads no other"):
        RunFolder(tmp_path / "caf\udce9").check(settings(), "auto")


def test_the_last_checkpoint_counts_by_its_number(tmp_path: Path) -> None:
    """Step 10 comes after step 9."""
    folder = RunFolder(tmp_path)
    write_checkpoint(folder, 9)
    last = write_checkpoint(folder, 10)

    assert folder.find_checkpoint() == (last, [])


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"])
def test_a_checkpoint_without_one_of_its_files_is_passed_over(name: str, tmp_path: Path) -> None:
    """The one before it counts, and the half one is named."""
    folder = RunFolder(tmp_path)
    whole, half = write_checkpoint(folder, 4), write_checkpoint(folder, 8)
    (half / name).unlink()

    assert folder.find_checkpoint() == (whole, [half])


@pytest.mark.parametrize("name", ["model.safetensors", AVERAGE_FILE, "trainer_state.json"])
def test_a_checkpoint_with_a_file_that_was_cut_off_is_passed_over(name: str, tmp_path: Path) -> None:
    """Half of the weights, or of the state of the trainer, is not enough."""
    folder = RunFolder(tmp_path)
    half = write_checkpoint(folder, 8, has_average=True)
    content = (half / name).read_bytes()
    (half / name).write_bytes(content[: len(content) // 2])

    assert folder.find_checkpoint(has_average=True) == (None, [half])


def test_every_process_must_have_left_its_random_numbers(tmp_path: Path) -> None:
    """A checkpoint of two processes serves two, and not three."""
    folder = RunFolder(tmp_path)
    path = write_checkpoint(folder, 8, processes=2)

    assert folder.find_checkpoint(num_processes=2) == (path, [])
    assert folder.find_checkpoint(num_processes=3) == (None, [path])


def test_a_new_or_empty_folder_is_accepted(tmp_path: Path) -> None:
    """Neither has anything to lose."""
    RunFolder(tmp_path / "new").check(settings(), "auto")
    RunFolder(tmp_path).check(settings(), "auto")

    assert RunFolder(tmp_path / "new").find_checkpoint() == (None, [])


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    """Not even a restart deletes what no run has written."""
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(RunFolderError, match="is in use, and holds no run"):
        RunFolder(tmp_path).check(settings(), "restart")


def test_an_interrupted_run_goes_on_only_with_the_same_settings(tmp_path: Path) -> None:
    """The refusal names what has changed."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)
    write_checkpoint(folder, 4)

    folder.check(settings(), "auto")
    with pytest.raises(RunFolderError, match=r"other settings: training\.seed"):
        folder.check(settings(seed=2), "auto")


@pytest.mark.parametrize("mode", ["auto", "resume"])
def test_a_run_that_failed_before_its_first_checkpoint_takes_other_settings(mode: str, tmp_path: Path) -> None:
    """Nothing is lost, so that the corrected command works in the same folder, and its settings are written there."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)

    folder.check(settings(seed=2), mode)
    folder.begin(settings(seed=2), "made by a test", restart=False)

    assert RunSettings.from_layers(read_settings(tmp_path / SETTINGS_FILE)) == settings(seed=2)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"learning_rate": 0.5, "weight_decay": 0.3}, "training.learning_rate, training.weight_decay"),
        ({"layer_decay": 0.5}, "training.layer_decay"),
        ({"optim": "sgd"}, "training.optim"),
        ({"ema_decay": 0.9}, "training.ema_decay"),
        ({"seed": 2}, "training.seed"),
        ({"per_device_train_batch_size": 64, "num_train_epochs": 9}, "training.per_device_train_batch_size"),
        ({"gradient_accumulation_steps": 2}, "training.gradient_accumulation_steps"),
        ({"dataloader_drop_last": True}, "training.dataloader_drop_last"),
        ({"metric_for_best_model": "nll", "greater_is_better": False}, "training.greater_is_better, training.metric"),
        ({"greater_is_better": False}, "training.greater_is_better"),
    ],
)
def test_resuming_refuses_what_the_checkpoints_have_settled(
    changed: dict[str, Any], names: str, tmp_path: Path
) -> None:
    """The settings are named; other folders and --restart take them."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(ema_decay=0.0), "made by a test", restart=False)
    write_checkpoint(folder, 4)

    with pytest.raises(RunFolderError, match=f"other values are settled already: {names}[a-z_]*\\. Leave these"):
        folder.check(settings(**{"ema_decay": 0.0, **changed}), "resume")
    folder.check(settings(**{"ema_decay": 0.0, **changed}), "restart")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("data", "eval_share", 0.25),
        ("data", "eval_split", "test"),
        ("data", "targets", "votes"),
        ("data", "without_twins", True),
        ("training", "steps_per_epoch", 7),
    ],
)
def test_resuming_refuses_other_pictures_and_epochs(section: str, name: str, value: Any, tmp_path: Path) -> None:
    """The best epoch so far was chosen by the same pictures, and epochs are counted by their steps."""
    unlabelled = {"kind": "image_folder", "path": "more"}
    layer = {"recipe": "mhan-ada-cm", "data": {"kind": "image_folder", "path": "faces", "unlabelled": unlabelled}}
    folder = RunFolder(tmp_path)
    folder.begin(RunSettings.from_layers(layer), "made by a test", restart=False)
    write_checkpoint(folder, 4)

    with pytest.raises(RunFolderError, match=rf"other values are settled already: {section}\.{name}\. Leave"):
        folder.check(RunSettings.from_layers(layer, {section: {name: value}}), "resume")


def test_resuming_takes_what_takes_effect(tmp_path: Path) -> None:
    """More epochs, other logs, another decay of an average that is there, and defaults that are spelt out."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(ema_decay=0.9), "made by a test", restart=False)
    write_checkpoint(folder, 4, has_average=True)
    other: dict[str, Any] = {"num_train_epochs": 9, "max_steps": 20, "logging_steps": 1, "save_steps": 2}
    other |= {"metric_for_best_model": "eval_accuracy", "greater_is_better": True}

    folder.check(
        settings(ema_decay=0.99, per_device_eval_batch_size=2, layer_decay=1.0, optim_args=None, **other), "resume"
    )


def test_checkpoints_that_do_not_fit_are_no_reason_to_begin_anew(tmp_path: Path) -> None:
    """Neither for another number of processes nor for an average that they lack."""
    two, one = RunFolder(tmp_path / "two"), RunFolder(tmp_path / "one")
    write_checkpoint(two, 4, processes=2)
    write_checkpoint(one, 4)

    with pytest.raises(RunFolderError, match="checkpoints of 2 processes, and none that 1 processes can go on from"):
        two.choose_checkpoint("auto")
    with pytest.raises(RunFolderError, match="none that 1 processes and averaged weights can go on from"):
        one.choose_checkpoint("resume", has_average=True)
    assert two.choose_checkpoint("restart") == (None, [])


def test_a_half_written_first_checkpoint_is_passed_over_by_the_same_command(tmp_path: Path) -> None:
    """The run that was killed while it wrote begins anew; who asks for the checkpoint is told that there is none."""
    folder = RunFolder(tmp_path)
    half = write_checkpoint(folder, 4)
    (half / "trainer_state.json").unlink()

    assert folder.choose_checkpoint("auto") == (None, [half])
    with pytest.raises(RunFolderError, match="holds only checkpoints that are half written"):
        folder.choose_checkpoint("resume")


def test_a_finished_run_is_refused(tmp_path: Path) -> None:
    """It is finished when its record is there."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)
    with folder.finishing() as scratch:
        (scratch / RECORD_FILE).write_text('{"files": []}', encoding="utf-8")

    with pytest.raises(RunFolderError, match="holds a finished run"):
        folder.check(settings(), "auto")


def test_a_restart_deletes_what_the_run_has_left_and_nothing_else(tmp_path: Path) -> None:
    """Checkpoints and results go, a note of the user stays."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)
    write_checkpoint(folder, 4)
    with folder.finishing() as scratch:
        (scratch / "model.safetensors").touch()
        (scratch / RECORD_FILE).write_text(f'{{"files": ["model.safetensors", "{RECORD_FILE}"]}}', encoding="utf-8")
    (tmp_path / "note.txt").touch()

    folder.begin(settings(seed=2), "made by a test", restart=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.txt", "run.yaml"]


@pytest.mark.parametrize("record", ["", '{"files": ["README', "[]", "{}", '{"files": [1]}'])
def test_a_record_that_cannot_be_read_is_none(record: str, tmp_path: Path) -> None:
    """The run is not finished: the same command goes on, and a restart begins anew."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)
    (tmp_path / RECORD_FILE).write_text(record, encoding="utf-8")

    assert not folder.is_finished
    folder.check(settings(), "auto")
    folder.begin(settings(), "made by a test", restart=True)
    assert not (tmp_path / RECORD_FILE).exists()


def test_a_restart_deletes_checkpoints_behind_a_link(tmp_path: Path) -> None:
    """Nothing is left to go on from; the link and what else lies there stay."""
    disk, folder = tmp_path / "disk", RunFolder(tmp_path / "run")
    disk.mkdir()
    (disk / "note.txt").touch()
    folder.begin(settings(), "made by a test", restart=False)
    folder.checkpoints.symlink_to(disk)
    write_checkpoint(folder, 4)

    folder.begin(settings(), "made by a test", restart=True)

    assert folder.find_checkpoint() == (None, [])
    assert folder.checkpoints.is_symlink()
    assert [path.name for path in disk.iterdir()] == ["note.txt"]


def test_a_checkpoint_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    """A restart would go on from it; the settings of the run before stay."""
    disk, folder = tmp_path / "disk", RunFolder(tmp_path / "run")
    disk.mkdir()
    (disk / "checkpoint-4").touch()  # no folder, which not even root can delete as one
    folder.begin(settings(), "made by a test", restart=False)
    folder.checkpoints.symlink_to(disk)
    before = (tmp_path / "run" / SETTINGS_FILE).read_bytes()

    with pytest.raises(RunFolderError, match=r"cannot be deleted: checkpoint-4\. Delete them from '.*disk'"):
        folder.begin(settings(seed=2), "made by a test", restart=True)
    assert (tmp_path / "run" / SETTINGS_FILE).read_bytes() == before


def test_results_appear_only_when_all_are_written(tmp_path: Path) -> None:
    """An error on the way leaves none of them in the folder."""
    folder = RunFolder(tmp_path)
    folder.begin(settings(), "made by a test", restart=False)

    def fail() -> None:
        """Write half of the results."""
        with folder.finishing() as scratch:
            (scratch / "model.safetensors").touch()
            (scratch / "nowhere" / "config.json").touch()

    with pytest.raises(FileNotFoundError):
        fail()

    assert not (tmp_path / "model.safetensors").exists()
    assert not folder.is_finished


def test_a_file_and_an_unknown_mode_are_refused(tmp_path: Path) -> None:
    """Both are named."""
    (tmp_path / "file").touch()

    with pytest.raises(InvalidOptionError, match="output: expected a folder"):
        RunFolder(tmp_path / "file").check(settings(), "auto")
    with pytest.raises(InvalidOptionError, match="'again' for mode: expected one of auto, resume, restart"):
        RunFolder(tmp_path).check(settings(), "again")
