"""Paths of this machine stay here when a model is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from fer_zoo.evaluation import Environment
from fer_zoo.hub.local_paths import without_local_paths
from fer_zoo.training import RunSettings
from fer_zoo.training.record import RunRecord

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


@pytest.mark.parametrize("data", ["/data", "/data/", "/mhan", "/m"])
def test_short_paths_are_replaced_as_whole_paths_only(data: str) -> None:
    """Names of repositories, addresses and labels that have the same letters stay."""
    name = data.strip("/")
    rest = "fer_zoo/mhan someone/data-net https://huggingface.co/datasets/data https://github.com/microsoft yes/maybe"
    files = {
        "run.yaml": yaml.safe_dump({"data": {"path": data}, "model": {"name": "someone/data-net"}}).encode(),
        "README.md": f"{rest} `fer-zoo train table {data}` {data.rstrip('/')}/train\n".encode(),
    }

    sent = without_local_paths(files, HERE)

    assert yaml.safe_load(sent["run.yaml"]) == {"data": {"path": name}, "model": {"name": "someone/data-net"}}
    assert sent["README.md"].decode().rstrip("/\n") in {
        f"{rest} `fer-zoo train table {name}` {name}/train",
        f"{rest} `fer-zoo train table {name}/` {name}/train",
    }


def test_relative_paths_become_names_too() -> None:
    """So do folders of models and what was typed in a command; names of the Hub stay, also in a list of teachers."""
    data, extra, teacher = "projects/acme_patients/faces", "projects/globex/more", "runs/acme/teacher"
    typed = (
        f"fer-zoo train '{data}/' --config=projects/acme_patients/run.yaml --model someone/faces "
        f"--output runs/acme/mine --set 'model.teachers=[{teacher}, someone/teacher]'"
    )
    settings = {
        "data": {"path": data, "unlabelled": {"kind": "table", "path": extra}},
        "model": {"name": "someone/faces", "teachers": [teacher, "someone/teacher", "fer_zoo/mhan"]},
    }
    files = {
        "run.yaml": yaml.safe_dump(settings).encode(),
        "training.json": json.dumps({"settings": settings, "environment": {"command": typed}}).encode(),
        "README.md": f"[home](https://a.example/{data}) `{teacher}`, `someone/teacher`; `{typed}`; {extra}.\n".encode(),
    }

    sent = without_local_paths(files, HERE)

    expected = {
        "data": {"path": "faces", "unlabelled": {"kind": "table", "path": "more"}},
        "model": {"name": "someone/faces", "teachers": ["teacher", "someone/teacher", "fer_zoo/mhan"]},
    }
    command = (
        "fer-zoo train 'faces' --config=run.yaml --model someone/faces --output mine "
        "--set 'model.teachers=[teacher, someone/teacher]'"
    )
    assert yaml.safe_load(sent["run.yaml"]) == expected
    assert json.loads(sent["training.json"]) == {"settings": expected, "environment": {"command": command}}
    assert sent["README.md"].decode() == (
        f"[home](https://a.example/{data}) `teacher`, `someone/teacher`; `{command}`; more.\n"
    )


def test_typed_path_becomes_a_name_where_the_settings_have_it_from_the_root() -> None:
    """The command line resolves the place of the data, and records what was typed."""
    record = {
        "settings": {"data": {"path": "/home/me/projects/acme/faces"}, "model": {"name": "acme/net"}},
        "local_models": ["acme/net"],
        "environment": {"command": "fer-zoo train projects/acme/faces --model acme/net"},
    }

    sent = without_local_paths({"training.json": json.dumps(record).encode()}, HERE)

    assert json.loads(sent["training.json"]) == {
        "settings": {"data": {"path": "faces"}, "model": {"name": "net"}},
        "local_models": ["net"],
        "environment": {"command": "fer-zoo train faces --model net"},
    }


def test_model_that_is_a_folder_here_becomes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two names that look alike one is a folder; the other is a repository."""
    (tmp_path / "acme" / "net").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    files = {"run.yaml": b"model: {name: acme/net, teachers: [acme/other, fer_zoo/mhan]}\n"}

    sent = without_local_paths(files, HERE)

    assert sent["run.yaml"] == b"model: {name: net, teachers: [acme/other, fer_zoo/mhan]}\n"


def test_record_says_which_models_are_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the run took place they can be told from repositories; a name of the registry is none of them."""
    for name in ("acme/net", "acme/teacher", "fer_zoo/mhan"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    model = {"name": "acme/net", "teachers": ["acme/teacher", "someone/teacher", "fer_zoo/mhan"]}
    settings = RunSettings.from_layers(
        {"method": "distillation", "data": {"kind": "table", "path": "faces.csv"}, "model": model}
    )

    record = RunRecord(
        settings=settings,
        arguments={},
        counts={},
        num_twins=0,
        base_model="acme/net",
        new_classes=(),
        history=[],
        best_metric=None,
        num_steps=0,
        seconds=0.0,
        num_processes=1,
        environment=Environment.here(torch.device("cpu")),
    )

    assert record.to_dict()["local_models"] == ["acme/net", "acme/teacher"]


def test_damaged_settings_are_sent_as_they_are() -> None:
    """What is no YAML names no path."""
    files = {"run.yaml": b"{[", "training.json": b"{", "README.md": b"text"}

    assert without_local_paths(files, HERE) == files
