"""Checkpoints that lack weights: fine-tuning may start from them, answers may not come from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from small_models import save_small_model
from transformers import AutoConfig, AutoModelForImageClassification, ViTConfig, ViTForImageClassification

from fer_zoo import pipeline
from fer_zoo.errors import CheckpointError
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.models import FerImageProcessor

CLASSIFIER = ("classifier.bias", "classifier.weight")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a checkpoint without the weights of its classifier."""
    saved = save_small_model(tmp_path / "model")
    weights = load_file(saved / "model.safetensors")
    kept = {name: value for name, value in weights.items() if name not in CLASSIFIER}
    assert len(kept) == len(weights) - 2
    save_file(kept, saved / "model.safetensors", metadata={"format": "pt"})
    return saved


LOADERS = pytest.mark.parametrize("load", [lambda name: pipeline(model=name, detector="whole_image"), load_classifier])


@LOADERS
def test_no_answers_from_random_weights(load: Any, folder: Path) -> None:
    """A pipeline and an evaluation name the checkpoint and what it lacks."""
    with pytest.raises(
        CheckpointError, match=f"'{folder}' do not fill its model; .* missing: classifier.bias, classifier.weight"
    ):
        load(str(folder))


@LOADERS
def test_no_answers_from_random_weights_of_other_packages(load: Any, tmp_path: Path) -> None:
    """A backbone of transformers without a classifier is refused; with one it is taken."""
    whole = ViTForImageClassification(
        ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32)
    )
    for folder, model in ((tmp_path / "whole", whole), (tmp_path / "backbone", whole.vit)):
        model.save_pretrained(folder)
        FerImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)

    assert load(str(tmp_path / "whole")).model.config.num_labels == 2
    with pytest.raises(
        CheckpointError, match=r"do not fill its model; .* missing: classifier\.bias, classifier\.weight"
    ):
        load(str(tmp_path / "backbone"))


def test_fine_tuning_may_start_from_it(folder: Path) -> None:
    """``from_pretrained`` loads it and says what is missing, on the model and in the report of transformers."""
    model = AutoModelForImageClassification.from_pretrained(folder)
    again, report = AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)

    assert model.missing_keys == again.missing_keys == CLASSIFIER
    assert set(report["missing_keys"]) == set(CLASSIFIER)
    assert pipeline(model=model, image_processor=FerImageProcessor(), detector="whole_image", device="cpu")


def test_weights_of_another_shape_are_missing_too(tmp_path: Path) -> None:
    """Both classifiers are made anew for another number of classes, with random weights."""
    folder = save_small_model(tmp_path / "model")

    model = AutoModelForImageClassification.from_pretrained(folder, num_labels=5, ignore_mismatched_sizes=True)

    assert model.missing_keys == (*CLASSIFIER, "shared_classifier.bias", "shared_classifier.weight")


def test_temperature_of_a_classifier_that_is_made_anew_is_one(tmp_path: Path) -> None:
    """The old one was fitted to the old weights; it stays where they do."""
    folder = save_small_model(tmp_path / "model")
    config = AutoConfig.from_pretrained(folder, temperature=0.8)
    config.save_pretrained(folder)

    same = AutoModelForImageClassification.from_pretrained(folder, ignore_mismatched_sizes=True)
    anew = AutoModelForImageClassification.from_pretrained(folder, num_labels=5, ignore_mismatched_sizes=True)

    assert (same.config.temperature, anew.config.temperature) == (0.8, 1.0)


def test_whole_checkpoint_lacks_nothing(tmp_path: Path) -> None:
    """A model that was saved with all its weights has no missing keys."""
    model = AutoModelForImageClassification.from_pretrained(save_small_model(tmp_path / "model"))

    assert model.missing_keys == ()
