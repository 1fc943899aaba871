"""Training with two processes, which talk over gloo on the CPU, against one process with the same batches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from face_folders import NARROW_MODEL, run_layer, write_splits
from forked import command_line, run_together
from measuring_processes import evaluate
from safetensors.torch import load_file

from fer_zoo.evaluation import EvaluationReport
from fer_zoo.models import HanPffForImageClassification
from fer_zoo.training import RunSettings, train

#: Without the loss whose centres each process moves by its own pictures.
MODEL = {**NARROW_MODEL, "region_independence_weight": 0.0}


def with_torchrun(config: Path, out: Path) -> str:
    """Run the command in two processes as users do, and return what it printed."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "fer_zoo.cli", "train", "--config", str(config), "--output", str(out)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
    return result.stdout


def with_forks(config: Path, out: Path) -> str:
    """Run the command in two forked processes, and return what they printed."""
    command = ("train", "--config", str(config), "--output", str(out))
    return run_together(2, command_line, *command, folder=config.parent)


@pytest.mark.slow
@pytest.mark.parametrize(("launch", "sam_rho"), [(with_torchrun, 0.0), (with_forks, 0.05)])
def test_two_processes_train_as_one_that_accumulates(
    launch: Callable[[Path, Path], str], sam_rho: float, tmp_path: Path
) -> None:
    """Parameters agree, 13 pictures are measured once each, and one process prints and writes.

    Buffers are left out: two processes average their running statistics, one sees the batches one after the other.
    """
    data = write_splits(tmp_path / "faces")
    shutil.copy(data / "train" / "sad" / "00.png", data / "validation" / "sad" / "more.png")
    options: dict[str, Any] = {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 3, "sam_rho": sam_rho}
    options["load_best_model_at_end"] = False
    layer = {**run_layer(data, **options), "model": MODEL, "calibrate": False}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(layer), encoding="utf-8")

    printed = launch(config, tmp_path / "two")
    train(RunSettings.from_layers(layer, {"training": {"gradient_accumulation_steps": 2}}), tmp_path / "one")

    assert [line.split()[0] for line in printed.splitlines()[2:4]] == ["1", "2"]
    two, one = (HanPffForImageClassification.from_pretrained(tmp_path / name) for name in ("two", "one"))
    expected = dict(one.named_parameters())
    for name, value in two.named_parameters():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5, msg=f"{name} differs")
    record = json.loads((tmp_path / "two" / "training.json").read_text(encoding="utf-8"))
    assert record["num_processes"] == 2
    last = [row["eval_nll"] for row in record["history"] if "eval_nll" in row][-1]
    measured = EvaluationReport.load(tmp_path / "two").metrics
    assert measured.accuracy.total == 13
    assert last == pytest.approx(measured.nll, rel=1e-5)


@pytest.mark.slow
def test_two_processes_measure_around_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    """They find what one does: the loss of seven pictures, the count of one, and a row for each of eight."""
    results = []

    for number in (1, 2):
        file = tmp_path / str(number) / "result.json"
        file.parent.mkdir()
        run_together(number, evaluate, file, folder=file.parent)
        results.append(json.loads(file.read_text(encoding="utf-8")))

    one, two = results
    assert one["num_unreadable"] == two["num_unreadable"] == 1
    assert one["labels"] == two["labels"] == [0, -100, 0, 0, 0, 1, 1, 1]
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)


@pytest.mark.slow
def test_two_processes_count_together_what_cannot_be_learnt(tmp_path: Path) -> None:
    """All that each of them meets is in the log, whoever has met it: 23 of the 24 pictures of an epoch."""
    data = write_splits(tmp_path / "faces")
    pictures = sorted((data / "train").glob("*/*.png"))
    for picture in pictures[1:]:
        picture.write_bytes(b"broken")
    config = tmp_path / "config.yaml"
    options = {
        "per_device_train_batch_size": 3,
        "num_train_epochs": 1,
        "unreadable": "skip",
        "dataloader_num_workers": 0,
    }
    config.write_text(yaml.safe_dump({**run_layer(data, **options), "model": MODEL, "calibrate": False}), "utf-8")

    with_forks(config, tmp_path / "out")

    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert [row["num_unreadable"] for row in record["history"] if "loss" in row] == [len(pictures) - 1]


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    """The first checkpoint of two processes is enough for the rest of the run, bit by bit."""
    data = write_splits(tmp_path / "faces")
    config = tmp_path / "config.yaml"
    layer = {**run_layer(data, per_device_train_batch_size=4, ema_decay=0.9), "model": MODEL}
    config.write_text(yaml.safe_dump(layer), encoding="utf-8")
    out = tmp_path / "out"
    with_forks(config, out)
    whole = load_file(out / "model.safetensors")
    for name in ("training.json", "model.safetensors"):
        (out / name).unlink()
    (out / "checkpoints" / "checkpoint-6" / "rng_state_1.pth").unlink()

    printed = with_forks(config, out)

    assert f"goes on from {out / 'checkpoints' / 'checkpoint-3'}" in printed
    for name, value in load_file(out / "model.safetensors").items():
        assert torch.equal(value, whole[name]), name
