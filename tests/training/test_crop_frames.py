"""Crops tell the model that learns from them how they are framed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from face_folders import NARROW_MODEL
from PIL import Image

from fer_zoo.errors import AnnotationError, DatasetWarning, InvalidOptionError
from fer_zoo.imaging import CROP_TEMPLATES, CropTemplate
from fer_zoo.labels import get_label_set
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.pipelines import FaceCropper, crop_folder
from fer_zoo.registry import create_model, load_image_processor
from fer_zoo.training import RunSettings
from fer_zoo.training.initial_model import make_initial_model

RAF_DB = get_label_set("raf_db")
MHAN = load_image_processor("mhan").template


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory, astronaut: Any) -> Path:
    """Return a folder of crops that are framed as mhan expects them."""
    folder = tmp_path_factory.mktemp("crops")
    (folder / "photographs" / "happy").mkdir(parents=True)
    Image.fromarray(astronaut).save(folder / "photographs" / "happy" / "a.png")
    crop_folder(folder / "photographs", folder / "faces", FaceCropper("mhan"))
    return folder / "faces"


def template_of(path: Path, *layers: dict[str, Any], model: dict[str, Any] = NARROW_MODEL) -> CropTemplate:
    """Return the template of the model that a run on some pictures starts with."""
    layer = {"data": {"kind": "image_folder", "path": str(path)}, "model": model}
    return make_initial_model(RunSettings.from_layers(layer, *layers), RAF_DB).processor.template


def test_a_fresh_network_takes_over_the_frame_of_the_crops(crops: Path, tmp_path: Path) -> None:
    """Of the folder itself, of its splits and beside a table; the settings may say otherwise."""
    splits = tmp_path / "splits"
    copytree(crops, splits / "train")
    table = crops / "faces.csv"
    table.write_text("path,label\nhappy/a.png,happy\n")

    assert template_of(crops) == template_of(splits) == template_of(table) == MHAN
    assert template_of(crops, {"processor": {"crop_template": "arcface"}}) == CROP_TEMPLATES["arcface"]
    assert template_of(crops / "happy") == CROP_TEMPLATES["arcface"]


def test_weights_that_know_another_frame_are_warned_of(crops: Path, tmp_path: Path) -> None:
    """The model will meet faces as those it is fine-tuned on."""
    fresh = create_model(
        "han_pff", label_set=RAF_DB, config_options={n: v for n, v in NARROW_MODEL.items() if n != "name"}
    )
    save_checkpoint(fresh.model, fresh.processor, tmp_path / "arcface")
    fresh.processor.crop_template = MHAN.to_dict()
    save_checkpoint(fresh.model, fresh.processor, tmp_path / "same")

    with pytest.warns(DatasetWarning, match="framed otherwise than those that .* fer-zoo crop --model"):
        assert template_of(crops, model={"name": str(tmp_path / "arcface")}) == MHAN
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert template_of(crops, model={"name": str(tmp_path / "same")}) == MHAN


def test_crops_of_several_frames_are_refused(crops: Path, tmp_path: Path) -> None:
    """The message names the folders; what cannot be understood is refused too."""
    for split in ("train", "test"):
        copytree(crops, tmp_path / split)
    record = tmp_path / "test" / "crop_options.json"
    options = json.loads(record.read_bytes())
    record.write_text(json.dumps({**options, "crop_template": CROP_TEMPLATES["arcface"].to_dict()}))

    with pytest.raises(InvalidOptionError, match=r"framed for one model \(those in .*test, .*train are not\)"):
        template_of(tmp_path)
    record.write_text("{}")
    with pytest.raises(AnnotationError, match=r"crop_options.json'?: it does not say how crops are framed"):
        template_of(tmp_path)
