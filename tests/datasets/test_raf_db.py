"""RAF-DB: its list and its folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_trees import write_raf_db, write_text

from fer_zoo.datasets import load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError
from fer_zoo.labels import Expression


def test_labels_count_from_one(tmp_path: Path) -> None:
    """1 is surprise, 4 happiness and 7 neutral; index 0 is its 1."""
    dataset = load_dataset("raf_db", write_raf_db(tmp_path), split="train", check_counts=False)

    assert dataset.labels == (0, 3, 6)
    assert [dataset.label_set.classes[label or 0] for label in dataset.labels] == [
        Expression.SURPRISE,
        Expression.HAPPINESS,
        Expression.NEUTRAL,
    ]


def test_rows_name_the_aligned_pictures(tmp_path: Path) -> None:
    """``test_0001.jpg`` of the list is ``test_0001_aligned.jpg``."""
    dataset = load_dataset("raf_db", write_raf_db(tmp_path), split="test", check_counts=False)

    assert [sample.path.name for sample in dataset.samples] == ["test_0001_aligned.jpg", "test_0002_aligned.jpg"]


def test_folder_around_basic_is_accepted(tmp_path: Path) -> None:
    """The release unpacks into a folder ``basic``; its parent will do."""
    write_raf_db(tmp_path / "basic")

    assert len(load_dataset("raf_db", tmp_path, check_counts=False)) == 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("train_00002.jpg 8", "line 2 of .* the label 8 is not in 1 to 7"),
        ("train_00002.jpg 0", "line 2 of .* the label 0 is not in 1 to 7"),
        ("train_00002.jpg", "line 2 of .* expected a row such as 'train_00001.jpg 5', found 'train_00002.jpg'"),
        ("train_00009.jpg 1", "line 2 of .* it names the picture '.*train_00009_aligned.jpg', which is not there"),
    ],
    ids=["label too large", "label too small", "no label", "no picture"],
)
def test_broken_row_is_named_by_file_and_line(tmp_path: Path, row: str, reason: str) -> None:
    """The message leads to the row that must be mended."""
    root = write_raf_db(tmp_path)
    write_text(root / "EmoLabel" / "list_patition_label.txt", f"train_00001.jpg 1\n{row}\n")

    with pytest.raises(AnnotationError, match=reason):
        load_dataset("raf_db", root)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    """The error says whether the list or the pictures are missing, or the rows of a split."""
    write_text(tmp_path / "EmoLabel" / "list_patition_label.txt", "train_00001.jpg 1\n")

    with pytest.raises(DatasetLayoutError, match="the folder 'Image/aligned' is missing"):
        load_dataset("raf_db", tmp_path)
    with pytest.raises(DatasetLayoutError, match=r"the file 'EmoLabel/list_patition_label.txt' is missing"):
        load_dataset("raf_db", tmp_path / "EmoLabel")


def test_split_without_rows_is_missing(tmp_path: Path) -> None:
    """A list with training rows alone has no test split."""
    root = write_raf_db(tmp_path, {"train_00001": 1})

    with pytest.raises(DatasetLayoutError, match=r"the split 'test' is missing, no row of .* begins with 'test_'"):
        load_dataset("raf_db", root, split="test")
