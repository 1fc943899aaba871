"""Folders of one's own pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_trees import write_classes, write_image_folder, write_picture

from fer_zoo.datasets import load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError, InvalidOptionError, UnknownNameError
from fer_zoo.labels import Expression, LabelSet


def test_classes_are_those_with_a_folder(tmp_path: Path) -> None:
    """Any word for an expression names a folder; the order is that of the expressions."""
    dataset = load_dataset("image_folder", write_image_folder(tmp_path))

    assert dataset.label_set.classes == (Expression.HAPPINESS, Expression.SURPRISE, Expression.SADNESS)
    assert dataset.class_counts() == {Expression.HAPPINESS: 2, Expression.SURPRISE: 1, Expression.SADNESS: 1}


def test_splits_share_their_classes(tmp_path: Path) -> None:
    """A class that only one split has keeps its index in the other."""
    write_classes(tmp_path / "train", {"happy": 1, "neutral": 1})
    write_classes(tmp_path / "val", {"happy": 1, "sad": 1}, first=10)

    train, validation = (load_dataset("image_folder", tmp_path, split=split) for split in ("train", "validation"))

    assert train.label_set == validation.label_set
    assert (train.labels, validation.labels) == ((1, 0), (1, 2))


@pytest.mark.parametrize("label_set", ["raf_db", LabelSet("two", (Expression.SADNESS, Expression.HAPPINESS))])
def test_given_label_set_gives_the_order(tmp_path: Path, label_set: str | LabelSet) -> None:
    """A set or its name numbers the folders; RAF-DB has happiness as 3 and sadness as 4."""
    write_classes(tmp_path, {"happy": 1, "sad": 1})

    labels = load_dataset("image_folder", tmp_path, label_set=label_set).labels

    assert labels == ((3, 4) if label_set == "raf_db" else (1, 0))


def test_folder_outside_the_label_set_is_named(tmp_path: Path) -> None:
    """RAF-DB has no contempt."""
    write_classes(tmp_path, {"contempt": 1})

    with pytest.raises(AnnotationError, match="contempt': contempt is no class of 'raf_db'"):
        load_dataset("image_folder", tmp_path, label_set="raf_db")


def test_folder_that_is_no_expression_is_named(tmp_path: Path) -> None:
    """The message suggests the word that was meant."""
    write_classes(tmp_path, {"happyy": 1})

    with pytest.raises(AnnotationError, match=r"happyy': Unknown expression 'happyy'\. Did you mean 'happy'\?"):
        load_dataset("image_folder", tmp_path)


def test_unlabelled_folder_has_no_labels(tmp_path: Path) -> None:
    """Semi-supervised training finds its pictures beside the labelled ones."""
    write_classes(tmp_path, {"happy": 1, "unlabelled": 2})

    dataset = load_dataset("image_folder", tmp_path, keep_unlabelled=True)

    assert dataset.labels == (0, None, None)


def test_pictures_without_any_class_need_a_label_set(tmp_path: Path) -> None:
    """What a model shall tell apart cannot be guessed from unlabelled pictures."""
    write_picture(tmp_path / "1.png", 1)

    with pytest.raises(InvalidOptionError, match="Invalid value None for label_set: expected a label set"):
        load_dataset("image_folder", tmp_path, keep_unlabelled=True)
    assert load_dataset("image_folder", tmp_path, keep_unlabelled=True, label_set="raf_db").labels == (None,)


def test_files_that_are_no_pictures_are_left_alone(tmp_path: Path) -> None:
    """Notes and hidden folders do not matter."""
    write_image_folder(tmp_path)
    (tmp_path / "happy" / "notes.txt").write_text("nice")
    (tmp_path / ".thumbnails").mkdir()

    assert len(load_dataset("image_folder", tmp_path)) == 4


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("happy/1.png", "the folder 'happy', which"),
        ("unlabelled/1.png", "the folder 'unlabelled', which"),
        ("1.png", "the picture '1.png', which"),
    ],
)
def test_what_lies_beside_split_folders_is_not_passed_over(tmp_path: Path, path: str, what: str) -> None:
    """One folder called test would hide all class folders beside it: they are named, with the way out."""
    write_classes(tmp_path / "test", {"happy": 1, "sad": 1})
    write_picture(tmp_path / path, 10)

    with pytest.raises(AnnotationError, match=rf"beside the folders of splits \('test'\) it holds {what} belong to no"):
        load_dataset("image_folder", tmp_path, split="test")


def test_all_that_lies_beside_split_folders_is_named(tmp_path: Path) -> None:
    """Folders by their names, pictures by their number."""
    write_classes(tmp_path / "val", {"happy": 1})
    write_classes(tmp_path, {"happy": 1, "sad": 1}, first=10)
    for number in (20, 21):
        write_picture(tmp_path / f"{number}.png", number)

    with pytest.raises(AnnotationError, match=r"the folder 'happy', the folder 'sad', 2 pictures, which belong"):
        load_dataset("image_folder", tmp_path)


def test_other_folders_beside_split_folders_are_left_alone(tmp_path: Path) -> None:
    """Notes, hidden folders, and folders whose name is no expression hold nothing that could be meant."""
    write_classes(tmp_path / "train", {"happy": 1})
    write_picture(tmp_path / ".happy" / "1.png", 10)
    write_picture(tmp_path / "screenshots" / "2.png", 11)
    (tmp_path / "README.txt").write_text("mine")

    assert len(load_dataset("image_folder", tmp_path)) == 1


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    """``val`` and ``validation`` cannot both be the validation split."""
    write_classes(tmp_path / "val", {"happy": 1})
    write_classes(tmp_path / "validation", {"happy": 1})

    with pytest.raises(AnnotationError, match="'val' beside it means the same split"):
        load_dataset("image_folder", tmp_path)


def test_unknown_label_set_is_answered_with_the_closest(tmp_path: Path) -> None:
    """A slip of the pen gets the name that was meant."""
    with pytest.raises(UnknownNameError, match="Did you mean 'raf_db'"):
        load_dataset("image_folder", write_image_folder(tmp_path), label_set="rafdb")


def test_folder_without_the_split_says_what_is_there(tmp_path: Path) -> None:
    """Class folders without split folders are one split, called all."""
    with pytest.raises(DatasetLayoutError, match="the split 'train' is missing, the folder 'train'; there is: all"):
        load_dataset("image_folder", write_image_folder(tmp_path), split="train")
