"""What is said of a model that is neither a folder nor on the Hub, against a Hub on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, serve_to_client
from huggingface_hub import constants

from fer_zoo import pipeline
from fer_zoo.errors import CheckpointError, HubConnectionError, HubNotFoundError
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.hub.failures import loading_errors

START = r"^Cannot load 'runs/mne': there is no such folder here, and from the Hub"

LOADERS = pytest.mark.parametrize("load", [lambda name: pipeline(model=name), load_classifier])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Run a Hub, and let the client use it and nothing else."""
    with serve_to_client(monkeypatch, tmp_path) as running:
        yield running


@LOADERS
def test_neither_a_folder_nor_a_repository(hub: Hub, load: Callable[[str], Any]) -> None:
    """A misspelt folder such as ``runs/mne`` looks like a repository; the error says that it is neither."""
    with pytest.raises(HubNotFoundError, match=rf"{START}.*no such repository"):
        load("runs/mne")


@LOADERS
def test_offline(hub: Hub, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the network the folder is named all the same, and nothing is asked for."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(HubConnectionError, match=START):
        load("runs/mne")

    assert not hub.requests


@LOADERS
def test_folder_without_a_model(load: Callable[[str], Any], tmp_path: Path) -> None:
    """A folder of pictures, and one whose configuration is of something else, are named."""
    with pytest.raises(CheckpointError, match=r"holds no model: it has no 'config\.json'"):
        load(str(tmp_path))

    (tmp_path / "config.json").write_text('{"colour": "red"}')

    with pytest.raises(CheckpointError, match="names no known 'model_type'"):
        load(str(tmp_path))


def test_errors_of_folders_and_of_the_disk_pass(tmp_path: Path) -> None:
    """Only what concerns a repository is said anew."""
    (tmp_path / "config.json").write_text("{}")
    for name, error in ((str(tmp_path), OSError("no config.json")), ("me/model", OSError(28, "No space left"))):
        with pytest.raises(OSError, match=str(error.args[-1])) as caught, loading_errors(name):
            raise error
        assert caught.value is error
