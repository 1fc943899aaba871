"""The benchmark of the speed: its arithmetic, its tables, and a small run of the whole command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.speed.__main__ import main
from benchmarks.speed.classifiers import share_of_equal
from benchmarks.speed.pictures import draw_faces, draw_group
from benchmarks.speed.processes import Contender, NotStartedError, Worker
from benchmarks.speed.report import by_batch
from benchmarks.speed.timing import calls_in_block, fit_line, measure_rounds, summarise
from fer_zoo import FaceExpressionPipeline

PORTRAIT = Path(__file__).parents[2] / "examples" / "images" / "astronaut.png"


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    """Where all took twice as long in the second round, the ratio is that of both rounds, 4, and not of the medians."""
    blocks = {"reference": [[40.0, 40.0], [80.0, 80.0]], "other": [[10.0], [20.0, 20.0]]}

    timings = summarise(blocks, "reference")

    assert timings["other"].ratio == pytest.approx(4.0)
    assert timings["reference"].ratio == pytest.approx(1.0)


def test_median_and_lowest_are_of_all_calls() -> None:
    """Of 3, 9 and 5, 7 ms the median is 6 and the lowest 3; without a reference there is no ratio."""
    timing = summarise({"one": [[3.0, 9.0], [5.0, 7.0]]})["one"]

    assert (timing.median_ms, timing.lowest_ms, timing.ratio, timing.num_rounds) == (6.0, 3.0, None, 2)


def test_a_line_through_points_on_a_line_has_no_residual() -> None:
    """2 ms and 3 ms for each: 5, 8 and 14 ms at 1, 2 and 4."""
    line = fit_line([1, 2, 4], [5.0, 8.0, 14.0])

    assert [line.slope, line.intercept] == pytest.approx([3.0, 2.0])
    assert line.residual == pytest.approx(0.0, abs=1e-12)


def test_the_residual_is_the_largest_distance_as_a_share_of_the_largest_value() -> None:
    """0, 0 and 6 at 0, 1 and 2 lie 1, 2 and 1 from the line 3 x - 1; the largest value is 6."""
    line = fit_line([0, 1, 2], [0.0, 0.0, 6.0])

    assert [line.slope, line.intercept] == pytest.approx([3.0, -1.0])
    assert line.residual == pytest.approx(2 / 6)


def test_every_contender_runs_in_every_round() -> None:
    """Three rounds of two contenders, each round beginning with the other: a warming-up and a measured call each."""
    order: list[str] = []

    blocks = measure_rounds(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, {"a": 1.0, "b": 1.0}, seconds=0
    )

    assert [len(rounds) for rounds in blocks.values()] == [3, 3]
    assert order == ["a", "a", "b", "b", "b", "b", "a", "a", "a", "a", "b", "b"]


@pytest.mark.parametrize(("seconds", "calls"), [(0.0, 10), (0.02, 3), (0.06, 1), (7.0, 1)])
def test_a_block_has_sixty_milliseconds_of_calls(seconds: float, calls: int) -> None:
    """From one call to ten."""
    assert calls_in_block(seconds) == calls


def test_agreement_is_the_share_of_equal_answers() -> None:
    """Three of four."""
    assert share_of_equal([1, 2, 3, 4], [1, 2, 3, 0]) == 0.75


def test_a_table_leaves_blank_what_was_not_measured() -> None:
    """A contender that was left out at one batch size keeps its line."""
    rows = [
        {"contender": "slow", "batch": 1, "ms": 5},
        {"contender": "slow", "batch": 8, "reason": "would take 9 s a call"},
        {"contender": "a | b", "batch": 8, "ms": 7},
    ]

    lines = list(by_batch(rows, lambda row: str(row["ms"])))

    assert lines[2:] == ["| slow | 5 |  |", "| a \\| b |  | 7 |"]


def test_drawn_pictures_have_the_faces_that_they_are_named_for(
    tmp_path: Path, embedded_pipeline: FaceExpressionPipeline
) -> None:
    """Six in the group of 1280 x 886, and two in a picture of two."""
    group, two = draw_group(tmp_path), draw_faces(tmp_path, 2)

    with Image.open(group) as picture:
        assert picture.size == (1280, 886)
    assert [len(faces) for faces in embedded_pipeline([str(group), str(two)])] == [6, 2]


def test_a_contender_that_is_not_installed_is_absent_with_the_reason(tmp_path: Path) -> None:
    """The reason is the last line of what the process had to say; ``fer`` is none of our packages."""
    contender = Contender("fer", "fer", sys.executable)

    with pytest.raises(NotStartedError, match="No module named 'fer'"):
        Worker(contender, PORTRAIT, 1, tmp_path)


@pytest.mark.slow
def test_the_command_writes_figures_tables_and_a_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small run with torch alone: every section has rows with all fields, and no seconds are judged."""
    tables = tmp_path / "table.md"
    arguments = f"--output {tmp_path} --markdown {tables} --models mhan --batch-sizes 1 --photographs {PORTRAIT}"
    numbers = "--seconds 0 --starts 1 --threads 1 --num-faces 1 2 --num-pictures 1 2 --others /no/such/python"

    main([*arguments.split(), *numbers.split(), "--contenders", "torch eager fp32", "torch fused fp32"])

    report = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert {"date", "processor", "cores", "flags", "memory_gib", "system", "packages", "load_average"} <= set(
        report["hardware"]
    )
    assert [(row["contender"], row["batch"], row["rounds"]) for row in report["classifier"]] == [
        ("torch eager fp32", 1, 3),
        ("torch fused fp32", 1, 3),
    ]
    assert report["classifier"][0]["ratio"] == 1.0
    (picture,) = report["pictures"]
    assert (picture["contender"], picture["num_faces"], picture["ratio"]) == ("fer-zoo, torch eager fp32", 1, 1.0)
    assert list(report["steps"][0]["steps_ms"]) == ["read", "detect", "crop", "pixel values", "classify"]
    assert [row["numbers"] for row in report["growth"]] == [[1, 2], [1, 2]]
    assert report["memory"][0]["peak_megabytes"] > 100  # torch alone has more
    assert {row["contender"] for row in report["starts"] if "reason" in row} == {
        "fer",
        "fer, MTCNN",
        "deepface",
        "EmotiEffLib",
    }
    markdown = tables.read_text(encoding="utf-8")
    assert markdown in capsys.readouterr().out
    for heading in ("Classifier alone", "Whole pictures", "Where the time goes", "Cold start", "Growth", "GPU"):
        assert f"\n## {heading}" in markdown
    assert (tmp_path / "speed.png").stat().st_size > 0
