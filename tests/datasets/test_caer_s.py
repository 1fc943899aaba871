"""CAER-S: folders of classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_trees import write_caer_s, write_picture

from fer_zoo.datasets import load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError


def test_classes_are_numbered_in_alphabetical_order(tmp_path: Path) -> None:
    """Anger is 0, happiness 3, sadness 5 and surprise 6."""
    path = write_caer_s(tmp_path)

    assert load_dataset("caer_s", path, split="train", check_counts=False).labels == (0, 3, 3)
    assert load_dataset("caer_s", path, split="test", check_counts=False).labels == (5, 6)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("Smug", "Unknown expression 'Smug'"),
        (
            "Contempt",
            r"contempt is no class of 'caer_s' \(anger, disgust, fear, happiness, neutral, sadness, surprise\)",
        ),
    ],
)
def test_folder_that_is_no_class_is_named(tmp_path: Path, folder: str, reason: str) -> None:
    """A folder too many would otherwise be left out in silence."""
    path = write_caer_s(tmp_path)
    write_picture(path / "train" / folder / "0.png", 0)

    with pytest.raises(AnnotationError, match=f"train/{folder}': {reason}"):
        load_dataset("caer_s", path)


def test_missing_split_folder_is_named(tmp_path: Path) -> None:
    """The message names the folder."""
    write_picture(tmp_path / "train" / "Anger" / "0.png", 0)

    with pytest.raises(DatasetLayoutError, match="the split 'test' is missing, the folder 'test'; there is: train"):
        load_dataset("caer_s", tmp_path, split="test")
