"""AffectNet: annotation files, the original lists, and folders of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dataset_trees import (
    LIST_HEADER,
    draw,
    write_affect_net_annotations,
    write_affect_net_lists,
    write_classes,
    write_csv,
)

from fer_zoo.datasets import BoxPart, ExpressionDataset, load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError


def load(path: Path, split: str, classes: int = 8) -> ExpressionDataset:
    """Return a split with seven or eight classes."""
    return load_dataset(f"affectnet_{classes}", path, split=split, check_counts=False)


def test_annotation_files_give_the_codes(tmp_path: Path) -> None:
    """``5_exp.npy`` belongs to ``5.jpg``; the files are taken in the order of their names."""
    path = write_affect_net_annotations(tmp_path)

    dataset = load(path, "train")

    assert [(sample.path.name, sample.label) for sample in dataset.samples] == [
        ("0.jpg", 0),
        ("5.jpg", 1),
        ("8.jpg", 7),
    ]
    assert load(path, "validation").labels == (4,)


def test_seven_classes_leave_contempt_out(tmp_path: Path) -> None:
    """Contempt has no class among the seven; it is counted."""
    dataset = load(write_affect_net_annotations(tmp_path), "train", classes=7)

    assert dataset.labels == (0, 1)
    assert dataset.num_dropped == 1


def test_list_gives_codes_and_faces(tmp_path: Path) -> None:
    """The face is cut out by its box; a picture of no class need not be there and is counted."""
    dataset = load(write_affect_net_lists(tmp_path), "train")

    assert dataset.labels == (0, 7)
    assert dataset.num_dropped == 1
    assert dataset.samples[0].part == BoxPart(4, 6, 24, 36)
    assert np.array_equal(np.asarray(dataset[0]["image"])[..., 0], draw(0)[6:36, 4:24])


def test_list_without_a_header_is_read(tmp_path: Path) -> None:
    """The list of the validation set has none."""
    assert load(write_affect_net_lists(tmp_path), "val").labels == (6,)


@pytest.mark.parametrize(
    ("names", "train", "validation"),
    [
        ({"0": 1, "6": 2}, "train", "val"),
        ({"class001": 1, "class007": 2}, "train_class", "val_class"),
        ({"Neutral": 1, "anger": 2}, "Train", "Validation"),
    ],
    ids=["codes", "numbered classes", "words"],
)
def test_class_folders_are_read_by_code_or_word(
    tmp_path: Path, names: dict[str, int], train: str, validation: str
) -> None:
    """Neutral is code 0, anger code 6."""
    write_classes(tmp_path / train, names)
    write_classes(tmp_path / validation, names, first=10)

    assert load(tmp_path, "train").labels == (0, 6, 6)
    assert load(tmp_path, "validation").labels == (0, 6, 6)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("1/aa.png", 0, 0, 9, 9, "", 11, 0, 0), "line 2 of .* the expression 11 is not in 0 to 10"),
        (("1/aa.png", 0, 0, 9, 9, "", "sad", 0, 0), "line 2 of .* the expression 'sad' is not a number"),
        (("1/aa.png", 0, 0, 0, 9, "", 1, 0, 0), "line 2 of .* the box of the face is 0 x 9 pixels"),
        (("1/aa.png", "x", 0, 9, 9, "", 1, 0, 0), "line 2 of .* the box of the face is not four numbers"),
        (("1/zz.png", 0, 0, 9, 9, "", 1, 0, 0), r"line 2 of .* the picture '.*zz\.png', which is not there"),
        (("1/aa.png", 0), "line 2 of .* expected 9 fields, found 2"),
    ],
    ids=["code", "word", "empty box", "no box", "no picture", "fields"],
)
def test_broken_row_is_named_by_file_and_line(tmp_path: Path, row: tuple[object, ...], reason: str) -> None:
    """The message leads to the row that must be mended."""
    path = write_affect_net_lists(tmp_path)
    write_csv(path / "Manually_Annotated_file_lists" / "training.csv", [LIST_HEADER, row])

    with pytest.raises(AnnotationError, match=reason):
        load(path, "train")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    """A header without the boxes is another table."""
    path = write_affect_net_lists(tmp_path)
    header = ("subDirectory_filePath", "expression")
    write_csv(path / "Manually_Annotated_file_lists" / "training.csv", [header])

    with pytest.raises(AnnotationError, match="the columns face_x, face_y, face_width, face_height are missing"):
        load(path, "train")


def test_repeated_columns_are_named(tmp_path: Path) -> None:
    """Of two columns with one name, none can be trusted."""
    path = write_affect_net_lists(tmp_path)
    header = (*LIST_HEADER, "expression")
    write_csv(path / "Manually_Annotated_file_lists" / "training.csv", [header])

    with pytest.raises(AnnotationError, match=r"line 1 of .* the header names a column twice"):
        load(path, "train")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    """An annotation file that holds Python objects is refused, as loading it could run code."""
    path = write_affect_net_annotations(tmp_path)
    np.save(path / "train_set" / "annotations" / "5_exp.npy", np.array({"code": 1}, dtype=object), allow_pickle=True)

    with pytest.raises(AnnotationError, match=r"5_exp\.npy': it holds no single number"):
        load(path, "train")


def test_annotation_without_its_picture_is_named(tmp_path: Path) -> None:
    """The message has both files."""
    path = write_affect_net_annotations(tmp_path)
    (path / "train_set" / "images" / "5.jpg").unlink()

    with pytest.raises(AnnotationError, match=r"5_exp\.npy': it names the picture '.*5\.jpg', which is not there"):
        load(path, "train")


def test_missing_split_is_named_in_every_form(tmp_path: Path) -> None:
    """The message says what the split is called in each form."""
    write_classes(tmp_path / "train", {"0": 1})

    with pytest.raises(DatasetLayoutError, match=r"is missing, 'val_set', 'validation\.csv' or 'val'"):
        load(tmp_path, "validation")
