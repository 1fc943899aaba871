"""The table of published models and where they are loaded from."""

from __future__ import annotations

import shutil
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import safe_open
from transformers import AutoModelForImageClassification, ViTImageProcessor

from fer_zoo.errors import (
    ArgumentTypeError,
    CheckpointError,
    InvalidOptionError,
    UnknownNameError,
    WeightsIntegrityError,
    WeightsNotFoundError,
)
from fer_zoo.imaging import FER_PLUS_TEMPLATE
from fer_zoo.labels import get_label_set
from fer_zoo.registry import (
    ENTRIES,
    ModelEntry,
    create_model,
    entries,
    get_entry,
    list_models,
    load_image_processor,
    resolve_model,
    verified_folder,
)

EMBEDDED = [entry for entry in list_models() if entry.is_embedded]
WITHOUT_WEIGHTS = [entry for entry in list_models() if not entry.is_embedded]
EVERY_EMBEDDED_ENTRY = pytest.mark.parametrize("entry", EMBEDDED, ids=lambda entry: entry.name)


@EVERY_EMBEDDED_ENTRY
def test_entry_agrees_with_its_checkpoint(entry: ModelEntry) -> None:
    """Label set, number of parameters and configuration of the table are those of the embedded checkpoint."""
    model = AutoModelForImageClassification.from_pretrained(entry.folder)

    assert model.config.id2label == entry.label_set.id2label
    assert model.config.label2id == entry.label_set.label2id
    assert model.num_parameters() == entry.num_parameters
    assert model.config.model_type == entry.architecture
    stated = {**entry.config, **entry.published_config}
    assert {name: getattr(model.config, name) for name in stated} == stated


@pytest.mark.parametrize("entry", list_models(), ids=lambda entry: entry.name)
def test_entry_agrees_with_a_fresh_network(entry: ModelEntry) -> None:
    """Architecture, label set and number of parameters are those of the network that the entry makes."""
    with torch.device("meta"):
        model, processor = create_model(entry.name, config_options=entry.published_config)

    assert model.config.model_type == entry.architecture
    assert model.config.id2label == entry.label_set.id2label
    assert model.config.label2id == entry.label_set.label2id
    assert model.num_parameters() == entry.num_parameters
    assert processor.size["height"] == processor.size["width"] == model.config.image_size
    assert model.training


def test_fresh_network_with_other_options() -> None:
    """Labels, fields of the configuration and options of the processor are the caller's where given."""
    raf_db = get_label_set("raf_db")

    model, processor = create_model(
        "fer_zoo/mfn",
        label_set=raf_db,
        config_options={"image_size": 32, "label_smoothing": 0.0},
        processor_options={"color_mode": "grey", "crop_template": FER_PLUS_TEMPLATE.to_dict()},
    )

    assert model.config.id2label == raf_db.id2label
    assert (model.config.image_size, model.config.label_smoothing) == (32, 0.0)
    assert (processor.size["height"], processor.color_mode) == (32, "grey")
    assert processor.template == FER_PLUS_TEMPLATE


def test_fresh_network_takes_the_name_of_a_label_set() -> None:
    """As the readers of data sets do; a list of names is refused, for it says nothing of their order."""
    model, _ = create_model("mfn", label_set="raf_db")

    assert model.config.id2label == get_label_set("raf_db").id2label
    with pytest.raises(UnknownNameError, match=r"Unknown label set 'rafdb'\. Did you mean 'raf_db'\?"):
        create_model("mfn", label_set="rafdb")
    with pytest.raises(ArgumentTypeError, match="Invalid type 'list' for label_set: expected a LabelSet, or the name"):
        create_model("mfn", label_set=["anger", "fear"])  # type: ignore[arg-type]


def test_fresh_network_refuses_bad_options() -> None:
    """An unknown name, a bad field and a bad option are refused, each by its own error."""
    with pytest.raises(UnknownNameError, match="Unknown model 'resnet81'"):
        create_model("resnet81")
    with pytest.raises(StrictDataclassError, match="depth"):
        create_model("resnet18", config_options={"depth": 34})
    with pytest.raises(InvalidOptionError, match="color_mode"):
        create_model("mfn", processor_options={"color_mode": "sepia"})


