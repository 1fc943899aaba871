"""Where videos end: at the end that the file announces, before it, or where the caller has enough."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pytest
from damaged_video import damage_frames
from face_videos import ground, write_video

from fer_zoo import FaceExpressionPipeline
from fer_zoo.pipelines.video import VideoAnalyzer, VideoFrame, VideoReader, analyze_video
from fer_zoo.video_results import FrameResult


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_clock_that_begins_later_does_not_cut_the_video_short(tmp_path: Path, suffix: str) -> None:
    """Ten frames that begin at 5 s last 0.4 s, whether the file announces its length or its end."""
    path = write_video(tmp_path / f"late.{suffix}", [ground()] * 10, first_time=5000)

    with VideoReader(path) as reader:
        frames = list(reader)

    assert reader.duration == pytest.approx(0.4, abs=0.01)
    assert reader.error is None
    assert len(frames) == 10


def test_missing_end_is_noticed_where_the_clock_begins_later(tmp_path: Path) -> None:
    """Half of a Matroska file that begins at 5 s."""
    noise = np.random.default_rng(0).integers(0, 255, (50, 240, 320, 3), dtype=np.uint8)
    path = write_video(tmp_path / "late.mkv", list(noise), first_time=5000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with VideoReader(path) as reader:
        list(reader)

    assert reader.error is not None
    assert "s of 2.0 s" in reader.error


def test_damage_before_an_early_end_is_told(tmp_path: Path) -> None:
    """Who takes the frames up to 0.5 s hears of the three that are missing there, and not before he comes to them."""
    path = damage_frames(write_video(tmp_path / "damaged.mp4", [ground()] * 25), range(6, 9))

    with VideoReader(path) as reader:
        frames = iter(reader)
        next(frames)
        at_first = reader.error
        list(takewhile(lambda frame: frame.time < 0.5, frames))

    assert at_first is None
    assert reader.error == "3 frames are damaged"


def test_early_end_is_not_called_cut_short(tmp_path: Path) -> None:
    """Of a file that has lost its end only the beginning is taken."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 240, 320, 3), dtype=np.uint8)
    path = write_video(tmp_path / "cut.mp4", list(noise), options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with VideoReader(path) as reader:
        list(takewhile(lambda frame: frame.time < 0.5, reader))

    assert reader.error is None


def test_damage_before_an_early_end_is_in_the_table_and_in_the_summary(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """The last row has the reason, at the end of what was analysed, and the caller hears of it."""
    path = damage_frames(write_video(tmp_path / "damaged.mp4", [ground()] * 25), [7])
    results: list[object] = []

    summary = analyze_video(path, analyzer, max_seconds=0.6, frames=tmp_path / "frames.csv", on_result=results.append)

    last = results[-1]
    assert isinstance(last, FrameResult)
    assert summary.error == "1 frame is damaged"
    assert (tmp_path / "frames.csv").read_text().splitlines()[-1].endswith("1 frame is damaged")
    assert (last.index, last.error) == (14, "1 frame is damaged")
    assert last.time == pytest.approx(0.6)


class DroppingReader(VideoReader):
    """Gives every third frame, as of a camera that is faster than the machine."""

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield the frames that are left."""
        return islice(super().__iter__(), 0, None, 3)


def test_reason_at_the_end_has_a_number_of_its_own_where_frames_were_dropped(
    bright_pipeline: FaceExpressionPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of frames 0 to 23 eight are analysed, the last of them is number 21: the reason follows as 22."""
    path = damage_frames(write_video(tmp_path / "damaged.mp4", [ground()] * 25), [7])
    analyzer = VideoAnalyzer(bright_pipeline)
    monkeypatch.setattr("fer_zoo.pipelines.video.analysis.VideoReader", DroppingReader)
    monkeypatch.setattr("fer_zoo.pipelines.video.analyzer.VideoReader", DroppingReader)
    results: list[object] = []

    summary = analyze_video(path, analyzer, on_result=results.append)

    indices = [result.index for result in results if isinstance(result, FrameResult)]
    assert summary.num_frames == 8
    assert indices == [0, 3, 6, 9, 12, 15, 18, 21, 22]
    assert [result.index for result in analyzer.stream(path)] == indices
