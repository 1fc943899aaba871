"""Paths of this machine stay here when a model is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from fer_zoo.hub.local_paths import without_local_paths

HERE = Path("/home/me/runs/mine")


@pytest.mark.parametrize("data", ["/home/me/My Faces/été", "C:\\Users\\me\\faces", "../private/faces", "~/faces"])
def test_paths_become_names_in_every_text(data: str) -> None:
    """Settings, record, card and report name the folder, and nothing above it; the rest is as it was."""
    name = data.replace("\\", "/").rsplit("/", 1)[-1]
    record = {"settings": {"data": {"path": data}}, "arguments": {"output_dir": f"{HERE}/checkpoints"}, "seconds": 1.5}
    files = {
        "run.yaml": yaml.safe_dump(
            {"data": {"path": data}, "model": {"name": "fer_zoo/mhan"}}, allow_unicode=True
        ).encode(),
        "training.json": json.dumps(record).encode(),
        "README.md": f"# mine\nCommand: `fer-zoo train image_folder '{data}' --output {HERE}`\n".encode(),
        "model.safetensors": b"\x00/home/me/runs/mine\xff",
    }

    sent = without_local_paths(files, HERE)

    assert yaml.safe_load(sent["run.yaml"]) == {"data": {"path": name}, "model": {"name": "fer_zoo/mhan"}}
    assert json.loads(sent["training.json"]) == {
        "settings": {"data": {"path": name}},
        "arguments": {"output_dir": "checkpoints"},
        "seconds": 1.5,
    }
    assert sent["README.md"].decode() == f"# mine\nCommand: `fer-zoo train image_folder '{name}' --output mine`\n"
    assert sent["model.safetensors"] == files["model.safetensors"]


def test_path_as_it_was_typed_becomes_a_name_too() -> None:
    """A command that was typed beside the data has another path than the settings, and links stay as they are."""
    files = {
        "run.yaml": b"data: {path: /home/me/faces}\n",
        "README.md": b"`fer-zoo train table ../../me/faces` [home](https://example.org/faces) fer_zoo/faces\n",
    }

    sent = without_local_paths(files, HERE)

    assert sent["README.md"] == b"`fer-zoo train table faces` [home](https://example.org/faces) fer_zoo/faces\n"


def test_damaged_settings_are_sent_as_they_are() -> None:
    """What is no YAML names no path."""
    files = {"run.yaml": b"{[", "training.json": b"{", "README.md": b"text"}

    assert without_local_paths(files, HERE) == files
