"""Writing checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModelForImageClassification

from fer_zoo.models import FerImageProcessor, MhanConfig, MhanForImageClassification
from fer_zoo.models.checkpoint import save_checkpoint


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
