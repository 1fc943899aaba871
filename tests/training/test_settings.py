"""The settings of a run: layers, names, types and ranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fer_zoo.errors import FerZooError, InvalidOptionError, UnknownNameError, UnknownSettingError
from fer_zoo.labels import get_label_set
from fer_zoo.training import RECIPES, RunSettings, parse_assignment, read_settings

BASE: dict[str, Any] = {"data": {"kind": "image_folder", "path": "faces"}, "model": "mhan"}
UNLABELLED = {"kind": "raf_db", "path": "x"}


def test_later_layers_win_over_earlier_ones_and_all_over_the_recipe() -> None:
    """Each value comes from the last layer that has it."""
    file = {"recipe": "mhan-raf-db", "training": {"learning_rate": 0.2, "seed": 3}}

    settings = RunSettings.from_layers(BASE, file, {"training": {"seed": 4}}, {"augmentation": {"flip": 0.25}})

    assert settings.training["num_train_epochs"] == 80
    assert settings.training["learning_rate"] == 0.2
    assert settings.training["seed"] == 4
    assert settings.augmentation["flip"] == 0.25
    assert settings.augmentation["erase"] == 0.5
    assert settings.model.config["attention_loss"] == "consistency"


def test_assignments_fill_a_table_one_by_one() -> None:
    """What was said of a table before stays, as in the sections."""
    typed = ("method=ada_cm", "data.unlabelled.kind=image_folder", "data.unlabelled.path=more")

    settings = RunSettings.from_layers(
        BASE, {"data": {"unlabelled": {"path": "other", "split": "train"}}}, *map(parse_assignment, typed)
    )

    assert settings.data.unlabelled == {"kind": "image_folder", "path": "more", "split": "train"}


def test_settings_come_back_whole_from_their_file(tmp_path: Path) -> None:
    """What is written as YAML gives equal settings."""
    settings = RunSettings.from_layers(BASE, {"recipe": "mhan-affectnet-7", "processor": {"color_mode": "grey"}})
    path = tmp_path / "run.yaml"

    path.write_text(yaml.safe_dump(settings.to_dict()), encoding="utf-8")

    assert RunSettings.from_layers(read_settings(path)) == settings


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_gives_settings(name: str) -> None:
    """Its options are known and have the right types, and nothing of it is lost."""
    recipe = RECIPES[name]
    sources = {"data": {"unlabelled": UNLABELLED}} if recipe.method == "ada_cm" else {}

    settings = RunSettings.from_layers(BASE, {"recipe": name}, sources)

    assert settings.training == dict(recipe.arguments)
    assert settings.method == recipe.method
    assert settings.data.targets == recipe.targets
    assert settings.augmentation == recipe.augmentation.to_dict()


@pytest.mark.parametrize(
    ("model", "recipe"),
    [
        ({"name": "mhan"}, "from-scratch"),
        ({"name": "mhan", "fine_tune": True}, "fine-tune"),
        ({"name": "./my_folder"}, "fine-tune"),
        ({"name": "./my_folder", "fine_tune": False}, "from-scratch"),
    ],
)
def test_the_default_recipe_fits_the_start(model: dict[str, Any], recipe: str) -> None:
    """Random weights and trained ones have a recipe each."""
    assert RunSettings.from_layers(BASE, {"model": model}).recipe == recipe


def test_numbers_of_yaml_become_numbers() -> None:
    """YAML takes 1e-3 for text and 3 for a whole number."""
    settings = RunSettings.from_layers(BASE, {"training": {"learning_rate": "1e-3", "num_train_epochs": 3}})

    assert settings.training["learning_rate"] == 0.001
    assert settings.training["num_train_epochs"] == 3.0


@pytest.mark.parametrize(
    ("layer", "kind", "message"),
    [
        ({"training": {"lerning_rate": 1}}, UnknownSettingError, "'training.lerning_rate'. Did you mean 'training.lea"),
        ({"learning_rate": 1}, UnknownSettingError, "Did you mean 'training.learning_rate'"),
        ({"dta": {}}, UnknownSettingError, "Unknown setting 'dta'. Did you mean 'data'"),
        ({"data": {"knd": "x"}}, UnknownSettingError, "Did you mean 'data.kind'"),
        ({"augmentation": {"flp": 1}}, UnknownSettingError, "Did you mean 'augmentation.flip'"),
        ({"processor": {"colour": 1}}, UnknownSettingError, "Did you mean 'processor.color_mode'"),
        ({"training": {"output_dir": "x"}}, InvalidOptionError, "'x' for training.output_dir: expected no value, as a"),
        ({"training": {"batch_eval_metrics": True}}, InvalidOptionError, "True for training.batch_eval_metrics: exp"),
        ({"training": {"prediction_loss_only": True}}, InvalidOptionError, "a run decides this itself"),
        ({"training": {"confidence_floor": 0.5}}, UnknownSettingError, "'training.confidence_floor'"),
        ({"training": 3}, InvalidOptionError, "Invalid value 3 for training: expected a table of settings"),
        (
            {"training": {"learning_rate": "fast"}},
            InvalidOptionError,
            "'fast' for training.learning_rate: expected a n",
        ),
        ({"training": {"bf16": 1}}, InvalidOptionError, "1 for training.bf16: expected true or false"),
        ({"training": {"seed": 1.5}}, InvalidOptionError, "1.5 for training.seed: expected a whole number"),
        ({"training": {"optim": "adamx"}}, InvalidOptionError, "'adamx' for training.optim: expected one of adamw_t"),
        ({"training": {"num_train_epochs": 0}}, InvalidOptionError, "training.num_train_epochs: expected a number abo"),
        ({"training": {"learning_rate": -1}}, InvalidOptionError, "-1.0 for training.learning_rate"),
        (
            {"training": {"metric_for_best_model": "f1"}},
            InvalidOptionError,
            "'f1' for training.metric_for_best_model: expected one of accuracy, balanced_accuracy, macro_f1, ece, nll",
        ),
        ({"training": {"seed": -1}}, InvalidOptionError, "-1 for training.seed: expected a whole number from 0 to 429"),
        ({"training": {"seed": 2**32}}, InvalidOptionError, "training.seed: expected a whole number from 0 to 4294967"),
        ({"training": {"dataloader_num_workers": -1}}, InvalidOptionError, "training.dataloader_num_workers: expected"),
        ({"augmentation": {"flip": 2}}, InvalidOptionError, "Invalid value 2 for flip: expected a share from 0 to 1"),
        ({"data": {"eval_share": 1.0}}, InvalidOptionError, "data.eval_share: expected a share"),
        ({"data": {"eval_share": 0.5, "eval_split": "test"}}, InvalidOptionError, "either eval_split or eval_share"),
        ({"data": {"path": None}}, InvalidOptionError, "Invalid value None for data.path: expected text"),
        (
            {"method": "magic"},
            InvalidOptionError,
            "'magic' for method: expected one of supervised, ada_cm, distillation",
        ),
        ({"recipe": "mhan-rafdb"}, UnknownNameError, "Did you mean 'mhan-raf-db'"),
        (
            {"data": {"unlabelled": UNLABELLED}},
            InvalidOptionError,
            "data.unlabelled: expected nothing with the method 'supervised'; the methods that use it: ada_cm, distill",
        ),
        (
            {"method": "ada_cm", "data": {"unlabelled": UNLABELLED}, "model": {"teachers": ["runs/large"]}},
            InvalidOptionError,
            "model.teachers: expected nothing with the method 'ada_cm'; the methods that use it: distillation",
        ),
        (
            {"method": "ada_cm"},
            InvalidOptionError,
            "data.unlabelled: expected kind and path of pictures without labels, which the method 'ada_cm' learns from",
        ),
        (
            {"method": "distillation"},
            InvalidOptionError,
            "model.teachers: expected at least one model, which the method 'distillation' learns from",
        ),
    ],
)
def test_a_wrong_setting_is_refused(layer: dict[str, Any], kind: type[FerZooError], message: str) -> None:
    """Each message names the setting, and what was expected or meant."""
    with pytest.raises(kind) as caught:
        RunSettings.from_layers(BASE, layer)

    assert message in str(caught.value)


@pytest.mark.parametrize("missing", ["data.kind", "data.path", "model.name"])
def test_a_run_needs_data_and_a_model(missing: str) -> None:
    """The message names what is missing."""
    layer: dict[str, Any] = {"data": {"kind": "image_folder", "path": "faces"}, "model": {"name": "mhan"}}
    section, name = missing.split(".")
    del layer[section][name]

    with pytest.raises(InvalidOptionError, match=f"{missing}: expected a value, which every run needs"):
        RunSettings.from_layers(layer)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: [1", "a file in YAML (while parsing a flow sequence"),
        ("- 1\n- 2", "a file in YAML with a table of settings"),
        ("", "a file in YAML with a table of settings"),
    ],
)
def test_a_file_that_is_no_table_in_yaml_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The message names the file and what the parser stumbled on."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidOptionError, match=r"bad\.yaml") as caught:
        read_settings(path)

    assert message in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message says so."""
    with pytest.raises(InvalidOptionError, match="No such file"):
        read_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["training.seed", "=3", "training.seed=[1"])
def test_an_assignment_needs_a_name_and_a_value(text: str) -> None:
    """What is no assignment is refused with an example or the parser's reason."""
    with pytest.raises(InvalidOptionError, match="for set: expected"):
        parse_assignment(text)


def test_differences_name_the_settings_that_could_change_the_result() -> None:
    """Where it computes is none of them."""
    first = RunSettings.from_layers(BASE)
    second = RunSettings.from_layers(
        BASE, {"training": {"seed": 5, "use_cpu": True, "dataloader_num_workers": 2}, "float16": True}
    )

    assert first.differences(second) == ["float16", "training.seed"]


def test_settings_that_no_file_can_hold_are_refused() -> None:
    """A run could not be repeated from them."""
    with pytest.raises(InvalidOptionError, match="plain values as a file can hold them"):
        RunSettings.from_layers(BASE, {"data": {"options": {"label_set": get_label_set("raf_db")}}})