@pytest.mark.parametrize("entry", WITHOUT_WEIGHTS, ids=lambda entry: entry.name)
def test_name_without_weights_says_what_to_do(entry: ModelEntry, tmp_path: Path) -> None:
    """Either name is refused with advice, without any network; a folder of the same name is found by its path."""
    message = rf"no weights '{entry.name}'.*Train it.*with weights: {', '.join(entry.name for entry in EMBEDDED)}"
    for name in (entry.name, entry.repo_id):
        with pytest.raises(WeightsNotFoundError, match=message):
            resolve_model(name)
    (tmp_path / entry.name).mkdir()
    assert resolve_model(tmp_path / entry.name) == str(tmp_path / entry.name)
    assert not entry.folder.exists()


@EVERY_EMBEDDED_ENTRY
def test_embedded_weights_are_half_precision(entry: ModelEntry) -> None:
    """What travels with the package has two bytes a number."""
    with safe_open(entry.folder / "model.safetensors", framework="pt") as weights:
        types = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118  # no mapping

    assert types == {"F16", "I64"}


@EVERY_EMBEDDED_ENTRY
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


def test_path_is_no_name_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Path("./mhan")`` has lost its dot, and still means the folder: only strings are published names."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match="Unknown model 'mhan'"):
        resolve_model(Path("./mhan"))
    Path("mhan").mkdir()

    assert resolve_model(Path("./mhan")) == "mhan"
    assert resolve_model("mhan") == str(get_entry("mhan").folder)


def test_unknown_name_is_answered_with_the_closest() -> None:
    """A misspelt name is refused before any network is asked."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'mhan'\? Known: .*mhan.*\. There is no folder of"):
        resolve_model("mahn")
    with pytest.raises(UnknownNameError, match="Unknown model 'resnet9000'"):
        get_entry("resnet9000")


@pytest.mark.parametrize("name", ["./nothing", "../nothing", "~/nothing", "/nothing", "/no/folder", "no/such/folder"])
def test_path_without_a_folder_is_said_to_be_one(name: str) -> None:
    """What can only be a path is not taken for a repository."""
    with pytest.raises(UnknownNameError, match=rf"^Unknown model '{name}': there is no such folder\. Known: han_pff"):
        resolve_model(name)


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
    monkeypatch.setattr(entries, "WEIGHTS_FOLDER", tmp_path)

    with pytest.raises(WeightsIntegrityError, match=rf"model\.safetensors.*expected {entry.sha256}"):
        verified_folder(replace(entry))


def test_image_processor_of_a_published_model_is_its_own() -> None:
    """Both names give the one that stands beside the weights."""
    for name in ("mhan", "fer_zoo/mhan"):
        processor = load_image_processor(name)

        assert (processor.template, processor.color_mode) == (FER_PLUS_TEMPLATE, "grey")


@pytest.mark.parametrize("entry", WITHOUT_WEIGHTS, ids=lambda entry: entry.name)
def test_image_processor_without_weights_is_that_of_a_fresh_network(entry: ModelEntry) -> None:
    """An architecture has one too, so that crops can be made to train it."""
    assert load_image_processor(entry.name).to_dict() == create_model(entry.name).processor.to_dict()


def test_image_processor_is_loaded_without_weights(tmp_path: Path) -> None:
    """Its file alone makes a folder that it can be loaded from."""
    shutil.copy(get_entry("mhan").folder / "preprocessor_config.json", tmp_path)

    assert load_image_processor(tmp_path).template == FER_PLUS_TEMPLATE


def test_image_processor_that_cannot_crop_is_refused(tmp_path: Path) -> None:
    """A folder without any, and one of another kind, are named with the way out."""
    advice = r"Give a model of this package, or a folder with its preprocessor_config\.json\.$"
    with pytest.raises(
        CheckpointError,
        match=rf"cannot be loaded: the folder has no \S+. {advice}",
    ):
        load_image_processor(tmp_path)
    ViTImageProcessor().save_pretrained(tmp_path)

    with pytest.raises(CheckpointError, match=rf"is a ViTImageProcessor\w*, which has no crop template\. {advice}"):
        load_image_processor(tmp_path)
