"""The sound of annotated videos where its time stamps go back, or nobody knows its codec."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from face_videos import ground, read_video, sound_packets, write_video

from fer_zoo.pipelines.video import VideoReader
from fer_zoo.pipelines.video.annotated import AnnotatedVideo
from fer_zoo.video_results import FrameResult


def annotate(source: Path, place: Path) -> Path:
    """Write a video again without looking for faces."""
    with VideoReader(source, with_sound=True) as reader:
        output = AnnotatedVideo(place, reader)
        for frame in reader:
            output.write(frame, FrameResult(frame.index, frame.time, frame.duration), [])
        output.finish([])
        output.move()
    return place


def sound_times(path: Path) -> list[float]:
    """Return the times of the packets of a file's sound, in seconds."""
    with av.open(str(path)) as container:
        return [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.pts is not None]


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_sound_that_begins_anew_is_left_out(tmp_path: Path, codec: str) -> None:
    """Of two recordings joined byte by byte all frames are written, and the sound of the first, copied or encoded."""
    single = write_video(tmp_path / "single.ts", [ground()] * 25, sound=codec)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(single.read_bytes() * 2)

    annotated = annotate(joined, tmp_path / "annotated.mp4")

    expected = sound_times(annotate(single, tmp_path / "expected.mp4"))
    times = sound_times(annotated)
    assert len(read_video(annotated)[0]) == 50
    assert times[: len(expected) - 1] == pytest.approx(expected[:-1])
    assert len(times) - len(expected) in {0, 1}  # an encoder fills up its last block
    assert all(after > before for before, after in pairwise(times))


@pytest.mark.parametrize(("rate", "layout"), [(16_000, "stereo"), (24_000, "mono"), (22_050, "stereo")])
def test_sound_that_changes_on_the_way_is_encoded(tmp_path: Path, rate: int, layout: str) -> None:
    """A second of mono at 16,000 samples per second, and one of another kind, as broadcasts have: none is missing."""
    first = as_broadcast(tmp_path / "first", 0, rate=16_000, layout="mono")
    second = as_broadcast(tmp_path / "second", 1000, rate=rate, layout=layout)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())

    annotated = annotate(joined, tmp_path / "annotated.mp4")

    times = sound_times(annotated)
    assert len(read_video(annotated)[0]) == 50
    assert all(0 < after - before < 0.1 for before, after in pairwise(times))
    assert times[-1] == pytest.approx(2, abs=0.15)
    with av.open(str(annotated)) as container:
        loudness = [np.abs(frame.to_ndarray()).max() for frame in container.decode(audio=0)]
    assert min(loudness[2:-2]) > 0.1


def as_broadcast(place: Path, first_time: int, *, rate: int, layout: str) -> Path:
    """Write a second of video as an MPEG transport stream, with a tone in MP2 of any kind; times in milliseconds."""
    plain = write_video(place.with_suffix(".mkv"), [ground()] * 25, sound="pcm_s16le", first_time=first_time)
    path = place.with_suffix(".ts")
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        sound: Any = target.add_stream("mp2", rate=rate, layout=layout)
        for packet in source.demux():
            if packet.stream.type == "audio":
                for frame in packet.decode():
                    target.mux(sound.encode(frame))
            elif packet.size:
                packet.stream = video
                target.mux(packet)
        target.mux(sound.encode(None))
    return path


def test_block_of_sound_that_is_stamped_early_is_left_out(tmp_path: Path) -> None:
    """All other blocks are copied."""
    path = write_video(tmp_path / "early.mkv", [ground()] * 25, sound="aac")
    packets = sound_packets(path)
    stamp_early(path, 8)

    annotated = annotate(path, tmp_path / "annotated.mp4")

    assert sound_packets(annotated) == packets[:8] + packets[9:]


def stamp_early(path: Path, number: int) -> None:
    """Give a block of the sound, in Matroska, the time stamp of the third of its cluster."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        content = bytearray(path.read_bytes())
        begins = [content.index(bytes(packet), packet.pos) for packet in (packets[2], packets[number])]
    third, late = (begin - 3 for begin in begins)  # two bytes of time and one of flags
    content[late : late + 2] = content[third : third + 2]
    path.write_bytes(content)


def test_sound_of_an_unknown_codec_is_left_out(tmp_path: Path) -> None:
    """The frames are written without it."""
    path = write_video(tmp_path / "unknown.mov", [ground()] * 5, sound="pcm_s16le")
    path.write_bytes(path.read_bytes().replace(b"sowt", b"qqqq"))

    annotated = annotate(path, tmp_path / "annotated.mp4")

    with av.open(str(annotated)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert len(read_video(annotated)[0]) == 5
