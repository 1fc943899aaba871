"""Writing checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_models import save_small_model
from transformers import AutoImageProcessor, AutoModelForImageClassification

from fer_zoo.errors import CheckpointError
from fer_zoo.models import FerImageProcessor, MhanConfig, MhanForImageClassification
from fer_zoo.models.checkpoint import copy_with_temperature, save_checkpoint


def test_half_the_bytes_on_disk_come_up_as_float32(tmp_path: Path) -> None:
    """Weights stored as float16 load as float32 unless asked otherwise, and the image processor lies beside them."""
    model = MhanForImageClassification(MhanConfig())

    save_checkpoint(model, FerImageProcessor(color_mode="grey"), tmp_path, stored_dtype=torch.float16)

    stored = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float16}
    assert stored["mhan.pooler.norm.num_batches_tracked"].dtype == torch.int64
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.classifier.weight, model.classifier.weight.half().float())
    assert AutoModelForImageClassification.from_pretrained(tmp_path, dtype=torch.float16).dtype == torch.float16
    assert AutoImageProcessor.from_pretrained(tmp_path).color_mode == "grey"
    assert model.dtype == torch.float32  # the model itself is not changed


def test_without_a_type_the_weights_are_stored_as_they_are(tmp_path: Path) -> None:
    """By default nothing is lost."""
    model = MhanForImageClassification(MhanConfig())

    save_checkpoint(model, FerImageProcessor(), tmp_path)

    assert torch.equal(load_file(tmp_path / "model.safetensors")["classifier.weight"], model.classifier.weight)


def test_a_copy_with_a_temperature_differs_in_that_alone(tmp_path: Path) -> None:
    """Every other file is the same byte for byte, and so is every other field; checkpoints of a run stay behind."""
    save_checkpoint(MhanForImageClassification(MhanConfig()), FerImageProcessor(), tmp_path / "old")
    (tmp_path / "old" / "run.yaml").write_text("method: plain")
    (tmp_path / "old" / "checkpoints" / "checkpoint-1").mkdir(parents=True)

    copy_with_temperature(tmp_path / "old", tmp_path / "new", 1.25)

    assert not (tmp_path / "new" / "checkpoints").exists()
    for path in (path for path in (tmp_path / "old").iterdir() if path.is_file()):
        assert path.name == "config.json" or (tmp_path / "new" / path.name).read_bytes() == path.read_bytes()
    old, new = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("old", "new"))
    assert new == {**old, "temperature": 1.25}
    assert list(new) == sorted(new)
    assert AutoModelForImageClassification.from_pretrained(tmp_path / "new").config.temperature == 1.25


def test_files_of_the_old_temperature_are_left_out(tmp_path: Path) -> None:
    """Those beside the weights that are named; files of the same name in a folder are others."""
    save_small_model(tmp_path / "old")
    (tmp_path / "old" / "deep").mkdir()
    for name in ("report.json", "deep/report.json"):
        (tmp_path / "old" / name).write_text("{}")

    copy_with_temperature(tmp_path / "old", tmp_path / "new", 1.25, leave_out=["report.json"])

    assert not (tmp_path / "new" / "report.json").exists()
    assert (tmp_path / "new" / "deep" / "report.json").exists()


def test_card_of_a_copy_says_what_is_of_the_model_before(tmp_path: Path) -> None:
    """At its end, and once: a copy of a copy tells of its own temperature alone."""
    save_small_model(tmp_path / "old")
    (tmp_path / "old" / "README.md").write_bytes(b"# mine \xe9\n\nThe temperature 0.900 was fitted.\n")

    copy_with_temperature(tmp_path / "old", tmp_path / "new", 1.25)
    copy_with_temperature(tmp_path / "new", tmp_path / "newer", 1.5)

    assert (tmp_path / "newer" / "README.md").read_bytes() == (
        b"# mine \xe9\n\nThe temperature 0.900 was fitted.\n\n## Calibration of this copy\n\n"
        b"The temperature was fitted anew, and is 1.500. What is said above of the temperature, the calibration error "
        b"and the likelihood is of the model before. Its answers are the same.\n"
    )


def test_a_copy_may_lie_in_the_checkpoint(tmp_path: Path) -> None:
    """As ``runs/mine/calibrated`` does; it does not hold itself."""
    save_small_model(tmp_path / "old")
    names = {path.name for path in (tmp_path / "old").iterdir()}

    copy_with_temperature(tmp_path / "old", tmp_path / "old" / "calibrated", 1.25)

    assert {path.name for path in (tmp_path / "old" / "calibrated").iterdir()} == names


def test_what_is_too_large_for_float16_keeps_its_type(tmp_path: Path) -> None:
    """A variance above 65504 comes back as it was, and not as infinity."""
    model = MhanForImageClassification(MhanConfig())
    model.mhan.pooler.norm.running_var = torch.full((512,), 1e5)

    save_checkpoint(model, FerImageProcessor(), tmp_path, stored_dtype=torch.float16)

    loaded = MhanForImageClassification.from_pretrained(tmp_path)
    assert torch.equal(loaded.mhan.pooler.norm.state_dict()["running_var"], torch.full((512,), 1e5))
    assert load_file(tmp_path / "model.safetensors")["classifier.weight"].dtype == torch.float16


def test_weights_that_are_given_need_no_checkpoint() -> None:
    """``from_pretrained(None)`` with a configuration and weights, as transformers has it."""
    model = MhanForImageClassification(MhanConfig())

    loaded = MhanForImageClassification.from_pretrained(None, config=model.config, state_dict=model.state_dict())

    assert torch.equal(loaded.classifier.weight, model.classifier.weight)


def test_quantised_checkpoint_whose_package_is_missing_is_named(tmp_path: Path) -> None:
    """The error is one of this package, and says what transformers misses."""
    save_checkpoint(MhanForImageClassification(MhanConfig()), FerImageProcessor(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))

    with pytest.raises(CheckpointError, match=f"The checkpoint '{tmp_path}' does not load: "):
        MhanForImageClassification.from_pretrained(tmp_path)
