"""The pictures of annotated videos."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from face_videos import moving_face, read_video, write_video
from PIL import Image

from fer_zoo import FaceExpressionPipeline
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video


@pytest.mark.parametrize("size", [(128, 128), (48, 96), (63, 65)])
def test_frames_of_another_size_are_scaled_to_that_of_the_first(
    bright_pipeline: FaceExpressionPipeline, tmp_path: Path, size: tuple[int, int]
) -> None:
    """A frame of 64 x 64 pixels and one of another size, both light at the bottom right: so they are in the file."""
    path = tmp_path / "changing.mjpeg"
    with path.open("wb") as file:
        for height, width in ((64, 64), size):
            pixels = np.zeros((height, width, 3), np.uint8)
            pixels[height // 2 :, width // 2 :] = 200
            Image.fromarray(pixels).save(file, "JPEG", quality=95)

    analyze_video(path, VideoAnalyzer(bright_pipeline), annotated=tmp_path / "annotated.mp4")

    pictures = read_video(tmp_path / "annotated.mp4")[1]
    expected = np.zeros((64, 64))
    expected[32:, 32:] = 200
    assert [picture.shape for picture in pictures] == [(64, 64, 3)] * 2
    for picture in pictures:
        assert np.abs(picture.mean(axis=2) - expected).mean() < 10


def test_mpeg4_is_written_where_there_is_no_encoder_of_h264(
    bright_pipeline: FaceExpressionPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of FFmpeg have no other; frames keep their times."""
    source = write_video(tmp_path / "phone.mp4", moving_face(5), times=[0, 20, 120, 130, 430])
    monkeypatch.setattr("fer_zoo.pipelines.video.annotated.ENCODERS", ("mpeg4",))

    analyze_video(source, VideoAnalyzer(bright_pipeline), annotated=tmp_path / "annotated.mp4")

    assert read_video(tmp_path / "annotated.mp4")[0] == pytest.approx([0, 0.02, 0.12, 0.13, 0.43], abs=1e-4)
    with av.open(str(tmp_path / "annotated.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
