"""What a run that goes on finds again, and what it refuses: moved folders, other pictures, other steps in an epoch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from face_folders import run_layer, write_faces, write_splits
from transformers import TrainerState

from fer_zoo.datasets import ExpressionDataset, Sample
from fer_zoo.errors import RunFolderError
from fer_zoo.labels import get_label_set
from fer_zoo.training import RunSettings, TrainingData, TrainingRun, train


def settings(data: Path, **training: Any) -> RunSettings:
    """Return the settings of a quick run of a recipe that leaves the last batch to the number of pictures."""
    return RunSettings.from_layers(run_layer(data, **training), {"calibrate": False, "recipe": "from-scratch"})


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [("raise", "skip"), ("skip", "raise")])
def test_an_epoch_has_the_same_steps_whatever_happens_to_unreadable_pictures(
    before: str, after: str, tmp_path: Path
) -> None:
    """With 27 pictures in batches of 8 there are 4, so a run may go on either way."""
    data = write_splits(tmp_path / "faces", per_class=9)
    train(settings(data, num_train_epochs=1, unreadable=before), tmp_path / "out")

    run = TrainingRun.prepare(settings(data, unreadable=after), tmp_path / "out", mode="resume")

    assert run.checkpoint == tmp_path / "out" / "checkpoints" / "checkpoint-4"
    assert not run.arguments.dataloader_drop_last


@pytest.mark.slow
def test_the_best_epoch_is_found_in_a_folder_that_was_moved(tmp_path: Path) -> None:
    """Its path at that time is of no use; training goes on with the one of that name in the folder."""
    data = write_splits(tmp_path / "faces")
    train(settings(data, learning_rate=1e-9, num_train_epochs=2), tmp_path / "old")  # the first of equals is the best
    (tmp_path / "old").rename(tmp_path / "new")
    run = TrainingRun.prepare(settings(data, learning_rate=1e-9, num_train_epochs=3), tmp_path / "new", mode="resume")
    trainer = run.make_trainer()

    trainer.train(resume_from_checkpoint=str(run.checkpoint))

    assert run.checkpoint == tmp_path / "new" / "checkpoints" / "checkpoint-6"
    assert trainer.state.best_model_checkpoint == str(tmp_path / "new" / "checkpoints" / "checkpoint-3")


@pytest.mark.parametrize("best", [None, "/gone/checkpoints/checkpoint-2"])
def test_without_a_best_epoch_none_is_found(best: str | None, tmp_path: Path) -> None:
    """None was chosen, or it is not in the folder."""
    data = write_splits(tmp_path / "faces")
    run = TrainingRun.prepare(settings(data), tmp_path / "out")
    checkpoint = run.folder.checkpoints / "checkpoint-4"
    checkpoint.mkdir(parents=True)
    TrainerState(best_model_checkpoint=best).save_to_json(str(checkpoint / "trainer_state.json"))

    assert run.folder.find_best(checkpoint) is None


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "resume"])
def test_pictures_that_have_changed_are_not_gone_on_with(mode: str, tmp_path: Path) -> None:
    """A share that is cut off anew would have pictures that were learnt already."""
    data = write_faces(tmp_path / "faces")
    own = settings(data, num_train_epochs=1)
    train(own, tmp_path / "out")
    (tmp_path / "out" / "training.json").unlink()  # as if it had been stopped before its end
    (data / "sad" / "03.png").unlink()

    with pytest.raises(RunFolderError, match=r"checkpoints of other pictures: those of data\.path"):
        TrainingRun.prepare(own, tmp_path / "out", mode=mode)
    assert TrainingRun.prepare(own, tmp_path / "out", mode="restart").checkpoint is None


@pytest.mark.slow
def test_pictures_may_be_moved_as_a_whole(tmp_path: Path) -> None:
    """They are the same below data.path."""
    data = write_faces(tmp_path / "faces")
    train(settings(data, num_train_epochs=1), tmp_path / "out")
    shutil.move(data, tmp_path / "elsewhere")

    run = TrainingRun.prepare(settings(tmp_path / "elsewhere"), tmp_path / "out", mode="resume")

    assert run.checkpoint is not None


def test_the_digest_tells_parts_targets_and_order_apart() -> None:
    """Pictures outside of the place count by their names alone."""
    label_set = get_label_set("raf_db")

    def digest(*samples: Sample, place: str = "/faces", chosen: ExpressionDataset | None = None) -> str:
        """Return the digest of some pictures to learn from."""
        return TrainingData(ExpressionDataset(samples, label_set, name="some"), eval=chosen).digest(place)

    one, two = Sample(Path("/faces/a.png"), 1), Sample(Path("/faces/b.png"), 2)
    validation = ExpressionDataset([two], label_set, name="some")
    different = [digest(one, two), digest(two, one), digest(one), digest(one, chosen=validation)]
    different += [digest(Sample(one.path, 2)), digest(Sample(Path("/faces/x/a.png"), 1))]

    assert len(set(different)) == len(different)
    assert digest(Sample(Path("/disk/a.png"), 1), place="/faces") == digest(one)
