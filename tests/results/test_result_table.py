"""Results as rows, as a DataFrame, as a schema and as detections."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import supervision
from some_results import BROKEN, NONE, TWO

from fer_zoo.errors import MissingPackageError
from fer_zoo.results import COLUMNS, ImageResult, arrow_schema, to_pandas, to_table_rows, write_parquet


def test_each_face_is_a_row() -> None:
    """Faces are numbered from 1 and share the columns of their picture."""
    first, second = to_table_rows(TWO)

    assert first == {
        "image": "two.png",
        "status": "face",
        "width": 64,
        "height": 48,
        "face": 1,
        "label": "sadness",
        "score": 0.625,
        "uncertain": False,
        "xmin": 10,
        "ymin": 20,
        "xmax": 30,
        "ymax": 50,
        "face_score": 0.75,
        "scores": [{"label": "sadness", "score": 0.625}, {"label": "anger", "score": 0.375}],
        "landmarks": [[12.0, 22.5], [28.0, 22.5], [20.0, 30.0], [14.0, 40.0], [26.0, 40.0]],
        "error": None,
    }
    assert (second["face"], second["label"], second["uncertain"], second["landmarks"]) == (2, "anger", True, None)
    assert list(first) == list(second) == list(COLUMNS)


def test_pictures_without_faces_are_rows_too() -> None:
    """One says that nobody was found, the other why it could not be read; what does not apply is None."""
    (nobody,), (broken,) = to_table_rows(NONE), to_table_rows(BROKEN)

    assert {name for name, value in nobody.items() if value is not None} == {"image", "status", "width", "height"}
    assert (nobody["status"], nobody["width"], nobody["height"]) == ("no face", 32, 16)
    assert (broken["status"], broken["width"], broken["error"]) == ("unreadable", 0, "it is empty")


def test_data_frame_has_typed_columns_and_a_row_for_everything() -> None:
    """Whole numbers stay whole where some are missing, and a missing label is no empty text."""
    table = to_pandas([TWO, NONE, BROKEN])

    assert table["image"].tolist() == ["two.png", "two.png", "none.png", "broken.png"]
    assert table["face"].tolist()[:2] == [1, 2]
    assert table["face"].isna().tolist() == [False, False, True, True]
    assert table["label"].isna().tolist() == [False, False, True, True]
    assert table["score"].tolist()[:2] == [0.625, 0.5625]
    assert table["scores"][0] == [{"label": "sadness", "score": 0.625}, {"label": "anger", "score": 0.375}]
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        **dict.fromkeys(("image", "status", "label", "error"), "string"),
        **dict.fromkeys(("width", "height", "face"), "Int32"),
        **dict.fromkeys(("score", "xmin", "ymin", "xmax", "ymax", "face_score"), "float64"),
        "uncertain": "boolean",
        **dict.fromkeys(("scores", "landmarks"), "object"),
    }


def test_data_frame_escapes_what_is_no_unicode_in_a_name() -> None:
    """As Parquet and CSV files do: text of pandas is UTF-8, file names need not be."""
    name = os.fsdecode(b"caf\xe9.png")

    table = to_pandas([ImageResult(name, 1, 1), ImageResult("a.png", error=f"{name} is empty")])

    assert table["image"].tolist() == ["caf\\udce9.png", "a.png"]
    assert table["error"].tolist()[1] == "caf\\udce9.png is empty"


def test_data_frame_of_nothing_has_the_same_columns() -> None:
    """Tables of different runs can be joined, whatever was in them."""
    assert to_pandas([]).dtypes.equals(to_pandas([TWO]).dtypes)


def test_one_result_is_a_data_frame_by_itself() -> None:
    """The method gives what the function gives."""
    assert TWO.to_pandas().equals(to_pandas([TWO]))


def test_schema_of_arrow_is_the_documented_one() -> None:
    """Names, types and which columns are never null."""
    schema = arrow_schema()

    assert [f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in schema] == [
        "image: string not null",
        "status: string not null",
        "width: int32 not null",
        "height: int32 not null",
        "face: int32",
        "label: string",
        "score: double",
        "uncertain: bool",
        "xmin: double",
        "ymin: double",
        "xmax: double",
        "ymax: double",
        "face_score: double",
        "scores: list<item: struct<label: string, score: double>>",
        "landmarks: list<item: list<item: double>>",
        "error: string",
    ]


def test_detections_hold_boxes_confidence_and_labels() -> None:
    """The confidence is the detector's, as trackers expect; classes are numbered in alphabetical order."""
    detections = TWO.to_supervision()

    np.testing.assert_array_equal(detections.xyxy, [[10, 20, 30, 50], [0, 1, 2, 3]])
    np.testing.assert_array_equal(detections.confidence, [0.75, 0.5])
    np.testing.assert_array_equal(detections.class_id, [1, 0])
    assert list(detections.data["class_name"]) == ["sadness", "anger"]
    assert list(detections.data["score"]) == [0.625, 0.5625]
    assert list(detections.data["uncertain"]) == [False, True]


def test_detections_of_no_face_can_be_merged_with_others() -> None:
    """They have the same fields, with nothing in them."""
    merged = supervision.Detections.merge([NONE.to_supervision(), TWO.to_supervision()])

    assert len(NONE.to_supervision()) == 0
    assert list(merged.data["class_name"]) == ["sadness", "anger"]


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("pandas", lambda path: TWO.to_pandas()),
        ("supervision", lambda path: TWO.to_supervision()),
        ("pyarrow", lambda path: write_parquet([TWO], path)),
    ],
)
def test_missing_package_is_named_with_its_command(
    package: str, use: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the command that installs what is missing, and no file is left."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingPackageError, match=rf"needs the package '{package}'.* pip install 'fer-zoo\[results\]'"):
        use(tmp_path / "out.parquet")

    assert not list(tmp_path.iterdir())
