"""The check of a data set: counts, twins and unreadable files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dataset_trees import WRITERS, write_classes, write_fer_plus, write_picture

from fer_zoo.datasets import DATASETS, DatasetReport, TwinGroup, check_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return folders in which picture 0 occurs three times, in both splits and under two labels, and one is broken."""
    write_classes(tmp_path / "train", {"happy": 2, "sad": 1})  # pictures 0, 1 and 2
    write_picture(tmp_path / "train" / "sad" / "again.png", 0)
    write_picture(tmp_path / "test" / "happy" / "again.bmp", 0)
    write_picture(tmp_path / "test" / "happy" / "other.png", 9)
    (tmp_path / "test" / "happy" / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_counts_by_class_and_split(root: Path) -> None:
    """Unreadable pictures count too, as they are listed."""
    train, test = check_dataset("image_folder", root).splits

    assert (train.split, train.num_samples, train.class_counts) == ("train", 4, (("happiness", 2), ("sadness", 2)))
    assert (test.split, test.num_samples, test.class_counts) == ("test", 3, (("happiness", 3), ("sadness", 0)))


def test_twins_within_and_across_splits(root: Path) -> None:
    """One training picture repeats an earlier one, and one test picture is also in training."""
    report = check_dataset("image_folder", root)

    assert [split.num_repeated for split in report.splits] == [1, 0]
    assert [(shared.split, shared.other, shared.count) for shared in report.shared] == [("test", "train", 1)]
    sources = ("train/happy/0.png", "train/sad/again.png", "test/happy/again.bmp")
    assert report.twins == (
        TwinGroup(
            tuple(str(root / source) for source in sources),
            ("train", "train", "test"),
            ("happiness", "sadness", "happiness"),
        ),
    )


def test_unreadable_files_have_their_reason(root: Path) -> None:
    """A broken file is a row of the report and no exception."""
    ((source, reason),) = check_dataset("image_folder", root).unreadable

    assert source == str(root / "test" / "happy" / "broken.png")
    assert "not an image of a known format" in reason


def test_pictures_above_a_limit_are_unreadable(tmp_path: Path) -> None:
    """The limit is the caller's, as for loading."""
    write_classes(tmp_path, {"happy": 1})

    ((_, reason),) = check_dataset("image_folder", tmp_path, max_pixels=1).unreadable

    assert "above the limit of 1" in reason


def test_unusual_counts_are_remarks(tmp_path: Path) -> None:
    """What is not as published, and classes without a picture, are said in sentences."""
    report = check_dataset("fer_plus", write_fer_plus(tmp_path))

    assert [split.num_unlabelled for split in report.splits] == [2, 0]
    assert report.remarks == (
        f"The split 'train' of fer_plus in '{tmp_path}' has 4 pictures, expected 28,558.",
        f"The split 'validation' of fer_plus in '{tmp_path}' has 1 pictures, expected 3,579.",
        "The split 'train' has no picture of: surprise, sadness, anger, disgust, fear, contempt.",
        "The split 'validation' has no picture of: neutral, happiness, surprise, sadness, disgust, fear, contempt.",
    )


def test_progress_is_told_after_every_picture(root: Path) -> None:
    """The caller can show how far it is."""
    steps: list[tuple[int, int]] = []

    check_dataset("image_folder", root, threads=2, on_progress=lambda done, total: steps.append((done, total)))

    assert steps == [(number, 7) for number in range(1, 8)]


@pytest.mark.parametrize("kind", DATASETS)
def test_report_of_every_kind_is_json(kind: str, tmp_path: Path) -> None:
    """Each kind can be checked, and the report goes through JSON unchanged."""
    report: DatasetReport = check_dataset(kind, WRITERS[kind](tmp_path))

    values = report.to_dict()

    assert json.loads(json.dumps(values)) == values
    assert values["unreadable"] == []
    assert sum(split["samples"] for split in values["splits"]) > 0
