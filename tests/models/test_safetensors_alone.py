"""Weights come from safetensors files of the checkpoint itself, whatever its other files say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import save_small_model
from transformers import AutoModelForImageClassification

from fer_zoo import pipeline
from fer_zoo.errors import CheckpointError
from fer_zoo.models import HanPffForImageClassification

INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a checkpoint, where no pickle may be opened."""
    saved = save_small_model(tmp_path / "model")

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a pickle is opened")

    monkeypatch.setattr(torch, "load", refuse)
    return saved


def put_weights(folder: Path, name: Any, index: str = INDEX) -> dict[str, Any]:
    """Replace the weights by an index that names one file for all of them, and return them."""
    weights: dict[str, Any] = HanPffForImageClassification.from_pretrained(folder).state_dict()
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, name)}))
    return weights


def test_index_that_names_a_pickle_is_refused(folder: Path) -> None:
    """Its weights are not read, neither by the classes nor by a pipeline, and the file is named."""
    weights = put_weights(folder, "weights.bin")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "weights.bin")

    for load in (AutoModelForImageClassification.from_pretrained, pipeline_of):
        with pytest.raises(CheckpointError, match=r"index\.json' names 'weights\.bin', but weights are read from"):
            load(str(folder))


def pipeline_of(folder: str) -> Any:
    """Return a pipeline without a detector."""
    return pipeline(model=folder, detector="whole_image", device="cpu")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.safetensors",
        "sub/../../secret.safetensors",
        "..\\secret.safetensors",
        "C:secret.safetensors",
        7,
        None,
    ],
)
def test_index_that_leads_out_of_the_folder_is_refused(name: Any, folder: Path) -> None:
    """Other folders, drives and values that are no names."""
    put_weights(folder, name)
    shutil.move(folder / "model.safetensors", folder.parent / "secret.safetensors")

    with pytest.raises(CheckpointError, match="safetensors files beside it alone"):
        AutoModelForImageClassification.from_pretrained(folder)


def test_index_with_an_absolute_path_is_refused(folder: Path) -> None:
    """Also where the file is there and holds the weights."""
    put_weights(folder, str(folder / "elsewhere.safetensors"))
    shutil.move(folder / "model.safetensors", folder / "elsewhere.safetensors")

    with pytest.raises(CheckpointError, match="safetensors files beside it alone"):
        AutoModelForImageClassification.from_pretrained(folder)


@pytest.mark.parametrize("options", [{"variant": "fp16"}, {"subfolder": "inner"}])
def test_variants_and_subfolders_are_looked_at_too(options: dict[str, str], folder: Path) -> None:
    """The index of the option's own place is the one that counts."""
    index = "model.safetensors.index.fp16.json" if "variant" in options else INDEX
    put_weights(folder, "weights.bin", index)
    (folder / "model.safetensors").unlink()
    if "subfolder" in options:
        shutil.copytree(folder, folder / "inner")
        (folder / index).unlink()

    with pytest.raises(CheckpointError, match=r"names 'weights\.bin'"):
        HanPffForImageClassification.from_pretrained(folder, **options)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": {}}}'])
def test_damaged_index_is_refused(text: str, folder: Path) -> None:
    """What is no table of names is said to be no index."""
    (folder / INDEX).write_text(text)

    with pytest.raises(CheckpointError, match="is no index"):
        AutoModelForImageClassification.from_pretrained(folder)


def test_weights_in_several_files_load(folder: Path) -> None:
    """As transformers writes them, every bit comes back."""
    model = HanPffForImageClassification.from_pretrained(folder)
    model.save_pretrained(folder.parent / "sharded", max_shard_size="20KB")
    assert (folder.parent / "sharded" / INDEX).is_file()

    loaded = AutoModelForImageClassification.from_pretrained(folder.parent / "sharded")

    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_none_is_safetensors_too(folder: Path) -> None:
    """``use_safetensors=None`` lets transformers fall back to a pickle; here it is the default."""
    weights = HanPffForImageClassification.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")

    with pytest.raises(OSError, match=r"model\.safetensors"):
        AutoModelForImageClassification.from_pretrained(folder, use_safetensors=None)


@pytest.mark.parametrize("name", ["adapter_model.bin", "other.safetensors"])
def test_configuration_names_no_file_of_weights(name: str, folder: Path) -> None:
    """``transformers_weights`` of a configuration could name a pickle."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": name}))

    with pytest.raises(CheckpointError, match=f"transformers_weights is '{name}'"):
        AutoModelForImageClassification.from_pretrained(folder)


def test_index_in_the_cache_of_the_hub_is_looked_at(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository is held to the same rule as a folder."""
    put_weights(folder, "weights.bin")
    (folder / "model.safetensors").unlink()
    snapshot = tmp_path / "cache" / "models--some--model" / "snapshots" / ("a" * 40)
    shutil.copytree(folder, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40)

    with pytest.raises(CheckpointError, match=r"'some/model' does not load: .* names 'weights\.bin'"):
        HanPffForImageClassification.from_pretrained("some/model", cache_dir=tmp_path / "cache", local_files_only=True)
