"""Videos that are damaged, cut short or nonsense are read as far as they go, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from face_videos import write_video
from fuzzing import cases, damaged
from hypothesis import given

from fer_zoo.errors import VideoReadError
from fer_zoo.pipelines.video import VideoReader


@pytest.mark.parametrize("ending", [".mp4", ".avi", ".mkv"])
def test_damaged_video_is_read_or_refused(ending: str, count: Callable[[], None], tmp_path: Path) -> None:
    """Bytes that were a video give RGB frames at rising times, or an error with the reason, and nothing else."""
    frames = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(6)]
    seed = write_video(tmp_path / f"seed{ending}", frames).read_bytes()
    place = tmp_path / f"damaged{ending}"

    @cases(share=0.5)
    @given(damaged([seed]))
    def check(content: bytes) -> None:
        count()
        place.write_bytes(content)
        try:
            with VideoReader(place) as reader:
                times = []
                for frame in reader:
                    assert frame.image.dtype == np.uint8
                    assert frame.image.shape[2] == 3
                    times.append(frame.time)
        except VideoReadError as error:
            assert str(place) in str(error)
        else:
            assert times
            assert times == sorted(times)

    check()
