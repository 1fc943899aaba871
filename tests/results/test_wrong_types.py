"""What takes results says so when it gets something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from some_results import NONE, TWO

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.explain import overlay
from fer_zoo.imaging import annotate
from fer_zoo.pipelines.video import draw_timeline, mark_faces
from fer_zoo.results import to_pandas, to_table_rows, write_csv, write_json_lines, write_parquet
from fer_zoo.video_results import FrameResult

PICTURE = np.zeros((48, 64, 3), np.uint8)

every_writer = pytest.mark.parametrize("write", [write_csv, write_json_lines, write_parquet])


@pytest.mark.parametrize("given", [TWO, "faces.csv", {"label": "anger"}, 5], ids=lambda given: type(given).__name__)
def test_table_of_anything_but_several_results_is_refused(given: Any) -> None:
    """One result, a path, a dictionary and a number: the way out is a list."""
    message = rf"Invalid type '{type(given).__name__}' for results: expected a list of ImageResult, .* \[result\]"
    with pytest.raises(ArgumentTypeError, match=message):
        to_pandas(given)


def test_rows_of_the_pipeline_make_no_table() -> None:
    """``pipe(...)`` gives dictionaries, which have no name of a picture; ``pipe.analyze(...)`` is named."""
    with pytest.raises(ArgumentTypeError, match=r"Invalid type 'dict' for result: .* pipe\.analyze\(picture\)"):
        to_pandas([{"label": "anger", "score": 0.9}])  # type: ignore[list-item]
    with pytest.raises(ArgumentTypeError, match="Invalid type 'list' for result: expected one ImageResult"):
        to_table_rows([TWO])  # type: ignore[arg-type]


@every_writer
@pytest.mark.parametrize("given", [TWO, [{"label": "anger"}]], ids=["one result", "rows"])
def test_files_of_anything_but_several_results_are_not_written(
    write: Callable[[Any, Path], None], given: Any, tmp_path: Path
) -> None:
    """The error comes before anything replaces what was there."""
    path = tmp_path / "out"
    path.write_text("before")

    with pytest.raises(ArgumentTypeError, match=r"for results?: expected"):
        write(given, path)

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out", "before")]


@pytest.mark.parametrize(
    ("image", "result", "message"),
    [
        (PICTURE, [TWO], "Invalid type 'list' for result: expected one ImageResult"),
        ("smile.jpg", TWO, r"Invalid type 'str' for image: expected an array .* read_image\(picture\)"),
        (TWO, PICTURE, "Invalid type 'ImageResult' for image"),
        (PICTURE[..., 0], NONE, "'ndarray' for image: expected an array "),
        (PICTURE.astype(float), NONE, r"'ndarray' for image: expected an array \(H, W, 3\) of uint8"),
    ],
    ids=["list of results", "path", "turned round", "grey", "float"],
)
def test_only_one_result_is_drawn_on_an_array(image: Any, result: Any, message: str) -> None:
    """Lists, paths, arguments turned round and arrays of other forms are refused by the name of the argument."""
    with pytest.raises(ArgumentTypeError, match=message):
        annotate(image, result)


def test_drawings_of_videos_and_explanations_name_what_they_take() -> None:
    """Each kind of drawing has results of its own kind."""
    with pytest.raises(ArgumentTypeError, match=r"for result: expected a FrameResult, .* fer_zoo\.imaging\.annotate"):
        mark_faces(PICTURE, TWO)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="Invalid type 'list' for segments: expected a list of Segment"):
        draw_timeline([FrameResult(0, 0.0, 0.1)], 0.1)  # type: ignore[list-item]
    with pytest.raises(ArgumentTypeError, match=r"for explanations: expected a list of Explanation, .* explain_face"):
        overlay(PICTURE, TWO)  # type: ignore[arg-type]
