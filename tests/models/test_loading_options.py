"""Options of ``from_pretrained`` that are wrong: they are named, and the checkpoint is not blamed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import save_small_model
from transformers import AutoModelForImageClassification

from fer_zoo import pipeline
from fer_zoo.errors import InvalidOptionError, MissingPackageError
from fer_zoo.models import HanPffForImageClassification

LOADERS = pytest.mark.parametrize(
    "load",
    [
        AutoModelForImageClassification.from_pretrained,
        HanPffForImageClassification.from_pretrained,
        lambda folder, **options: pipeline(model=folder, detector="whole_image", **options),
        lambda folder, **options: pipeline(model=folder, detector="whole_image", model_kwargs=options),
    ],
    ids=["auto", "class", "pipeline", "model_kwargs"],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a narrow model."""
    return save_small_model(tmp_path_factory.mktemp("models") / "small")


@LOADERS
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("dtype", "float33", "'float33' for dtype: expected 'auto' or a type of torch"),
        ("dtype", torch.int64, r"torch\.int64 for dtype"),
        ("dtype", 16, "16 for dtype"),
        ("dtype", {"": "nn"}, r"\{'': 'nn'\} for dtype"),
        ("torch_dtype", "float33", "'float33' for torch_dtype"),
        ("device_map", "nowhere", "'nowhere' for device_map: expected a device that torch finds here"),
        ("device_map", {"": "cuda:99"}, r"\{'': 'cuda:99'\} for device_map"),
        ("device_map", [0], r"\[0\] for device_map"),
    ],
    ids=str,
)
def test_wrong_option_is_named(load: Any, folder: Path, option: str, value: Any, message: str) -> None:
    """Whoever loads the model, the error says which argument is wrong and what it could be."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value {message}"):
        load(str(folder), **{option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "bfloat16", "device_map": "cpu"},
        {"dtype": torch.bfloat16, "device_map": {"": torch.device("cpu")}},
        {"dtype": {"": "bfloat16"}, "device_map": None},
    ],
    ids=str,
)
def test_right_options_are_taken(folder: Path, options: dict[str, Any]) -> None:
    """Names, objects of torch and dictionaries mean the same."""
    model = AutoModelForImageClassification.from_pretrained(folder, **options)

    assert (model.dtype, model.device.type) == (torch.bfloat16, "cpu")


def test_place_needs_accelerate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that finds the place, the error is how to install it."""
    monkeypatch.setitem(sys.modules, "accelerate", None)

    with pytest.raises(MissingPackageError, match=r"device_map needs the package 'accelerate'.*pip install accelerate"):
        HanPffForImageClassification.from_pretrained(folder, device_map="cpu")
