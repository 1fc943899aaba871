"""The model card of a run, and methods beyond the supervised one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from face_folders import NARROW_MODEL, run_layer, write_faces, write_splits
from huggingface_hub import ModelCard
from transformers import training_args

from fer_zoo.datasets import DATASETS
from fer_zoo.errors import MissingPackageError
from fer_zoo.evaluation import Calibration
from fer_zoo.training import DataSettings, RunSettings, TrainingResult, train
from fer_zoo.training.card_licences import data_licences
from fer_zoo.training.model_card import count_table, describe_figures, hub_name, what_was_chosen

RAF_DB = DATASETS["raf_db"].card.title
NEWS = "About 5,300 faces from news photographs"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Return a run with a test split."""
    folder = tmp_path_factory.mktemp("run")
    data = write_splits(folder / "faces")
    write_faces(data / "test", per_class=2, seed=2)
    layer = run_layer(data)
    found = train(RunSettings.from_layers(layer, {"data": {"test_split": "test"}}), folder / "out")
    assert found is not None
    return found


def test_the_card_has_the_figures_of_the_report(result: TrainingResult) -> None:
    """In its text, and as the Hub reads them."""
    card = ModelCard.load(result.folder / "README.md")

    assert result.report is not None
    accuracy = result.report.metrics.accuracy
    shares = [f"{100 * share:.1f} %" for share in (accuracy.value, accuracy.low, accuracy.high)]
    assert f"{shares[0]} (95 % interval {shares[1]} to {shares[2]})" in card.text
    assert "On 6 aligned crops of image_folder, test" in card.text
    assert "chosen by pictures that are among these" not in card.text
    values = {row.metric_type: row.metric_value for row in card.data.eval_results}
    assert values["accuracy"] == pytest.approx(accuracy.value, abs=1e-6)
    assert card.data.library_name == "fer-zoo"
    assert card.data.license == "other"


def test_the_card_says_by_what_the_run_differs_from_its_recipe(result: TrainingResult) -> None:
    """Changed values and added ones, and none that are as in the recipe."""
    text = ModelCard.load(result.folder / "README.md").text

    changes = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert changes["training.learning_rate"] == 0.02
    assert changes["augmentation.flip"] == 0.0
    assert changes["model.vector_size"] == 8
    assert "training.optim" not in changes
    assert "MA-Net" in text


def test_the_card_counts_the_classes_of_every_part(result: TrainingResult) -> None:
    """One line each, and the sums."""
    text = ModelCard.load(result.folder / "README.md").text

    assert "| Expression | Learned from | Epoch chosen by | Measured on |" in text
    assert "| happiness | 8 | 4 | 2 |" in text
    assert "| all | 24 | 12 | 6 |" in text


def test_the_card_does_not_call_the_last_weights_chosen(tmp_path: Path) -> None:
    """Where no epoch is loaded at the end, the figure of the best one is that of other weights."""
    layer = run_layer(write_splits(tmp_path / "faces"), load_best_model_at_end=False)

    result = train(RunSettings.from_layers(layer), tmp_path / "out")

    assert result is not None
    assert result.record.best_metric is None
    text = ModelCard.load(result.folder / "README.md").text
    assert "The last weights are kept. Watched on: split `validation`." in text
    assert "| Expression | Learned from | Watched on |" in text
    assert "epoch was chosen" not in text


def test_the_time_is_that_since_the_run_last_began_or_went_on(result: TrainingResult) -> None:
    """It is not that of all epochs where a run was interrupted."""
    text = ModelCard.load(result.folder / "README.md").text

    assert f"; {result.record.seconds:,.0f} s since training last began or went on." in text


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"epoch"}, "The epoch was chosen by pictures that are among these, "),
        ({"epoch", "temperature"}, "The epoch and the temperature were chosen by pictures that are among these, "),
        (set(), ""),
    ],
)
def test_figures_of_pictures_that_chose_are_called_so(chosen: set[str], words: str, result: TrainingResult) -> None:
    """The card says what they chose."""
    record = replace(
        result.record,
        best_metric=0.5 if "epoch" in chosen else None,
        calibration=Calibration(1.5, 1.0, 0.2, 0.1, 0.9, 0.8, 6, 2) if "temperature" in chosen else None,
    )

    text = describe_figures(result.report, chosen=what_was_chosen(record))

    assert ("chosen by" in text) == bool(words)
    assert words in text


