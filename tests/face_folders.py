"""Folders of small pictures whose class can be seen, and the settings of a run that takes seconds on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WORDS = ("happy", "sad", "angry")

#: A HAN-PFF with 9,000 parameters.
NARROW_MODEL: dict[str, Any] = {
    "name": "han_pff",
    "image_size": 112,
    "hidden_sizes": [4, 4, 8, 8],
    "vector_size": 8,
    "classifier_dropout": 0.0,
    "label_smoothing": 0.0,
}


def write_faces(folder: Path, *, per_class: int = 8, words: tuple[str, ...] = WORDS, seed: int = 0) -> Path:
    """Write a folder for each class, with noise in which one colour is stronger, and return the folder."""
    generator = np.random.default_rng(seed)
    for word in words:
        (folder / word).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            picture = generator.integers(0, 120, (32, 32, 3), dtype=np.uint8)
            picture[..., WORDS.index(word)] += 120
            Image.fromarray(picture).save(folder / word / f"{number:02}.png")
    return folder


def write_splits(folder: Path, *, per_class: int = 8) -> Path:
    """Write a training and a validation split, and return their folder."""
    write_faces(folder / "train", per_class=per_class)
    write_faces(folder / "validation", per_class=4, seed=1)
    return folder


def run_layer(data: Path, **training: Any) -> dict[str, Any]:
    """Return the settings of a quick run on the CPU, without augmentation: 8 pictures a batch, plain descent."""
    return {
        "recipe": "han-pff-raf-db",
        "data": {"kind": "image_folder", "path": str(data)},
        "model": NARROW_MODEL,
        "augmentation": {"flip": 0.0, "crop_area": [1.0, 1.0]},
        "training": {
            "use_cpu": True,
            "num_train_epochs": 2,
            "per_device_train_batch_size": 8,
            "dataloader_pin_memory": False,
            "learning_rate": 0.02,
            **training,
        },
    }


__all__ = ["NARROW_MODEL", "WORDS", "run_layer", "write_faces", "write_splits"]
