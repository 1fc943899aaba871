"""FER2013: pictures written as numbers, and folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dataset_trees import draw, write_fer2013_csv, write_fer2013_folders, write_text

from fer_zoo.datasets import RowPart, Sample, load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError, ImageReadError
from fer_zoo.labels import Expression


def load(path: Path, split: str | None = None) -> list[tuple[int | None, np.ndarray]]:
    """Return the labels and grey values of a split."""
    dataset = load_dataset("fer2013", path, split=split, check_counts=False)
    return [(label, np.asarray(dataset[index]["image"])[..., 1]) for index, label in enumerate(dataset.labels)]


def test_rows_become_pictures(tmp_path: Path) -> None:
    """The numbers of a row are its pixels, row by row."""
    (first, anger), (second, happy) = load(write_fer2013_csv(tmp_path), "train")

    assert (first, second) == (0, 3)
    assert np.array_equal(anger, draw(1))
    assert np.array_equal(happy, draw(2))


@pytest.mark.parametrize(("split", "label", "seed"), [("validation", 6, 3), ("test", 1, 4)])
def test_public_test_validates_and_private_test_tests(tmp_path: Path, split: str, label: int, seed: int) -> None:
    """The two test sets of the contest are the validation and the test split."""
    ((found, pixels),) = load(write_fer2013_csv(tmp_path) / "fer2013.csv", split)

    assert found == label
    assert np.array_equal(pixels, draw(seed))


def test_rows_that_are_only_commas_are_no_pictures(tmp_path: Path) -> None:
    """Spreadsheets leave them; the rows after them keep their places in the file."""
    file = write_fer2013_csv(tmp_path) / "fer2013.csv"
    write_text(file, file.read_text().replace("\n", "\n , ,\n,,\n"))

    (first, anger), (second, happy) = load(file, "train")

    assert (first, second) == (0, 3)
    assert np.array_equal(anger, draw(1))
    assert np.array_equal(happy, draw(2))


def test_other_order_of_columns_is_understood(tmp_path: Path) -> None:
    """The second file of the contest has the usage before the pixels, spaces in its header, and Windows lines."""
    pixels = " ".join(map(str, draw(7).ravel()))
    write_text(tmp_path / "icml_face_data.csv", f"emotion, Usage, pixels\r\n4,Training,{pixels}\r\n")

    ((label, found),) = load(tmp_path)

    assert label == 4
    assert np.array_equal(found, draw(7))


def test_folders_are_read_by_the_words_of_the_classes(tmp_path: Path) -> None:
    """The folders that go round are called angry, happy and so on."""
    dataset = load_dataset("fer2013", write_fer2013_folders(tmp_path), split="train", check_counts=False)

    counts = dataset.class_counts()
    assert (counts[Expression.ANGER], counts[Expression.HAPPINESS], len(dataset)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7,0 0,Training", "line 2 of .* the emotion '7' is not in 0 to 6"),
        ("happy,0 0,Training", "line 2 of .* the emotion 'happy' is not in 0 to 6"),
        ("0,0 0,Exam", "line 2 of .* the usage 'Exam' is none of Training, PublicTest, PrivateTest"),
        ("0,0 0,Training", "line 2 of .* it has 2 pixels, expected 2304"),
        ("0,0 0", "line 2 of .* expected 3 fields, found 2"),
    ],
    ids=["label too large", "label a word", "usage", "pixels", "fields"],
)
def test_broken_row_is_named_by_file_and_line(tmp_path: Path, row: str, reason: str) -> None:
    """The message leads to the row that must be mended."""
    write_text(tmp_path / "fer2013.csv", f"emotion,pixels,Usage\n{row}\n")

    with pytest.raises(AnnotationError, match=reason):
        load_dataset("fer2013", tmp_path)


def test_missing_column_is_named(tmp_path: Path) -> None:
    """A file without the usage is another file."""
    write_text(tmp_path / "fer2013.csv", "emotion,pixels\n")

    with pytest.raises(AnnotationError, match=r"line 1 of .* \['usage'\] missing"):
        load_dataset("fer2013", tmp_path)


def test_file_without_rows_is_an_error_of_the_layout(tmp_path: Path) -> None:
    """A header alone holds no data."""
    write_text(tmp_path / "fer2013.csv", "emotion,pixels,Usage\n")

    with pytest.raises(DatasetLayoutError, match="has no rows"):
        load_dataset("fer2013", tmp_path)


def test_missing_split_is_named_by_its_usage(tmp_path: Path) -> None:
    """Where only training rows are left, the message says which rows are missing."""
    path = write_fer2013_csv(tmp_path) / "fer2013.csv"
    write_text(path, "".join(path.read_text().splitlines(keepends=True)[:2]))

    with pytest.raises(DatasetLayoutError, match="the split 'test' is missing, no row has the usage 'PrivateTest'"):
        load_dataset("fer2013", path, split="test")


def test_value_above_255_is_found_when_the_picture_is_read(tmp_path: Path) -> None:
    """The error of a picture names the file and the line."""
    write_text(tmp_path / "fer2013.csv", f"emotion,pixels,Usage\n0,{'256 ' * 2304},Training\n")
    dataset = load_dataset("fer2013", tmp_path, check_counts=False)

    with pytest.raises(ImageReadError, match=r"fer2013\.csv, line 2': it needs 2304 numbers from 0 to 255"):
        dataset[0]


def test_file_that_is_gone_is_named(tmp_path: Path) -> None:
    """A row of a file that was removed since gives the error of a picture."""
    with pytest.raises(ImageReadError, match=r"gone\.csv, line 2': the row cannot be read"):
        Sample(tmp_path / "gone.csv", 0, part=RowPart(2, 20, 1)).read()
