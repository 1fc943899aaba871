"""Tables of many files whose making is interrupted."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bright_faces import BrightDetector, files_below, write_many
from forked import forked

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines import AnalysisOptions, analyze_files
from fer_zoo.results import read_json_lines


def progress_of(folder: Path, output: Path, pipe: FaceExpressionPipeline, **options: Any) -> list[int]:
    """Return how many pictures were done at the beginning and after every group of a run."""
    seen: list[int] = []
    analyze_files(folder, output, pipe, on_progress=lambda done, total: seen.append(done), **options)
    return seen


def interrupt(folder: Path, output: Path, pipe: FaceExpressionPipeline, at: int = 64, **options: Any) -> None:
    """Begin a run and end it from outside when so many pictures are done."""

    def stop(done: int, total: int) -> None:
        if done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze_files(folder, output, pipe, on_progress=stop, **options)


def kill_when_done(model: Path, folder: Path, output: Path, number: int) -> None:
    """Analyze a folder, and kill the process, without any chance to tidy up, when so many pictures are done."""

    def kill(done: int, total: int) -> None:
        if done >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    pipe = pipeline(model=str(model), detector=BrightDetector(), device="cpu")
    analyze_files(folder, output, pipe, workers=2, on_progress=kill)


@pytest.mark.slow
@pytest.mark.parametrize("at", [64, 128, 150])
def test_killed_run_is_taken_up_again(
    at: int, small_model: Path, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """After SIGKILL, in the middle or before the output is written, no file is repeated or lost, to the last byte."""
    folder = write_many(tmp_path / "in", 150)
    analyze_files(folder, tmp_path / "undisturbed.jsonl", bright_pipeline)

    with forked(kill_when_done, small_model, folder, tmp_path / "out.jsonl", at, folder=tmp_path) as process:
        assert process.wait() == -signal.SIGKILL

    assert not (tmp_path / "out.jsonl").exists()
    assert progress_of(folder, tmp_path / "out.jsonl", bright_pipeline)[0] == at
    names = [result.source for result in read_json_lines(tmp_path / "out.jsonl")]
    assert names == [str(path) for path in sorted(folder.iterdir())]
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "undisturbed.jsonl").read_bytes()
    assert not (tmp_path / "out.jsonl.partial").exists()


def test_half_written_group_is_done_again(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """What a kill leaves in the folder for files on their way is dropped."""
    folder = write_many(tmp_path / "in", 70)
    interrupt(folder, tmp_path / "out.jsonl", bright_pipeline)
    (tmp_path / "out.jsonl.partial/.writing/half.jsonl").write_bytes(b'{"image": "')

    assert progress_of(folder, tmp_path / "out.jsonl", bright_pipeline) == [64, 70]
    assert len(list(read_json_lines(tmp_path / "out.jsonl"))) == 70


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["empty", "cut off", "row missing", "zeros"])
def test_damaged_group_is_done_again(damage: str, bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """A finished group without a result for each of its pictures, as a failing disk leaves it, is not trusted."""
    folder = write_many(tmp_path / "in", 140)
    analyze_files(folder, tmp_path / "undisturbed.jsonl", bright_pipeline)
    interrupt(folder, tmp_path / "out.jsonl", bright_pipeline, at=128)
    part = next((tmp_path / "out.jsonl.partial/parts").rglob("*.jsonl"))
    content = part.read_bytes()
    left = {
        "empty": b"",
        "cut off": content[:-20],
        "row missing": b"".join(content.splitlines(keepends=True)[1:]),
        "zeros": bytes(len(content)),
    }
    part.write_bytes(left[damage])

    assert progress_of(folder, tmp_path / "out.jsonl", bright_pipeline) == [64, 128, 140]

    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "undisturbed.jsonl").read_bytes()


def test_kill_between_the_output_and_tidying_up_does_no_harm(
    bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Output and finished groups are both there; the next run does nothing but write the same output again."""
    folder = write_many(tmp_path / "in", 5)
    interrupt(folder, tmp_path / "out.jsonl", bright_pipeline, at=5)
    analyze_files(folder, tmp_path / "other.jsonl", bright_pipeline)
    (tmp_path / "other.jsonl").rename(tmp_path / "out.jsonl")
    before = (tmp_path / "out.jsonl").read_bytes()

    assert progress_of(folder, tmp_path / "out.jsonl", bright_pipeline) == [5]

    assert (tmp_path / "out.jsonl").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.jsonl"]


