"""A training run: how its files are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from face_folders import run_layer, write_faces, write_splits

from fer_zoo.errors import InvalidOptionError, TrainingDivergedError
from fer_zoo.training import RunSettings, TrainingRun, train


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


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs names of POSIX")
def test_names_that_are_no_text_do_not_end_a_run(tmp_path: Path) -> None:
    """The model is there with its report, though its name looks like a formula and that of its data is not UTF-8."""
    faces = write_faces(tmp_path / os.fsdecode(b"caf\xe9"), per_class=4)
    layer = run_layer(faces, max_steps=1, save_strategy="best")
    layer["data"]["eval_share"] = 0.25
    settings = RunSettings.from_layers(layer)

    run = TrainingRun.prepare(settings, tmp_path / "$a_b^$", command=f"fer-zoo train image_folder {faces}")
    result = run.train()

    assert result is not None
    assert (result.folder / "evaluation.md").read_text().startswith("# $a_b^$ on ")
    assert "caf\\udce9" in (result.folder / "README.md").read_text()
    assert result.record.best_metric is not None


def test_narrow_models_do_not_crash_with_channels_last(tmp_path: Path) -> None:
    """They are refused on the CPU, where their gradients would be written beyond their end."""
    layer = run_layer(write_splits(tmp_path / "faces", per_class=4), channels_last=True)

    with pytest.raises(InvalidOptionError, match=r"True for channels_last: .* fewer than 16 channels.* has 4"):
        train(RunSettings.from_layers(layer), tmp_path / "out")
