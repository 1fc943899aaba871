"""``fer-zoo doctor``, through its real entry point."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants
from typer.testing import Result

from fer_zoo.registry import entries, list_embedded_models

Run = Callable[..., Result]


@pytest.fixture
def doctor(run: Run) -> Run:
    """Return a function that runs ``fer-zoo doctor`` with arguments."""
    return partial(run, "doctor", "--device", "cpu")


def test_sound_installation(doctor: Run) -> None:
    """Every section is there, the weights are as recorded, and the smile was seen."""
    result = doctor()

    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0].startswith("fer-zoo ")
    for title in ("Machine", "Backends", "Hugging Face", "Weights", "Self-test"):
        assert title in lines
    assert sum(line.startswith("ok") and "one face, happiness (" in line for line in lines) == 1
    assert sum("as recorded" in line for line in lines) == len(list_embedded_models()) + 1  # and the detector
    assert any("HF_HOME" in line and constants.HF_HOME in line for line in lines)


def test_picture_with_a_known_expression(doctor: Run, smile: str) -> None:
    """The remarks are printed below the answer."""
    result = doctor("--image", smile, "--expect", "sad")

    assert result.exit_code == 0
    section = result.stdout.partition(f"Picture {smile}\n")[2]
    assert "512 x 512 pixels, 1 face: happiness" in section
    assert "instead of sadness" in section


def test_json_has_everything(doctor: Run, smile: str) -> None:
    """One object, with the picture's result as predict gives it."""
    result = doctor("--image", smile, "--json")

    values = json.loads(result.stdout)
    assert values["is_sound"] is True
    assert values["picture"]["result"]["faces"][0]["label"] == "happiness"
    assert [hint["code"] for hint in values["picture"]["hints"]] == ["colour"]
    assert {"machine", "backends", "packages", "hub"} <= values.keys()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_name_that_is_no_unicode_is_escaped(options: tuple[str, ...], doctor: Run, tmp_path: Path) -> None:
    """The title of the picture's section and the JSON are UTF-8, file names need not be."""
    result = doctor("--image", tmp_path / os.fsdecode(b"caf\xe9.png"), *options)

    assert result.exit_code == 1
    assert "caf\\udce9.png" in result.stdout


def test_damaged_weights_end_with_status_1(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files and the self-test are marked as failed."""
    for entry in list_embedded_models():
        (tmp_path / entry.name).mkdir()
        (tmp_path / entry.name / "model.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(entries, "WEIGHTS_FOLDER", tmp_path)

    result = doctor()

    failed = sum(line.strip().startswith("failed") for line in result.stdout.splitlines())
    assert result.exit_code == 1
    assert failed == len(list_embedded_models()) + 1


def test_picture_that_is_not_there_ends_with_status_1(doctor: Run) -> None:
    """The reason stands in its section."""
    result = doctor("--image", "nowhere.png")

    assert result.exit_code == 1
    assert "there is no such file" in result.stdout


@pytest.mark.parametrize(
    "arguments", [("--model", "mahn"), ("--image", "any.jpg", "--expect", "bored"), ("--backend", "tensor")]
)
def test_wrong_usage_ends_with_status_2(doctor: Run, arguments: tuple[str, ...]) -> None:
    """The message is on stderr, and lists what is known."""
    result = doctor(*arguments)

    assert result.exit_code == 2
    assert "Known: " in result.stderr


def test_an_expectation_needs_a_picture(doctor: Run) -> None:
    """It would be about nothing."""
    result = doctor("--expect", "happiness")

    assert result.exit_code == 2
    assert "for --expect: expected nothing without --image" in result.stderr