def test_pictures_that_came_or_went_are_noticed(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """The output is that of the folder as it is; groups before the change are not done again."""
    folder = write_many(tmp_path / "in", 140)
    interrupt(folder, tmp_path / "out.jsonl", bright_pipeline, at=128)
    (folder / "100.png").rename(folder / "200.png")

    assert progress_of(folder, tmp_path / "out.jsonl", bright_pipeline) == [64, 128, 140]

    names = [Path(result.source).name for result in read_json_lines(tmp_path / "out.jsonl")]
    assert names == [f"{number:03}.png" for number in [*range(100), *range(101, 140), 200]]


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"threshold": 0.5}, "threshold was 0.0 and is now 0.5"),
        ({"batch_size": 3, "max_pixels": 77}, "batch_size was 8 and is now 3; max_pixels was 100000000 and is now 77"),
    ],
)
def test_other_options_are_refused(
    changed: dict[str, Any], difference: str, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Results of different kinds do not mix; the error names the difference and the ways out, and nothing changes."""
    folder = write_many(tmp_path / "in", 70)
    interrupt(folder, tmp_path / "out.csv", bright_pipeline)
    before = files_below(tmp_path)

    with pytest.raises(InvalidOptionError) as caught:
        analyze_files(folder, tmp_path / "out.csv", bright_pipeline, options=replace(AnalysisOptions(), **changed))

    assert str(caught.value) == (
        f"Invalid value {str(tmp_path / 'out.csv')!r} for output: expected a folder whose results were made with the "
        f"same options ({difference}); choose another folder, or overwrite=True (--overwrite) to begin anew."
    )
    assert files_below(tmp_path) == before


def test_other_weights_or_sources_are_refused(
    bright_pipeline: FaceExpressionPipeline,
    embedded_pipeline: FaceExpressionPipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The weights are known by their checksum, the detector by its class."""
    folder = write_many(tmp_path / "in", 70)
    interrupt(folder, tmp_path / "out.csv", bright_pipeline)

    with pytest.raises(InvalidOptionError, match=r"detector was '\w+' and is now '\w+'\)"):
        analyze_files(folder, tmp_path / "out.csv", embedded_pipeline)
    with pytest.raises(InvalidOptionError, match=r"sources was .*; paths was "):
        analyze_files(tmp_path, tmp_path / "out.csv", bright_pipeline)
    with monkeypatch.context() as patch:
        patch.setattr(bright_pipeline, "flip", True)
        with pytest.raises(InvalidOptionError, match="flip was False and is now True"):
            analyze_files(folder, tmp_path / "out.csv", bright_pipeline)
    bias = next(p for name, p in bright_pipeline.model.named_parameters() if name.endswith("bias"))
    before = bias.data.clone()
    try:
        bias.data[0] += 1
        with pytest.raises(InvalidOptionError, match=r"model_sha256 was '[0-9a-f]{64}' and is now"):
            analyze_files(folder, tmp_path / "out.csv", bright_pipeline)
    finally:
        bias.data.copy_(before)


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"calibrated": False}, "calibrated was True and is now False"),
        ({"threshold": 0.5}, "threshold was 0.0 and is now 0.5"),
        ({"min_confidence": 0.5}, "min_confidence was 0.0 and is now 0.5"),
        ({"max_pixels": 77}, "max_pixels was 100000000 and is now 77"),
    ],
)
def test_pipeline_with_other_options_is_refused(
    changed: dict[str, Any], difference: str, small_model: Path, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Options that the pipeline was made with decide the results as those of the call do."""
    folder = write_many(tmp_path / "in", 70)
    interrupt(folder, tmp_path / "out.csv", bright_pipeline)
    other = pipeline(model=str(small_model), detector=BrightDetector(), device="cpu", **changed)

    with pytest.raises(InvalidOptionError, match=re.escape(f"the same options ({difference});")):
        analyze_files(folder, tmp_path / "out.csv", other)


def test_overwriting_begins_anew(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """What was begun is dropped, whatever its options, and an output that exists is replaced in the end."""
    folder = write_many(tmp_path / "in", 70)
    (tmp_path / "out.csv").write_text("mine")
    interrupt(folder, tmp_path / "out.csv", bright_pipeline, overwrite=True)

    assert (tmp_path / "out.csv").read_text() == "mine"
    other = AnalysisOptions(threshold=0.5)
    assert progress_of(folder, tmp_path / "out.csv", bright_pipeline, overwrite=True, options=other) == [0, 64, 70]

    assert (tmp_path / "out.csv").read_text().startswith("image,status,")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv"]