def test_the_card_counts_pictures_without_a_majority(result: TrainingResult) -> None:
    """They have a row, and are part of the sum."""
    record = replace(result.record, counts={"train": {"anger": 3, "no majority": 2}, "eval": {"anger": 1}})

    text = count_table(record)

    assert "| no majority | 2 | 0 |" in text
    assert "| all | 5 | 1 |" in text


def test_the_record_holds_all_options_and_the_history(result: TrainingResult) -> None:
    """What transformers was told too, and the versions."""
    record = json.loads((result.folder / "training.json").read_text(encoding="utf-8"))

    assert record["arguments"]["adam_beta2"] == 0.999
    assert record["settings"]["training"]["learning_rate"] == 0.02
    assert [row["epoch"] for row in record["history"] if "loss" in row] == [1.0, 2.0]
    assert "torch" in record["environment"]["versions"]
    assert "README.md" in record["files"]


@pytest.mark.parametrize(
    ("kind", "base_model", "parts"),
    [
        ("image_folder", None, ["weights", "training pictures and labels"]),
        ("raf_db", None, ["weights", f"{RAF_DB} pictures and labels"]),
        ("fer_plus", None, ["weights", "FER2013 pictures", "FER+ labels"]),
        ("fer_plus", "fer_zoo/han_pff", ["weights", "FER2013 pictures", "FER+ labels", NEWS]),
        ("fer_plus", "fer_zoo/mhan", ["weights", "FER2013 pictures", "FER+ labels", NEWS]),
        ("raf_db", "mhan", ["weights", "FER2013 pictures", "FER+ labels", NEWS, f"{RAF_DB} pictures and labels"]),
        ("raf_db", "./other", ["weights", "base model ./other", f"{RAF_DB} pictures and labels"]),
    ],
)
def test_licences_name_all_data_that_the_weights_have_seen(kind: str, base_model: str | None, parts: list[str]) -> None:
    """Those of the base model too, each once."""
    found = [row.part for row in data_licences(DataSettings(kind=kind, path="x"), base_model)]

    assert found == parts


def test_licences_name_teachers_and_pictures_without_labels() -> None:
    """The terms of what a teacher has seen go on to its student."""
    settings = DataSettings(kind="image_folder", path="x", unlabelled={"kind": "raf_db", "path": "y"})

    found = [row.part for row in data_licences(settings, None, teachers=["mhan", "runs/large"])]

    own = ["training pictures and labels", f"{RAF_DB} pictures and labels"]
    assert found == ["weights", "FER2013 pictures", "FER+ labels", NEWS, "teacher runs/large", *own]


def test_a_base_model_on_the_hub_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that the registry does not know; a folder is nobody else's."""
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    names = [hub_name(name) for name in ("someone/faces", "mhan", "runs/mine", "./other", str(tmp_path), None)]

    assert names == ["someone/faces", "fer_zoo/mhan", None, None, None, None]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ada_cm", "distillation"])
def test_other_methods_run_from_settings(method: str, tmp_path: Path) -> None:
    """Pictures without labels and teachers come from the settings."""
    data = write_splits(tmp_path / "faces", per_class=3)
    shutil.copytree(write_faces(tmp_path / "more", per_class=4, seed=3) / "sad", tmp_path / "plain")
    base = run_layer(data)
    teacher = train(RunSettings.from_layers(base, {"training": {"num_train_epochs": 1}}), tmp_path / "teacher")
    assert teacher is not None
    layer: dict[str, Any] = {
        "method": method,
        "data": {"unlabelled": {"kind": "image_folder", "path": str(tmp_path / "plain")}},
        "model": {**NARROW_MODEL, "teachers": [str(teacher.folder)] if method == "distillation" else []},
        "training": {"num_train_epochs": 1, "ema_decay": 0.9, "steps_per_epoch": 2},
    }

    found = train(RunSettings.from_layers(base, layer), tmp_path / "out")

    assert found is not None
    assert found.record.num_steps == 2
    card = ModelCard.load(found.folder / "README.md").text
    assert "Learned from without labels, by " in card
    assert (f"It learned from the answers of `{teacher.folder}`" in card) == (method == "distillation")
    assert f"method: {method}" in card


def test_training_needs_accelerate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it, before any picture is read."""
    monkeypatch.setattr(training_args, "is_accelerate_available", lambda: False)

    with pytest.raises(MissingPackageError, match=r"Training needs the package 'accelerate'.*fer-zoo\[train\]"):
        train(RunSettings.from_layers(run_layer(tmp_path / "nowhere")), tmp_path / "out")
