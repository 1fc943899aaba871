"""``fer-zoo export``, and the commands that run what it wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from typer.testing import Result

from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import create_model

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small classifier without training."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(*create_model("resnet18", config_options={"image_size": 32}), folder)
    return folder


@pytest.mark.slow
def test_export_and_predict(run: Run, checkpoint: Path, smile: str, tmp_path: Path) -> None:
    """It prints the size and the parity, and predict gives the answers of the checkpoint with either backend."""
    result = run("export", checkpoint, tmp_path / "out", "--calibration", Path(smile).parent)

    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{tmp_path}/out/model.onnx: 44.")  # the last digit is that of the version of onnx
    assert first.endswith(" MB")
    assert second.startswith("parity: largest difference of logits ")
    assert second.endswith("; the same answer for 100.00 % of 1 faces")
    answers = [
        json.loads(run("predict", smile, "--json", "--model", *options).stdout)[0]["faces"][0]["label"]
        for options in ((checkpoint,), (tmp_path / "out",), (tmp_path / "out", "--backend", "openvino"))
    ]
    assert len(set(answers)) == 1


@pytest.mark.slow
def test_conversion_is_announced_once(
    run: Run, checkpoint: Path, smile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, as nothing else is to be seen meanwhile; the second use finds the network, and says nothing."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))

    results = [run("predict", smile, "--json", "--model", checkpoint, "--backend", "onnxruntime") for _ in range(2)]

    note = "converting the model for onnxruntime, once; this takes seconds to minutes\n"
    assert [result.stderr for result in results] == [note, ""]
    assert results[0].stdout == results[1].stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "onyx"), "Unknown format 'onyx'"),
        (
            ("--precision", "int8"),
            "error: No value for --calibration: expected a folder of face crops, which int8 takes",
        ),
        (("--precision", "int8", "--calibration", "nowhere"), "a folder of face crops"),
        (("--precision", "bf16"), "one of fp32, fp16, int8"),
    ],
)
def test_wrong_usage(run: Run, checkpoint: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """The message is on stderr, the exit status is 2, and nothing is written."""
    result = run("export", checkpoint, tmp_path / "out", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_backend(run: Run, smile: str) -> None:
    """Predict refuses what there is not."""
    result = run("predict", smile, "--backend", "tensorrt")

    assert result.exit_code == 2
    assert "Unknown backend 'tensorrt'" in result.stderr
