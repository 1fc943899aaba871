"""Smaller networks of every architecture, for tests that need no real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor, HanPffConfig, HanPffForImageClassification
from fer_zoo.models.checkpoint import save_checkpoint

#: Fields of each configuration: smaller crops (the weights stay the same ones but for the pooling over the whole map),
#: and narrow levels of HAN-PFF, whose crops cannot be smaller. Dropout would hide what the tests compare.
SMALL: dict[str, dict[str, Any]] = {
    "han_pff": {
        "image_size": 112,
        "hidden_sizes": [8, 16, 32, 64],
        "vector_size": 32,
        "classifier_dropout": 0.0,
    },
    "mfn": {"image_size": 48},
    "mhan": {"image_size": 48},
    "resnet18": {"image_size": 64},
    "resnet50": {"image_size": 64},
}


def narrow_han_pff(**options: Any) -> HanPffForImageClassification:
    """Return a HAN-PFF with narrow levels and random weights for seven classes, in evaluation mode."""
    torch.manual_seed(0)
    config = HanPffConfig(hidden_sizes=[8, 16, 32, 64], vector_size=32, image_size=112, num_labels=7, **options)
    model = HanPffForImageClassification(config)
    model.eval()
    return model


def save_small_model(folder: Path) -> Path:
    """Save a narrow HAN-PFF with random weights for the labels of FER+: a face takes it a millisecond."""
    torch.manual_seed(0)
    labels = get_label_set("fer_plus")
    config = HanPffConfig(**SMALL["han_pff"], id2label=labels.id2label, label2id=labels.label2id)
    save_checkpoint(HanPffForImageClassification(config), FerImageProcessor(), folder)
    return folder
