"""Damaged files of results, reports and records are read back, or refused by an error of this package."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import cases, damaged, damaged_tables
from hypothesis import given
from hypothesis import strategies as st

from fer_zoo.errors import FerZooError
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.export import is_exported, load_exported
from fer_zoo.pipelines.crop_report import read_rows
from fer_zoo.pipelines.run_folder import RunFolder
from fer_zoo.results import Box, Face, FaceExpression, ImageResult, read_json_lines, to_table_rows

RESULT = ImageResult(
    "a.png",
    9,
    7,
    (FaceExpression(Face(Box(0.0, 1.0, 4.0, 5.0), 0.9, ((1.0, 1.0),) * 5), (("happiness", 0.75), ("anger", 0.25))),),
)
CROPPED = {
    "image": "a.png",
    "status": "cropped",
    "stem": "a",
    "width": 9,
    "height": 7,
    "num_faces": 1,
    "error": None,
    "crops": [],
}


def as_lines(values: Any) -> bytes:
    """Return a value as a line of JSON."""
    return json.dumps(values).encode() + b"\n"


@pytest.mark.parametrize("way", ["bytes", "values"])
def test_damaged_results_are_read_or_refused(way: str, tmp_path: Path, count: Callable[[], None]) -> None:
    """What is read can also be written as a table."""
    path = tmp_path / "results.jsonl"
    contents: st.SearchStrategy[bytes] = damaged([as_lines(RESULT.to_dict()) * 2])
    if way == "values":
        contents = damaged_tables([RESULT.to_dict()]).map(as_lines)

    @cases()
    @given(contents)
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        try:
            for result in read_json_lines(path):
                to_table_rows(result)
        except FerZooError as error:
            assert str(error)

    check()


@pytest.mark.parametrize("way", ["bytes", "values"])
def test_damaged_crop_report_is_read(way: str, tmp_path: Path, count: Callable[[], None]) -> None:
    """A line that is no row is passed over."""
    path = tmp_path / "crops.jsonl"
    contents: st.SearchStrategy[bytes] = damaged([as_lines(CROPPED) * 2])
    if way == "values":
        contents = damaged_tables([CROPPED]).map(as_lines)

    @cases()
    @given(contents)
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content + b"\n" + as_lines(CROPPED))

        assert [row.image for row in read_rows(path)][-1] == "a.png"

    check()


def test_damaged_evaluation_is_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """``evaluation.json`` with anything in it."""
    path = tmp_path / "evaluation.json"
    seed = {"metrics": {"per_class": []}, "counts": {}, "classes": [], "environment": {}, "unreadable": []}

    @cases()
    @given(st.one_of(damaged_tables([seed]).map(as_lines), damaged([as_lines(seed)])))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        with pytest.raises(FerZooError):
            EvaluationReport.load(path)

    check()


def test_damaged_record_of_an_export_is_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """``export.json`` beside a network that is none."""
    seed = {"format": "onnx", "file": "model.onnx", "precision": "fp32", "parity": ""}
    (tmp_path / "model.onnx").write_bytes(b"no network")
    path = tmp_path / "export.json"

    @cases(0.5)
    @given(st.one_of(damaged_tables([seed]).map(as_lines), damaged([as_lines(seed)])))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        if is_exported(tmp_path):
            with pytest.raises(FerZooError):
                load_exported(tmp_path, None)

    check()


def test_damaged_options_of_a_run_are_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """The options that a long run is held to."""
    path = tmp_path / "options.json"
    options = {"model": "mhan", "threshold": 0.5, "sources": ["a"]}
    run = RunFolder(tmp_path, path.name, option="output", contents="results")

    @cases()
    @given(st.one_of(damaged_tables([options]).map(as_lines), damaged([as_lines(options)])))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        try:
            run.compare(options)
        except FerZooError as error:
            assert str(error)

    check()
