"""Which streams of a file are read, and up to which size."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from face_videos import SOUND_RATE
from PIL import Image

from fer_zoo.errors import VideoReadError
from fer_zoo.pipelines.video import VideoReader


def write_song_with_cover(path: Path) -> Path:
    """Write a second of silence as MP3, with a picture in its tag (ID3 version 2.3)."""
    song, cover = BytesIO(), BytesIO()
    with av.open(song, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream: Any = container.add_stream("mp3", rate=SOUND_RATE, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, SOUND_RATE), np.int16), format="s16", layout="mono")
        silence.sample_rate = SOUND_RATE
        container.mux([*stream.encode(silence), *stream.encode(None)])
    Image.new("RGB", (64, 64)).save(cover, "JPEG")
    content = b"\0image/jpeg\0\x03\0" + cover.getvalue()
    frame = b"APIC" + len(content).to_bytes(4) + b"\0\0" + content
    sevens = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))  # seven bits a byte
    path.write_bytes(b"ID3\x03\0\0" + sevens + frame + song.getvalue())
    return path


def test_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    """The error is that of sound alone."""
    with pytest.raises(VideoReadError, match="it has audio and no video"):
        VideoReader(write_song_with_cover(tmp_path / "song.mp3"))


@pytest.mark.parametrize("max_pixels", [2_000_000_000, math.inf])
def test_limit_of_pixels_may_be_above_that_of_ffmpeg(clip: Path, max_pixels: int) -> None:
    """FFmpeg's own limit is a number of 32 bits."""
    with VideoReader(clip, max_pixels=max_pixels) as reader:
        assert len(list(reader)) == 12
        assert reader.error is None
