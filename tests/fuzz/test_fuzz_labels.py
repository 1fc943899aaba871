"""Damaged lists, tables and label files give samples, or an error of this package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import dataset_trees
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from fuzzing import cases, damaged, damaged_text
from hypothesis import given
from hypothesis import strategies as st

from fer_zoo.datasets import load_dataset
from fer_zoo.datasets.challenge import read_challenge_list
from fer_zoo.errors import DatasetWarning, FerZooError

#: Kind, function that writes its tree, and the file that is damaged; ``*`` stands for any name.
FILES = {
    "raf_db": (dataset_trees.write_raf_db, "EmoLabel/list_patition_label.txt"),
    "fer_plus": (dataset_trees.write_fer_plus, "FER2013Train/label.csv"),
    "fer2013": (dataset_trees.write_fer2013_csv, "fer2013.csv"),
    "ck_plus": (dataset_trees.write_ck_plus, "Emotion/S005/001/S005_001_00000005_emotion.txt"),
    "affectnet_8": (dataset_trees.write_affect_net_lists, "Manually_Annotated_file_lists/training.csv"),
    "affectnet_7": (dataset_trees.write_affect_net_annotations, "train_set/annotations/0_exp.npy"),
}


def check_file(kind: str, place: Path, root: Path, seeds: Sequence[bytes], count: Callable[[], None]) -> None:
    """Load a data set again and again, with a damaged file in it."""

    @cases()
    @given(damaged(seeds))
    def check(content: bytes) -> None:
        count()
        place.write_bytes(content)
        load(kind, root)

    check()


def load(kind: str, root: Path, **options: Any) -> None:
    """Load a data set and read its first pictures; an error of this package is an answer too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DatasetWarning)
        try:
            dataset = load_dataset(kind, root, **options)
            for index in range(min(2, len(dataset))):
                dataset[index]
        except FerZooError as error:
            assert str(error)


@pytest.mark.parametrize("kind", FILES)
def test_damaged_label_file_is_read_or_refused(kind: str, tmp_path: Path, count: Callable[[], None]) -> None:
    """The list of a published data set."""
    write, name = FILES[kind]
    write(tmp_path)
    place = tmp_path / name

    check_file(kind, place, tmp_path, [place.read_bytes()], count)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_damaged_table_is_read_or_refused(ending: str, tmp_path: Path, count: Callable[[], None]) -> None:
    """One's own table, with labels or with votes."""
    dataset_trees.write_table(tmp_path)
    labels = (tmp_path / "faces.csv").read_bytes()
    votes = b"path,happy,sad,neutral\nfaces/a.png,7,0,3\nfaces/b.png,,,\nfaces/c.png,0,1,0.5\n"
    seeds = [labels, votes] if ending == "csv" else [to_parquet(labels), to_parquet(votes)]
    place = tmp_path / f"table.{ending}"

    check_file("table", place, place, seeds, count)


def to_parquet(table: bytes) -> bytes:
    """Return a table in CSV as Parquet."""
    header, *lines = table.decode().splitlines()
    columns = dict(zip(header.split(","), zip(*(line.split(",") for line in lines), strict=True), strict=True))
    file = BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({name: list(values) for name, values in columns.items()}), file)
    return file.getvalue()


def test_numbers_as_labels_are_read_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """A table whose labels are class indices of a known label set."""
    dataset_trees.write_table(tmp_path)
    place = tmp_path / "table.csv"

    @cases()
    @given(damaged_text(["path,label\nfaces/a.png,0\nfaces/b.png,6\n"]))
    def check(content: bytes) -> None:
        count()
        place.write_bytes(content)
        load("table", place, label_set="raf_db")

    check()


def test_votes_of_any_size_are_counted_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """Rows of FER+ with ten votes that are any text at all."""
    dataset_trees.write_fer_plus(tmp_path)
    place = tmp_path / "FER2013Train" / "label.csv"
    votes = st.one_of(
        st.integers(0, 10).map(str),
        st.floats(allow_subnormal=False).map(str),
        st.sampled_from(["", "-1", "1e400", "٣", "_1"]),
    )

    @cases()
    @given(st.lists(votes, min_size=10, max_size=10), st.sampled_from(["labels", "votes"]))
    def check(row: list[str], targets: str) -> None:
        count()
        place.write_text(f'fer0000000.png,"(0, 0, 48, 48)",{",".join(row)}\n', encoding="utf-8")
        load("fer_plus", tmp_path, targets=targets)

    check()


def test_damaged_challenge_list_is_read_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """A list of difficult pictures."""
    place = tmp_path / "list.txt"

    @cases()
    @given(damaged_text(["test_0003_aligned 3 4\n4/test_0006_aligned.jpg\n1_fer0034656.png 8 0\n"]))
    def check(content: bytes) -> None:
        count()
        place.write_bytes(content)
        try:
            read_challenge_list(place)
        except FerZooError as error:
            assert str(error)

    check()


def test_class_folders_of_any_name_are_read_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """Folders of pictures with names in any script, spaces and line breaks."""
    letters = st.characters(exclude_characters="/\x00", exclude_categories=["Cs"])
    names = st.one_of(st.text(letters, min_size=1, max_size=12), st.sampled_from(["happy", " sad", "Fear\n", "train"]))
    numbers = iter(range(10**9))

    @cases(0.3)
    @given(st.lists(names.filter(lambda name: name not in {".", ".."}), max_size=3, unique=True))
    def check(folders: list[str]) -> None:
        count()
        root = tmp_path / str(next(numbers))
        root.mkdir()
        for name in folders:
            (root / name).mkdir()
            (root / name / "a b\n.pgm").write_bytes(b"P5 1 1 255 \x80")
        load("image_folder", root)

    check()


def test_code_in_an_array_file_is_not_run(tmp_path: Path) -> None:
    """A label of AffectNet that is a pickled object is refused."""
    dataset_trees.write_affect_net_annotations(tmp_path)
    np.save(tmp_path / "train_set/annotations/0_exp.npy", np.array([object], dtype=object), allow_pickle=True)

    with pytest.raises(FerZooError, match="no single number"):
        load_dataset("affectnet_8", tmp_path)
