"""A training run: which epoch it keeps, and how its files are written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from face_folders import run_layer, write_faces

from fer_zoo.errors import TrainingDivergedError
from fer_zoo.training import RunFolder, RunSettings, train
from fer_zoo.training.run import make_arguments


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"metric_for_best_model": "nll"}, ("nll", False)),
        ({"metric_for_best_model": "eval_ece"}, ("ece", False)),
        ({"metric_for_best_model": "eval_loss"}, ("loss", False)),
        ({"metric_for_best_model": "macro_f1"}, ("macro_f1", True)),
        ({"metric_for_best_model": "nll", "greater_is_better": True}, ("nll", True)),
    ],
)
def test_less_of_an_error_is_better(options: dict[str, Any], expected: tuple[str, bool], tmp_path: Path) -> None:
    """Unless the settings say otherwise."""
    settings = RunSettings.from_layers(run_layer(tmp_path, **options))

    arguments = make_arguments(settings, RunFolder(tmp_path))

    assert (arguments.metric_for_best_model, arguments.greater_is_better) == expected


def test_disk_has_card_and_record_before_they_get_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut leaves no empty record of a run that counts as finished."""
    layer = run_layer(write_faces(tmp_path / "faces", per_class=4), max_steps=1)
    layer["data"]["eval_share"] = 0
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))

    result = train(RunSettings.from_layers(layer), tmp_path / "out")

    assert result is not None
    assert {(result.folder / name).stat().st_ino for name in ("README.md", "training.json", "config.json")} <= synced


def test_run_that_has_diverged_leaves_no_model(tmp_path: Path) -> None:
    """Also where nothing was logged or measured on the way."""
    faces = write_faces(tmp_path / "faces", per_class=4)
    layer = run_layer(faces, max_steps=3, learning_rate=1e30, logging_strategy="no", save_strategy="no")
    layer["data"]["eval_share"] = 0

    with pytest.raises(TrainingDivergedError, match="some weights are no longer finite"):
        train(RunSettings.from_layers(layer), tmp_path / "out")

    assert not (tmp_path / "out" / "model.safetensors").exists()
