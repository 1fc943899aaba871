"""Where a run starts: fresh networks, and trained weights whose classes are carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from face_folders import NARROW_MODEL

from fer_zoo.errors import CheckpointError, InvalidOptionError, UnknownSettingError, WeightsNotFoundError
from fer_zoo.labels import Expression, LabelSet, get_label_set
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import create_model
from fer_zoo.training import RunSettings, adapt_classes
from fer_zoo.training.initial_model import class_dimensions, make_initial_model

RAF_DB = get_label_set("raf_db")
CONFIG = {name: value for name, value in NARROW_MODEL.items() if name != "name"}


def settings(*layers: dict[str, Any], kind: str = "image_folder") -> RunSettings:
    """Return the settings of some run."""
    return RunSettings.from_layers({"data": {"kind": kind, "path": "faces"}, "model": NARROW_MODEL}, *layers)


@pytest.mark.parametrize("center_type", ["vector", "vector_class"])
def test_classes_keep_their_weights_in_another_order(center_type: str) -> None:
    """The scores of a class are the same before and after, wherever it stands; a new class gets random weights."""
    config = {**CONFIG, "center_type": center_type}
    model = create_model("han_pff", label_set=RAF_DB, config_options=config).model.eval()
    target = LabelSet("mine", (Expression.CONTEMPT, Expression.SADNESS, Expression.FEAR))

    adapted, new_classes = adapt_classes(model, target)

    pixel_values = torch.rand(2, 3, 112, 112)
    with torch.no_grad():
        before, after = model(pixel_values).logits, adapted.eval()(pixel_values).logits
    assert new_classes == ("contempt",)
    assert adapted.config.id2label == target.id2label
    torch.testing.assert_close(after[:, 1], before[:, RAF_DB.index(Expression.SADNESS)])
    torch.testing.assert_close(after[:, 2], before[:, RAF_DB.index(Expression.FEAR)])


def test_the_same_number_of_classes_in_another_order_is_rearranged() -> None:
    """AffectNet numbers the seven expressions of RAF-DB differently, which no shape would show."""
    model = create_model("han_pff", label_set=RAF_DB, config_options=CONFIG).model
    target = get_label_set("affectnet_7")

    adapted, new_classes = adapt_classes(model, target)

    assert new_classes == ()
    for index, expression in enumerate(target):
        expected = model.classifier.weight[RAF_DB.index(expression)]
        assert torch.equal(adapted.classifier.weight[index], expected)


def test_equal_classes_leave_the_model_as_it_is() -> None:
    """The very same object comes back."""
    model = create_model("han_pff", label_set=RAF_DB, config_options=CONFIG).model

    assert adapt_classes(model, RAF_DB) == (model, ())


def test_class_dimensions_are_found_in_every_part() -> None:
    """Both classifiers of HAN-PFF count classes in the first dimension, its centres in the second."""
    config = create_model("han_pff", config_options={**CONFIG, "center_type": "vector_class"}).model.config

    dimensions = class_dimensions(config)

    assert dimensions["classifier.weight"] == 0
    assert dimensions["classifier.bias"] == 0
    assert {name.split(".")[0] for name in dimensions} >= {"classifier", "shared_classifier"}
    assert not any(name.startswith("han_pff.") for name in dimensions)


@pytest.mark.slow
def test_published_weights_are_taken_over_with_their_image_processor() -> None:
    """The features of the embedded model stay, and its old temperature goes."""
    chosen = RunSettings.from_layers(
        {"data": {"kind": "image_folder", "path": "faces"}, "model": {"name": "mhan", "fine_tune": True}}
    )

    initial = make_initial_model(chosen, RAF_DB)

    assert initial.base_model == "mhan"
    assert initial.new_classes == ()
    assert initial.processor.color_mode == "grey"
    assert initial.model.config.temperature == 1.0
    assert initial.model.training


def test_a_folder_is_fine_tuned(tmp_path: Path) -> None:
    """Its weights are the start, and its name is told."""
    fresh = create_model("han_pff", label_set=RAF_DB, config_options=CONFIG)
    save_checkpoint(fresh.model, fresh.processor, tmp_path)

    initial = make_initial_model(
        RunSettings.from_layers({"data": {"kind": "image_folder", "path": "x"}, "model": str(tmp_path)}), RAF_DB
    )

    assert initial.base_model == str(tmp_path)
    assert torch.equal(initial.model.classifier.weight, fresh.model.classifier.weight)
    assert initial.model.config.label_smoothing == 0.1


def test_a_folder_of_half_precision_is_fine_tuned_in_full(tmp_path: Path) -> None:
    """Its numbers stay, and have room to move."""
    fresh = create_model("han_pff", label_set=RAF_DB, config_options=CONFIG)
    fresh.model.half().save_pretrained(tmp_path)
    fresh.processor.save_pretrained(tmp_path)

    initial = make_initial_model(
        RunSettings.from_layers({"data": {"kind": "image_folder", "path": "x"}, "model": str(tmp_path)}), RAF_DB
    )

    assert initial.model.dtype == torch.float32
    assert torch.equal(initial.model.classifier.weight, fresh.model.classifier.weight.float())


@pytest.mark.parametrize(("config", "rate"), [({}, 0.05), ({"center_rate": 0.2}, 0.2)])
def test_the_centres_move_as_in_a_first_training(config: dict[str, float], rate: float, tmp_path: Path) -> None:
    """What an earlier training has left of their rate is forgotten, and where they are is not."""
    fresh = create_model("han_pff", label_set=RAF_DB, config_options=CONFIG)
    fresh.model.centers.fill_(0.5)
    fresh.model.decay_center_rate()
    save_checkpoint(fresh.model, fresh.processor, tmp_path)
    chosen = {"name": str(tmp_path), "fine_tune": True, **config}

    initial = make_initial_model(
        RunSettings.from_layers({"data": {"kind": "image_folder", "path": "x"}, "model": chosen}), RAF_DB
    )

    assert initial.model.center_rate.item() == pytest.approx(rate)
    assert initial.model.config.center_rate == rate
    assert torch.equal(initial.model.centers, fresh.model.centers)


def test_a_fresh_network_looks_at_photographs_as_its_data_look() -> None:
    """FER+ is grey and framed in its own way; an option says otherwise."""
    usual = make_initial_model(settings(kind="fer_plus"), get_label_set("fer_plus")).processor
    changed = make_initial_model(
        settings({"processor": {"crop_template": "arcface"}}, kind="fer_plus"), get_label_set("fer_plus")
    ).processor

    assert usual.color_mode == changed.color_mode == "grey"
    assert usual.crop_template != changed.crop_template


@pytest.mark.parametrize(
    ("layer", "kind", "message"),
    [
        ({"model": {"hidden_size": 3}}, UnknownSettingError, "'model.hidden_size'. Did you mean 'model.hidden_sizes'"),
        ({"model": {"hidden_sizes": [3]}}, InvalidOptionError, "hidden_sizes must be 4 positive multiples of 4"),
        (
            {"recipe": "mhan-raf-db", "model": "mfn"},
            InvalidOptionError,
            "expected mhan, which the recipe 'mhan-raf-db'",
        ),
        ({"model": {"name": "mfn", "fine_tune": True}}, WeightsNotFoundError, "There are no weights 'mfn'"),
        (
            {"model": {"fine_tune": True}},
            CheckpointError,
            "The weights of 'han_pff' do not fit the network that model.",
        ),
        (
            {"model": {"id2label": {"0": "sad", "1": "happy"}}},
            InvalidOptionError,
            "for model.id2label: expected nothing: the classes come from the data, see data.label_set",
        ),
        (
            {"model": {"label2id": {"sad": 0}}},
            InvalidOptionError,
            "for model.label2id: expected nothing: the classes come from the data",
        ),
        ({"processor": {"crop_template": "close"}}, InvalidOptionError, "expected one of arcface, fer_plus"),
    ],
)
def test_a_start_that_is_none_is_refused(layer: dict[str, Any], kind: type[Exception], message: str) -> None:
    """Each message names the setting and the way out."""
    base: dict[str, Any] = {"data": {"kind": "image_folder", "path": "faces"}, "model": NARROW_MODEL}
    if layer.get("model") == "mfn":
        base["model"] = "mfn"

    with pytest.raises(kind) as caught:
        make_initial_model(RunSettings.from_layers(base, layer), RAF_DB)

    assert message in str(caught.value)


def test_fine_tuning_in_another_size() -> None:
    """HAN-PFF takes pictures of any size, so its weights go on with larger ones, and the image processor makes them."""
    settings = RunSettings.from_layers(
        {"data": {"kind": "image_folder", "path": "x"}},
        {"model": {"name": "han_pff", "fine_tune": True, "image_size": 64}},
    )

    start = make_initial_model(settings, RAF_DB)

    assert start.model.config.image_size == start.processor.size["height"] == start.processor.size["width"] == 64
    assert start.processor.color_mode == "grey"  # as it was stored with the weights


def test_a_model_of_another_library_is_refused(tmp_path: Path) -> None:
    """Its configuration tells."""
    (tmp_path / "config.json").write_text('{"model_type": "vit"}', encoding="utf-8")

    with pytest.raises(CheckpointError, match="is a 'vit', which is no model of fer-zoo"):
        make_initial_model(
            RunSettings.from_layers({"data": {"kind": "image_folder", "path": "x"}, "model": str(tmp_path)}), RAF_DB
        )
