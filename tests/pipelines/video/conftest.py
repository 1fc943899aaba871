"""Fixtures of the tests of videos."""

from __future__ import annotations

from pathlib import Path

import pytest
from face_videos import moving_face, write_video

from fer_zoo import FaceExpressionPipeline
from fer_zoo.pipelines.video import VideoAnalyzer


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 12 frames in 0.48 s: a smiling face moves to the right, with a tone."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", moving_face(12), sound="aac")


@pytest.fixture
def analyzer(embedded_pipeline: FaceExpressionPipeline) -> VideoAnalyzer:
    """Return an analyser with the embedded weights that looks at every frame."""
    return VideoAnalyzer(embedded_pipeline)
