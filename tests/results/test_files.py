"""Results in files, and back."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pyarrow.parquet
import pytest
from some_results import BROKEN, NONE, TWO

from fer_zoo.errors import ResultFileError
from fer_zoo.results import (
    ImageResult,
    arrow_schema,
    read_json_lines,
    to_table_rows,
    write_csv,
    write_json_lines,
    write_parquet,
)
from fer_zoo.results.files import ROWS_AT_ONCE

NOT_UTF8 = ImageResult(os.fsdecode(b"caf\xe9.jpg"), 3, 2)


def test_json_lines_come_back_as_they_were(tmp_path: Path) -> None:
    """Landmarks, no landmarks, no face, errors and names that are no valid Unicode: nothing is lost."""
    results = [TWO, NONE, BROKEN, NOT_UTF8]

    write_json_lines(results, tmp_path / "out.jsonl")

    assert list(read_json_lines(tmp_path / "out.jsonl")) == results
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert json.loads(lines[0]) == TWO.to_dict()
    assert len(lines) == 4


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    """Editors leave them; lines keep their numbers in messages."""
    path = tmp_path / "out.jsonl"
    write_json_lines([NONE, BROKEN], path)
    path.write_text("\n" + path.read_text().replace("\n", "\r\n \n"))

    assert list(read_json_lines(path)) == [NONE, BROKEN]
    path.write_text("\n\n[]\n")
    with pytest.raises(ResultFileError, match="line 3"):
        next(read_json_lines(path))


def test_parquet_holds_the_rows_with_their_types(tmp_path: Path) -> None:
    """The file has the documented schema and the values of the rows."""
    write_parquet([TWO, NONE, BROKEN], tmp_path / "out.parquet")

    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.schema.equals(arrow_schema())
    assert table.to_pylist() == [row for result in (TWO, NONE, BROKEN) for row in to_table_rows(result)]


def test_parquet_is_written_piece_by_piece(tmp_path: Path) -> None:
    """A row group has so many rows that memory is bounded, and none is lost between two of them."""
    results = (ImageResult(f"{number}.png", 2, 1) for number in range(ROWS_AT_ONCE + 1))

    write_parquet(results, tmp_path / "out.parquet")

    file = pyarrow.parquet.ParquetFile(tmp_path / "out.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [ROWS_AT_ONCE, 1]
    assert file.read()["image"].to_pylist()[-2:] == [f"{ROWS_AT_ONCE - 1}.png", f"{ROWS_AT_ONCE}.png"]


def test_parquet_without_rows_can_be_read(tmp_path: Path) -> None:
    """It has the schema and nothing else."""
    write_parquet([], tmp_path / "out.parquet")

    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, table.schema.equals(arrow_schema())) == (0, True)


def test_csv_has_the_columns_without_lists(tmp_path: Path) -> None:
    """One row for each face, and one for each picture without any; what does not apply is empty."""
    write_csv([TWO, NONE, BROKEN], tmp_path / "out.csv")

    header = "image,status,width,height,face,label,score,uncertain,xmin,ymin,xmax,ymax,face_score,error"
    assert (tmp_path / "out.csv").read_text() == (
        f"{header}\n"
        "two.png,face,64,48,1,sadness,0.625,False,10,20,30,50,0.75,\n"
        "two.png,face,64,48,2,anger,0.5625,True,0,1,2,3,0.5,\n"
        "none.png,no face,32,16,,,,,,,,,,\n"
        "broken.png,unreadable,0,0,,,,,,,,,,it is empty\n"
    )


def test_csv_quotes_names_with_ends_of_lines(tmp_path: Path) -> None:
    """A carriage return alone is one too for those who read the file."""
    names = ["a\rb.png", "a\nb.png", "a\r\n.png", 'a"b,c.png']
    write_csv([ImageResult(name, 3, 4) for name in names], tmp_path / "out.csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == names
    assert b"\r\n" not in (tmp_path / "out.csv").read_bytes().replace(b"a\r\n.png", b"")


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_name_that_is_no_valid_unicode_is_escaped(write: object, tmp_path: Path) -> None:
    """Tables are UTF-8, file names need not be."""
    assert callable(write)

    write([NOT_UTF8], tmp_path / "out")

    if write is write_csv:
        with (tmp_path / "out").open(encoding="utf-8", newline="") as file:
            names = [row["image"] for row in csv.DictReader(file)]
    else:
        names = pyarrow.parquet.read_table(tmp_path / "out")["image"].to_pylist()
    assert names == ["caf\\udce9.jpg"]
