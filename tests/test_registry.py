"""The table of published models and where they are loaded from."""

from __future__ import annotations

import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from safetensors import safe_open

from fer_zoo import registry
from fer_zoo.errors import UnknownNameError, WeightsIntegrityError
from fer_zoo.models import MhanForImageClassification
from fer_zoo.registry import ENTRIES, ModelEntry, get_entry, list_models, resolve_model, verified_folder

EVERY_ENTRY = pytest.mark.parametrize("entry", list_models(), ids=lambda entry: entry.name)


@EVERY_ENTRY
def test_entry_agrees_with_its_checkpoint(entry: ModelEntry) -> None:
    """Label set and number of parameters of the table are those of the embedded checkpoint."""
    model = MhanForImageClassification.from_pretrained(entry.folder)

    assert model.config.id2label == entry.label_set.id2label
    assert model.config.label2id == entry.label_set.label2id
    assert model.num_parameters() == entry.num_parameters


@EVERY_ENTRY
def test_embedded_weights_are_half_precision(entry: ModelEntry) -> None:
    """What travels with the package has two bytes a number."""
    with safe_open(entry.folder / "model.safetensors", framework="pt") as weights:
        types = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118  # no mapping

    assert types == {"F16", "I64"}


@EVERY_ENTRY
def test_names_resolve_to_the_embedded_folder(entry: ModelEntry) -> None:
    """Both names of a model are the folder inside the package."""
    assert resolve_model(entry.name) == resolve_model(entry.repo_id) == str(entry.folder)


def test_revision_goes_to_the_hub() -> None:
    """With a revision a published name is its repository."""
    assert resolve_model("mhan", revision="v1") == "fer_zoo/mhan"


def test_other_names_stay_as_they_are(tmp_path: Path) -> None:
    """A folder and a repository of someone else are passed on."""
    assert resolve_model(tmp_path) == str(tmp_path)
    assert resolve_model("someone/model") == "someone/model"


def test_unknown_name_is_answered_with_the_closest() -> None:
    """A misspelt name is refused before any network is asked."""
    with pytest.raises(UnknownNameError, match=r"Unknown model 'mahn'\. Did you mean 'mhan'\? Known: .*mhan"):
        resolve_model("mahn")
    with pytest.raises(UnknownNameError, match="Unknown model 'resnet9000'"):
        get_entry("resnet9000")


def test_entries_are_sorted_and_frozen() -> None:
    """The list is sorted by name, and neither entries nor the table can be changed."""
    names = [entry.name for entry in list_models()]

    assert names == sorted(ENTRIES)
    with pytest.raises(FrozenInstanceError):
        get_entry("mhan").name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ENTRIES["other"] = get_entry("mhan")  # type: ignore[index]


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed byte in the weights is found before they are loaded."""
    entry = get_entry("mhan")
    shutil.copytree(entry.folder, tmp_path / "mhan")
    path = tmp_path / "mhan" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(registry, "WEIGHTS_FOLDER", tmp_path)

    with pytest.raises(WeightsIntegrityError, match=rf"model\.safetensors.*expected {entry.sha256}"):
        verified_folder(replace(entry))
