"""Tables of pictures: CSV and Parquet, labels and votes."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest
from dataset_trees import write_csv, write_picture, write_table
from pyarrow import parquet

from fer_zoo.datasets import load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError, MissingPackageError
from fer_zoo.labels import Expression


def write(folder: Path, header: tuple[str, ...], *rows: tuple[object, ...]) -> Path:
    """Write a table whose rows lack the path, and as many pictures."""
    for number in range(len(rows)):
        write_picture(folder / f"{number}.png", number)
    return write_csv(folder / "t.csv", [("path", *header), *((f"{n}.png", *row) for n, row in enumerate(rows))])


def test_labels_are_words_and_paths_are_relative_to_the_table(tmp_path: Path) -> None:
    """The classes are those of the table, in the order of the expressions."""
    path = write_table(tmp_path)

    dataset = load_dataset("table", path)

    assert dataset.label_set.classes == (Expression.HAPPINESS, Expression.ANGER)
    assert dataset.labels == (0, 1, 0)
    assert dataset.samples[0].path == path.parent / "faces" / "a.png"


def test_rows_that_are_only_commas_are_passed_over(tmp_path: Path) -> None:
    """Spreadsheets leave them, with blanks or without; messages still say the line that is wrong."""
    path = write_table(tmp_path)
    header, *rows = path.read_text().splitlines(keepends=True)
    commas = "," * header.count(",")

    path.write_text(f" {commas}\n{header}{commas}\n{commas}  \n{''.join(rows)},\n")

    assert load_dataset("table", path).labels == (0, 1, 0)
    path.write_text(f"{header}{commas}\n,x\n")
    with pytest.raises(AnnotationError, match=r"line 3 of .* expected 3 fields as in the first line, found 2"):
        load_dataset("table", path)


def test_split_column_splits(tmp_path: Path) -> None:
    """The usual short forms are understood."""
    path = write_table(tmp_path)

    assert load_dataset("table", path, split="train").labels == (0, 1)
    assert load_dataset("table", path, split="validation").labels == (0,)


def test_numbers_are_class_indices_of_a_given_label_set(tmp_path: Path) -> None:
    """An empty label is a picture without one."""
    path = write(tmp_path, ("label",), (6,), ("",), ("fear",), ("2.0",))

    dataset = load_dataset("table", path, label_set="raf_db", keep_unlabelled=True)

    assert dataset.labels == (6, None, 1, 2)


def test_columns_of_classes_are_votes(tmp_path: Path) -> None:
    """The label is the class with more than half of the votes; other columns are ignored."""
    path = write(tmp_path, ("Happy", "note", "sad"), (7, "x", 3), (5, "", 5), ("", "", 2))

    dataset = load_dataset("table", path, targets="votes")

    assert dataset.label_set.classes == (Expression.HAPPINESS, Expression.SADNESS)
    assert [sample.votes for sample in dataset.samples] == [(7.0, 3.0), (5.0, 5.0), (0.0, 2.0)]
    assert dataset.labels == (0, None, 1)


def test_row_without_votes_has_none(tmp_path: Path) -> None:
    """Empty fields in every class are no votes, rather than none for each."""
    dataset = load_dataset("table", write(tmp_path, ("happy", "sad"), (1, 0), ("", "")), keep_unlabelled=True)

    assert dataset.samples[1].votes is None
    assert dataset.labels == (0, None)


def test_row_of_zeros_is_a_picture_without_votes(tmp_path: Path) -> None:
    """It is left out and counted, or kept without a label; nothing is learnt as the first class."""
    path = write(tmp_path, ("happy", "sad", "angry"), (7, 0, 3), (0, 0, 0))

    kept = load_dataset("table", path, targets="votes", keep_unlabelled=True)
    dataset = load_dataset("table", path, targets="votes")

    assert (len(dataset), dataset.num_dropped) == (1, 1)
    assert [kept[index].get("label") for index in range(2)] == [[7.0, 0.0, 3.0], None]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_case_of_the_names_of_columns_does_not_matter(tmp_path: Path, suffix: str) -> None:
    """A split that is written larger splits all the same."""
    for number in range(2):
        write_picture(tmp_path / f"{number}.png", number)
    rows = [("PATH", "Label", " Split "), ("0.png", "happy", "train"), ("1.png", "sad", "test")]
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        write_csv(path, rows)
    else:
        header, *values = rows
        columns = {name: list(column) for name, column in zip(header, zip(*values, strict=True), strict=True)}
        parquet.write_table(pa.table(columns), path)

    dataset = load_dataset("table", path, split="train")

    assert [sample.path.name for sample in dataset.samples] == ["0.png"]
    assert dataset.labels == (0,)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("path,label,Path", "line 1 of .* two columns have the name 'path'"),
        ("path,happy,happy", "line 1 of .* two columns have the name 'happy'"),
        ("path;label", r"line 1 of .* its only column is 'path;label': separate the columns with ',' in place of ';'"),
    ],
)
def test_header_that_is_misleading_is_refused(tmp_path: Path, header: str, reason: str) -> None:
    """Of two columns with one name, one would be ignored; with another separator there is one column."""
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\na.png,happy,b.png\n", encoding="utf-8")

    with pytest.raises(AnnotationError, match=reason):
        load_dataset("table", path)


@pytest.mark.parametrize("column_type", [pa.int64(), pa.float64()], ids=str)
def test_parquet_is_read_alike(tmp_path: Path, column_type: pa.DataType) -> None:
    """Numbers and missing values of a typed table mean the same as their text; pandas makes floats of both together."""
    write_table(tmp_path)
    columns = {"path": ["faces/a.png", "faces/b.png"], "label": pa.array([2, None], column_type)}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")

    dataset = load_dataset("table", tmp_path / "t.parquet", label_set="raf_db", keep_unlabelled=True)

    assert dataset.labels == (2, None)


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (("label",), ("smug",), "line 2 of .* Unknown expression 'smug'"),
        (("label",), ("contempt",), "line 2 of .* contempt is no class of 'raf_db'"),
        (("label",), (7,), r"line 2 of .* the label 7 is not in 0 to 6 \(raf_db\)"),
        (("label",), ("1.5",), "line 2 of .* Unknown expression '1.5'"),
        (("label",), (-1,), r"line 2 of .* the label -1 is not in 0 to 6 \(raf_db\)"),
        (("happy",), ("many",), "line 2 of .* happy holds no number"),
        (("happy",), (-2,), "line 2 of .* happy is -2, below 0 or not finite"),
        (("happy", "Happiness"), (1, 1), "line 1 of .* two columns hold the votes for happiness"),
        (("label", "split"), ("happy", "dev"), "line 2 of .* the split 'dev' is none of"),
        (("label", "split"), ("happy",), "line 2 of .* expected 3 fields as in the first line, found 2"),
    ],
    ids=[
        "no word",
        "not in the set",
        "too large",
        "fraction",
        "negative",
        "no vote",
        "vote < 0",
        "twice",
        "split",
        "fields",
    ],
)
def test_broken_row_is_named_by_file_and_line(
    tmp_path: Path, header: tuple[str, ...], row: tuple[object, ...], reason: str
) -> None:
    """The message leads to the row that must be mended."""
    with pytest.raises(AnnotationError, match=reason):
        load_dataset("table", write(tmp_path, header, row), label_set="raf_db")


def test_number_without_a_label_set_is_refused(tmp_path: Path) -> None:
    """Which expression 3 is depends on the label set."""
    with pytest.raises(
        AnnotationError, match=r"line 2 of .* the label '3' is a number: say with label_set of which classes"
    ):
        load_dataset("table", write(tmp_path, ("label",), (3,)))


@pytest.mark.parametrize(
    ("row", "reason"), [(("gone.png", "happy"), "line 2 .* which is not there"), (("", "happy"), "the path is empty")]
)
def test_missing_picture_is_named(tmp_path: Path, row: tuple[str, str], reason: str) -> None:
    """The message has the line and the picture."""
    path = write_csv(tmp_path / "t.csv", [("path", "label"), row])

    with pytest.raises(AnnotationError, match=reason):
        load_dataset("table", path)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("file", "label"), ("a.png", "happy")], "the column 'path' is missing"),
        ([("path", "label")], "it has no rows"),
        ([("path", "note"), ("a.png", "x")], "it has neither labels nor votes; give the classes with label_set"),
    ],
    ids=["path", "rows", "labels"],
)
def test_table_that_is_another_table_is_refused(tmp_path: Path, rows: list[tuple[str, ...]], problem: str) -> None:
    """The error says what a table needs."""
    write_picture(tmp_path / "a.png", 0)

    with pytest.raises(DatasetLayoutError, match=problem):
        load_dataset("table", write_csv(tmp_path / "t.csv", rows), keep_unlabelled=True)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_binary_rubbish_is_named(tmp_path: Path, name: str) -> None:
    """A file of another type is refused as a whole."""
    (tmp_path / name).write_bytes(b"\xff\xfe\x00\x01rubbish")

    with pytest.raises(AnnotationError, match=rf"Cannot use '.*{name}': it is not"):
        load_dataset("table", tmp_path / name)


def test_parquet_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the command that installs it."""
    (tmp_path / "t.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingPackageError, match=r"Reading Parquet needs .* pip install 'fer-zoo\[train\]'"):
        load_dataset("table", tmp_path / "t.parquet")
