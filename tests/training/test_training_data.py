"""The pictures of a run: splits, shares, persons and twins."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from dataset_trees import write_fer_plus_split
from face_folders import write_faces, write_splits

from fer_zoo.datasets import ExpressionDataset, Sample
from fer_zoo.errors import (
    DatasetWarning,
    EmptyClassError,
    ImageReadError,
    InvalidOptionError,
    MissingPackageError,
    TrainingDataError,
)
from fer_zoo.labels import Expression, LabelSet
from fer_zoo.training import DataSettings, load_training_data
from fer_zoo.training.share import cut_share

PAIR = LabelSet("pair", (Expression.ANGER, Expression.FEAR))


def settings(path: Path, **options: Any) -> DataSettings:
    """Return the settings for a folder."""
    return DataSettings(kind="image_folder", path=str(path), **options)


def dataset(labels: list[int], groups: list[str] | None = None) -> ExpressionDataset:
    """Return a data set of pictures that are never read."""
    samples = [
        Sample(Path(f"{i}.png"), label, group=None if groups is None else groups[i]) for i, label in enumerate(labels)
    ]
    return ExpressionDataset(samples, PAIR, name="drawn")


def names(part: ExpressionDataset | None) -> set[str]:
    """Return the names of the files."""
    assert part is not None
    return {f"{sample.path.parent.name}/{sample.path.name}" for sample in part.samples}


def test_train_and_validation_are_the_usual_splits(tmp_path: Path) -> None:
    """They are taken where they are there and nothing else is asked for."""
    data = load_training_data(settings(write_splits(tmp_path)), seed=0)

    assert (data.train.split, len(data.train)) == ("train", 24)
    assert data.eval is not None
    assert (data.eval.split, len(data.eval)) == ("validation", 12)
    assert data.reported is data.eval


def test_a_tenth_is_cut_off_data_that_are_not_split(tmp_path: Path) -> None:
    """Of 30 pictures, 3 choose the epoch: one of each class."""
    data = load_training_data(settings(write_faces(tmp_path, per_class=10)), seed=0)

    assert data.eval is not None
    assert len(data.train) == 27
    assert list(data.eval.class_counts().values()) == [1, 1, 1]
    assert not names(data.train) & names(data.eval)


@pytest.mark.parametrize("chosen", [{}, {"split": "all"}])
def test_a_share_is_cut_off_where_validation_is_learnt_from(chosen: dict[str, str], tmp_path: Path) -> None:
    """Data of which everything is learnt have no split left over to choose the epoch by."""
    if not chosen:
        write_faces(tmp_path / "validation", per_class=10)
    else:
        write_splits(tmp_path)  # 24 pictures to learn from and 12 to choose by

    data = load_training_data(settings(tmp_path, **chosen), seed=0)

    assert data.eval is not None
    assert (len(data.train), len(data.eval)) == ((27, 3) if not chosen else (32, 4))
    assert not {sample.path for sample in data.train.samples} & {sample.path for sample in data.eval.samples}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eval_split": "train"}, r"24 of 24 pictures of data\.eval_split \(train\) are among the 24"),
        ({"split": "all", "eval_split": "validation"}, r"12 of 12 pictures of data\.eval_split \(validation\)"),
        ({"test_split": "all"}, r"24 of 36 pictures of data\.test_split \(all\) .*, or leave them out .*without_twins"),
        ({"split": "all", "eval_share": 0.25, "test_split": "validation"}, r"of 12 pictures of data\.test_split"),
    ],
)
def test_pictures_that_are_learnt_cannot_measure(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """The message says how many there are of which part, and the way out."""
    data = write_splits(tmp_path)

    with pytest.raises(TrainingDataError, match=message):
        load_training_data(settings(data, **options), seed=0)


@pytest.mark.parametrize("options", [{}, {"eval_share": 0.25, "test_split": "validation"}])
def test_pictures_that_are_learnt_without_labels_cannot_measure(options: dict[str, Any], tmp_path: Path) -> None:
    """Neither those that the epoch is chosen by nor those that the report is about."""
    data = write_splits(tmp_path)
    source = {"kind": "image_folder", "path": str(data), "split": "validation"}
    name = "test_split" if options else "eval_split"

    with pytest.raises(TrainingDataError, match=rf"12 of 12 pictures of data\.{name} .* another data\.unlabelled or"):
        load_training_data(settings(data, unlabelled=source, **options), seed=0)


def test_unlabelled_pictures_are_left_out_of_measuring_as_twins(tmp_path: Path) -> None:
    """A copy of a picture is learnt from as well."""
    data = write_splits(tmp_path / "faces")
    shutil.copytree(data / "validation" / "sad", tmp_path / "plain")
    (tmp_path / "plain" / "00.png").unlink()
    source = {"kind": "image_folder", "path": str(tmp_path / "plain")}

    found = load_training_data(settings(data, unlabelled=source, without_twins=True), seed=0)

    assert (found.num_twins, len(found.eval or ())) == (3, 9)
    assert found.selection == "without 3 pictures that training has too"


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, True), ({"test_split": "validation"}, True), ({"test_split": "all"}, True), ({"test_split": "test"}, False)],
)
def test_pictures_that_chose_and_are_measured_are_found(
    options: dict[str, Any], expected: bool, tmp_path: Path
) -> None:
    """By name of their split, by default, or as some of all."""
    data = write_splits(tmp_path, per_class=2)
    write_faces(data / "test", per_class=2, seed=2)

    found = load_training_data(settings(data, without_twins=True, **options), seed=0)

    assert found.reports_on_choice == expected


def test_learnt_pictures_are_left_out_of_measuring_as_twins(tmp_path: Path) -> None:
    """Of all pictures, those that are not learnt are left to report on."""
    data = write_splits(tmp_path)

    found = load_training_data(settings(data, test_split="all", without_twins=True), seed=0)

    assert (found.num_twins, len(found.test or ())) == (24, 12)


def test_splits_without_train_must_be_chosen(tmp_path: Path) -> None:
    """Nobody learns from a test split by accident."""
    write_faces(tmp_path / "validation")
    write_faces(tmp_path / "test")

    with pytest.raises(InvalidOptionError, match=r"data\.split: expected one of the splits that are there: valid"):
        load_training_data(settings(tmp_path), seed=0)


def test_a_share_has_the_same_part_of_every_class() -> None:
    """A quarter of 8 and of 4 pictures; the same seed cuts the same, another one others."""
    rows = dataset([0] * 8 + [1] * 4)

    left, cut = cut_share(rows, 0.25, seed=1)

    assert list(cut.class_counts().values()) == [2, 1]
    assert len(left) == 9
    assert names(cut_share(rows, 0.25, seed=1)[1]) == names(cut)
    assert any(names(cut_share(rows, 0.25, seed=seed)[1]) != names(cut) for seed in range(2, 6))


def test_a_person_is_on_one_side_of_the_cut() -> None:
    """Pictures of one person do not choose an epoch that has learned the others."""
    labels, groups = [0, 1] * 12, [f"person {i // 4}" for i in range(24)]

    left, cut = cut_share(dataset(labels, groups), 0.25, seed=0)

    assert not set(left.groups) & set(cut.groups)
    assert len(cut) in {4, 8}


def test_copies_of_a_row_are_on_one_side_of_the_cut() -> None:
    """A table that lists rare pictures three times does not choose the epoch by those that are learnt."""
    whole = dataset([0] * 12 + [1] * 6)
    rows = whole.select([*range(18), *range(12, 18), *range(12, 18)])

    left, cut = cut_share(rows, 0.25, seed=0)

    assert not names(left) & names(cut)
    assert len(left) + len(cut) == 30
    assert all(left.class_counts().values())
    assert all(cut.class_counts().values())


@pytest.mark.parametrize("copies", [1, 3])
def test_a_class_with_one_picture_cannot_be_cut(copies: int) -> None:
    """The message names it, however often the picture is listed."""
    rows = dataset([0, 0, 0, 1]).select([0, 1, 2, *[3] * copies])

    with pytest.raises(TrainingDataError, match="Only one picture of fear"):
        cut_share(rows, 0.25, seed=0)


def test_a_share_that_takes_a_whole_class_is_refused() -> None:
    """Four fifths of 20 pictures and of 2, and the only person of a class."""
    with pytest.raises(TrainingDataError, match=r"of 22 pictures with seed 0 takes all of fear: choose"):
        cut_share(dataset([0] * 20 + [1] * 2), 0.8, seed=0)
    with pytest.raises(TrainingDataError, match="takes all of fear"):
        cut_share(dataset([0, 0, 0, 0, 1, 1], ["a", "b", "c", "d", "e", "e"]), 0.5, seed=0)


def test_pictures_without_a_label_cannot_be_cut_by_class() -> None:
    """The message names another way to choose the epoch."""
    rows = ExpressionDataset([Sample(Path(f"{i}.png"), i % 2 if i else None) for i in range(9)], PAIR, name="drawn")

    with pytest.raises(TrainingDataError, match=r"1 of 9 pictures have none\. Name data\.eval_split"):
        cut_share(rows, 0.25, seed=0)


def test_pictures_to_learn_from_need_labels(tmp_path: Path) -> None:
    """Unless nothing is learnt from labels."""
    data = write_splits(tmp_path)
    shutil.copytree(data / "train" / "sad", data / "train" / "unlabelled")
    chosen = settings(data, options={"keep_unlabelled": True})

    found = load_training_data(chosen, seed=0, needs_labels=False)

    assert len(found.train) == 32
    with pytest.raises(TrainingDataError, match="8 of 32 pictures to learn from have no label: leave keep_unlabelled"):
        load_training_data(chosen, seed=0)


def test_one_class_is_nothing_to_learn(tmp_path: Path) -> None:
    """It is refused before anything is trained."""
    with pytest.raises(TrainingDataError, match="The only class is sadness: training needs at least 2 classes"):
        load_training_data(settings(write_faces(tmp_path, words=("sad",))), seed=0)


def test_a_share_without_a_picture_of_each_class_is_refused() -> None:
    """One picture cannot stand for two classes."""
    with pytest.raises(TrainingDataError, match=r"A share of 0\.1 of 8 pictures cannot be cut off"):
        cut_share(dataset([0] * 4 + [1] * 4), 0.1, seed=0)


def test_votes_are_learnt_and_classes_are_judged(tmp_path: Path) -> None:
    """A draw of two classes teaches something, but no answer to it is right or wrong."""
    clear = [tuple(10 if place == index else 0 for place in range(10)) for index in range(8)]
    draw = (4, 0, 4, 2, 0, 0, 0, 0, 0, 0)
    write_fer_plus_split(tmp_path / "FER2013Train", [*clear, draw])
    write_fer_plus_split(tmp_path / "FER2013Valid", [clear[4], draw], first=100)

    options = {"check_counts": False}
    chosen = DataSettings(kind="fer_plus", path=str(tmp_path), targets="votes", options=options)
    data = load_training_data(chosen, seed=0)

    assert data.eval is not None
    assert (len(data.train), data.train.targets) == (9, "votes")
    assert [data.eval[place]["label"] for place in range(len(data.eval))] == [4]
    assert data.counts()["train"] == {**dict.fromkeys(map(str, data.train.label_set), 1), "no majority": 1}


def test_twins_are_left_out_of_measuring_only(tmp_path: Path) -> None:
    """Training keeps the picture; both other parts lose it, and the number is told."""
    data = write_splits(tmp_path)
    write_faces(data / "test", per_class=2, seed=2)
    for split in ("validation", "test"):
        shutil.copy(data / "train" / "sad" / "00.png", data / split / "sad" / "twin.png")

    found = load_training_data(settings(data, test_split="test", without_twins=True), seed=0)

    assert found.num_twins == 2
    assert (len(found.train), len(found.eval or ()), len(found.test or ())) == (24, 12, 6)


@pytest.mark.parametrize(
    ("options", "selection"),
    [
        ({"test_split": "all", "without_twins": True}, "without 24 pictures that training has too"),
        ({"eval_share": 0.25}, "a share of 6 of 24 that was cut off"),
        ({"eval_share": 0.25, "test_split": "validation"}, ""),
        ({}, ""),
    ],
)
def test_what_is_reported_on_is_told(options: dict[str, Any], selection: str, tmp_path: Path) -> None:
    """In words, for the report; nothing where it is all of a split."""
    assert load_training_data(settings(write_splits(tmp_path), **options), seed=0).selection == selection


def test_a_class_of_twins_alone_is_told(tmp_path: Path) -> None:
    """Who measures without it should know; what the user has not set is not named."""
    data = write_splits(tmp_path)
    shutil.rmtree(data / "validation" / "sad")
    shutil.copytree(data / "train" / "sad", data / "validation" / "sad")

    with pytest.warns(DatasetWarning, match=r"^Of the pictures to choose the epoch by, none of sadness is left: train"):
        found = load_training_data(settings(data, without_twins=True), seed=0)

    assert (found.num_twins, len(found.eval or ())) == (8, 8)


def test_a_share_that_is_learnt_without_labels_is_named_as_a_share(tmp_path: Path) -> None:
    """There is no split to choose by then."""
    data = write_faces(tmp_path / "faces", per_class=10)
    source = {"kind": "image_folder", "path": str(data)}

    with pytest.raises(TrainingDataError, match=r"of 3 pictures of data\.eval_share .* or data\.eval_share, or"):
        load_training_data(settings(data, unlabelled=source), seed=0)


def test_unreadable_pictures_are_nobodys_twins(tmp_path: Path) -> None:
    """They are an error, or stay where they are."""
    data = write_splits(tmp_path)
    (data / "train" / "sad" / "00.png").write_bytes(b"no picture")
    (data / "validation" / "sad" / "00.png").write_bytes(b"no picture")
    chosen = settings(data, without_twins=True)

    with pytest.raises(ImageReadError):
        load_training_data(chosen, seed=0)
    assert load_training_data(chosen, seed=0, unreadable="skip").num_twins == 0


def test_another_label_set_leaves_out_what_it_lacks(tmp_path: Path) -> None:
    """Contempt is no class of FER2013, and every class of that must have a picture."""
    write_faces(tmp_path / "three")

    with pytest.raises(EmptyClassError, match="disgust, fear, surprise, neutral"):
        load_training_data(settings(tmp_path / "three", label_set="fer2013"), seed=0)


def test_unlabelled_pictures_may_come_from_elsewhere(tmp_path: Path) -> None:
    """Their folder needs no classes."""
    labelled = write_splits(tmp_path / "labelled")
    shutil.copytree(labelled / "train" / "sad", tmp_path / "plain")
    source = {"kind": "image_folder", "path": str(tmp_path / "plain")}

    data = load_training_data(settings(labelled, unlabelled=source), seed=0)

    assert data.unlabelled is not None
    assert data.unlabelled.labels == (None,) * 8


def test_folders_of_unlabelled_pictures_may_have_any_name(tmp_path: Path) -> None:
    """No expression, one that training lacks, and folders in folders; hidden ones are left out."""
    labelled, plain = write_splits(tmp_path / "labelled"), tmp_path / "plain"
    for name in ("holiday/day1", "contempt", ".thumbnails"):
        shutil.copytree(labelled / "train" / "sad", plain / name)
    shutil.copy(labelled / "train" / "sad" / "00.png", plain / "loose.png")
    source = {"kind": "image_folder", "path": str(plain), "options": {"max_pixels": 4096}}

    data = load_training_data(settings(labelled, unlabelled=source), seed=0)

    assert data.unlabelled is not None
    assert data.unlabelled.labels == (None,) * 17
    assert {sample.path.parent.name for sample in data.unlabelled.samples} == {"day1", "contempt", "plain"}
    assert (data.unlabelled.split, data.unlabelled.max_pixels) == ("all", 4096)


def test_unlabelled_pictures_may_be_one_split(tmp_path: Path) -> None:
    """Only its folder is looked into, by any of its usual names."""
    labelled, plain = write_splits(tmp_path / "labelled"), tmp_path / "plain"
    for name in ("val/holiday", "train/holiday"):
        shutil.copytree(labelled / "train" / "sad", plain / name)
    source = {"kind": "image_folder", "path": str(plain)}

    one = load_training_data(settings(labelled, unlabelled={**source, "split": "valid"}), seed=0).unlabelled
    both = load_training_data(settings(labelled, unlabelled=source), seed=0).unlabelled

    assert one is not None
    assert both is not None
    assert (one.split, len(one), both.split, len(both)) == ("validation", 8, "all", 16)


def test_unlabelled_pictures_need_kind_and_path(tmp_path: Path) -> None:
    """The message says what the table has."""
    with pytest.raises(InvalidOptionError, match=r"data\.unlabelled: expected a table with kind, path"):
        load_training_data(settings(write_splits(tmp_path), unlabelled={"path": "x"}), seed=0)


def test_a_share_needs_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)

    with pytest.raises(MissingPackageError, match=r"pip install 'fer-zoo\[train\]'"):
        cut_share(dataset([0] * 4 + [1] * 4), 0.25, seed=0)
