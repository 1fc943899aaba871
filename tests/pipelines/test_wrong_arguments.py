"""Arguments of another type, or in other places, are named with what belongs there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_zoo import FaceExpressionPipeline
from fer_zoo.errors import ArgumentTypeError
from fer_zoo.evaluation import calibrate, evaluate
from fer_zoo.pipelines import analyze_files
from fer_zoo.pipelines.video import VideoAnalyzer, VideoReader, analyze_video


def test_video_takes_an_analyzer_and_no_pipeline(bright_pipeline: FaceExpressionPipeline) -> None:
    """The way from the one to the other is in the message, before the video is looked for."""
    with pytest.raises(ArgumentTypeError, match=r"'FaceExpressionPipeline' for analyzer: .* VideoAnalyzer\(pipe\)\.$"):
        analyze_video("clip.mp4", bright_pipeline)
    with pytest.raises(ArgumentTypeError, match="'FaceExpressionPipeline' for source: expected a path, a URL, or the"):
        analyze_video(bright_pipeline, "clip.mp4")  # type: ignore[arg-type]
    with pytest.raises(
        ArgumentTypeError, match="'bytes' for source: expected a path, a URL, or the number of a camera"
    ):
        VideoReader(b"\0")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="'str' for pipe: expected a pipeline"):
        VideoAnalyzer("clip.mp4")  # type: ignore[arg-type]


def test_files_take_the_pipeline_last(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """An output in its place is refused before anything is written."""
    with pytest.raises(ArgumentTypeError, match=r"'str' for pipe: expected a pipeline, after sources and output"):
        analyze_files(tmp_path, bright_pipeline, str(tmp_path / "out.csv"))  # type: ignore[arg-type]

    assert not list(tmp_path.iterdir())


def test_evaluation_takes_the_model_of_a_pipeline(bright_pipeline: FaceExpressionPipeline) -> None:
    """The message says which parts of a pipeline to give."""
    message = r"'FaceExpressionPipeline' for model: .* pipe\.model with processor=pipe\.image_processor\.$"
    with pytest.raises(ArgumentTypeError, match=message):
        evaluate(bright_pipeline, [])  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=message):
        calibrate(bright_pipeline, [])  # type: ignore[arg-type]
