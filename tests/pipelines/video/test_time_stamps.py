"""Videos whose frames are stamped alike, or nearly so, as some cameras and old containers do."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from face_videos import moving_face, read_video

from fer_zoo.pipelines.video import VideoAnalyzer, VideoFrame, VideoReader, analyze_video
from fer_zoo.pipelines.video.annotated import AnnotatedVideo
from fer_zoo.video_results import FrameResult

MILLISECOND, MICROSECOND = Fraction(1, 1000), Fraction(1, 1_000_000)  # seconds


def write_stamped(
    path: Path, stamps: Sequence[int], *, clock: Fraction = MILLISECOND, rate: int = 25, last: int | None = None
) -> Path:
    """Write a moving face whose frames have these time stamps, which no encoder would take.

    Args:
        path: the file; its ending chooses the container.
        stamps: one for each frame, by the clock.
        clock: in seconds.
        rate: frames per second that the file announces, where its container can.
        last: how long the last frame is shown, by the clock; ``None`` to leave it to the container.
    """
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=rate, options={"bf": "0"})
        video.width, video.height, video.pix_fmt, video.time_base = 320, 240, "yuv420p", clock
        frames = [av.VideoFrame.from_ndarray(pixels, format="rgb24") for pixels in moving_face(len(stamps))]
        packets = [packet for frame in [*frames, None] for packet in video.encode(frame)]
        for packet, stamp in zip(packets, stamps, strict=True):
            packet.pts, packet.dts, packet.time_base = stamp, stamp, clock
            if last is not None and stamp == stamps[-1]:
                packet.duration = last
            container.mux(packet)
    return path


def times_of(path: Path) -> list[float]:
    """Return the times of the frames in milliseconds; each must last until the next."""
    with VideoReader(path) as reader:
        frames = list(reader)
    ends = [frame.time + frame.duration for frame in frames]
    assert reader.error is None
    assert ends[:-1] == pytest.approx([frame.time for frame in frames[1:]])
    assert [frame.index for frame in frames] == list(range(len(frames)))
    return [frame.time * 1000 for frame in frames]


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([80, 120, 120, 160, 200], [0, 40, 60, 80, 120]),
        ([80, 120, 120, 200, 240], [0, 40, 80, 120, 160]),
        ([80, 120, 120, 500, 540], [0, 40, 80, 420, 460]),
        ([80, 120, 120, 120], [0, 40, 80, 120]),
        ([80] * 8, [0, 40, 80, 120, 160, 200, 240, 280]),
    ],
)
def test_frames_stamped_alike_follow_each_other(tmp_path: Path, stamps: list[int], times: list[int]) -> None:
    """They come at the usual rate, or closer where the next stamp is near; frames that have their own keep it."""
    path = write_stamped(tmp_path / "alike.mkv", stamps)

    assert times_of(path) == pytest.approx(times)


def test_stamps_that_hardly_differ_are_alike(tmp_path: Path) -> None:
    """Frames 3 microseconds apart share the time until the next."""
    path = write_stamped(tmp_path / "close.mp4", [0, 3, 20_000, 40_000, 60_000], clock=MICROSECOND)

    assert times_of(path) == pytest.approx([0, 10, 20, 40, 60], abs=0.01)


def test_cameras_of_a_thousand_frames_per_second_keep_their_times(tmp_path: Path) -> None:
    """A millisecond is a time of its own."""
    path = write_stamped(tmp_path / "fast.mp4", [0, 1, 2, 3, 5], rate=1000)

    assert times_of(path) == pytest.approx([0, 1, 2, 3, 5])


def test_last_frame_is_held_as_long_as_the_file_says(tmp_path: Path) -> None:
    """A still picture at the end lasts six seconds, and nothing is missing."""
    path = write_stamped(tmp_path / "held.mp4", [0, 40, 80, 120, 160], last=6000)

    with VideoReader(path) as reader:
        frames = list(reader)

    assert [frame.duration for frame in frames] == pytest.approx([0.04, 0.04, 0.04, 0.04, 6.0])
    assert reader.error is None


@pytest.mark.parametrize(
    ("name", "stamps", "clock"),
    [
        ("alike.mkv", [*range(80, 441, 40), 440, *range(480, 641, 40)], MILLISECOND),
        ("close.mp4", [0, 40_000, 80_000, 80_003, 120_000, 160_000], MICROSECOND),
    ],
)
def test_video_with_frames_stamped_alike_is_annotated(
    analyzer: VideoAnalyzer, tmp_path: Path, name: str, stamps: list[int], clock: Fraction
) -> None:
    """Every frame is in the file, at the time that the results have."""
    source = write_stamped(tmp_path / name, stamps, clock=clock)

    analyze_video(source, analyzer, annotated=tmp_path / "annotated.mp4")

    times = [1000 * time for time in read_video(tmp_path / "annotated.mp4")[0]]
    assert times == pytest.approx(times_of(source), abs=0.02)


def test_annotated_frames_are_at_least_a_tick_apart(tmp_path: Path) -> None:
    """Times that round to one tick of 1/60,000 s are written a tick apart, and later frames keep theirs."""
    source = write_stamped(tmp_path / "plain.mp4", [0, 40])
    pixels = np.zeros((240, 320, 3), np.uint8)

    with VideoReader(source) as reader:
        output = AnnotatedVideo(tmp_path / "annotated.mp4", reader)
        for index, time in enumerate([0.0, 1e-7, 2e-7, 0.04]):
            output.write(VideoFrame(index, time, 0.0, pixels), FrameResult(index, time, 0.0), [])
        output.finish([])
        output.move()

    times = read_video(tmp_path / "annotated.mp4")[0]
    assert [round(time * 60_000) for time in times] == [0, 1, 2, 2400]
