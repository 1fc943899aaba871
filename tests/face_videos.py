"""Small videos that the tests make themselves: public-domain faces moved over a grey ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
HEIGHT, WIDTH = 240, 320
CLOCK = Fraction(1, 1000)  # seconds; time stamps of the videos are in milliseconds
SOUND_RATE = 16_000  # samples per second


def face(side: int = 96, *, mirrored: bool = False) -> Picture:
    """Return the face of NASA's portrait of an astronaut in a square of so many pixels."""
    crop = Image.fromarray(skimage.data.astronaut()[10:210, 130:330]).resize((side, side))
    pixels = np.array(crop)
    return pixels[:, ::-1] if mirrored else pixels


def ground(*faces: tuple[Picture, int, int]) -> Picture:
    """Return a grey frame ``(240, 320, 3)`` with pictures pasted in: pixels, left, top."""
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for pixels, left, top in faces:
        height, width = pixels.shape[:2]
        frame[top : top + height, left : left + width] = pixels
    return frame


def moving_face(num_frames: int, *, step: int = 4) -> list[Picture]:
    """Return frames in which a face moves to the right by so many pixels each."""
    pixels = face()
    return [ground((pixels, 20 + step * i, 60)) for i in range(num_frames)]


def write_video(
    path: Path,
    frames: Sequence[Picture],
    *,
    times: Iterable[int] | None = None,
    rotation: int = 0,
    sound: str | None = None,
    first_time: int = 0,
    pixel_aspect: int = 1,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: the file; its ending chooses the container.
        frames: RGB, all of one size.
        times: of the frames, in milliseconds; 40 apart by default.
        rotation: degrees counter-clockwise by which players turn it.
        sound: codec of a tone as long as the picture, or ``None`` for none.
        first_time: added to all times, in milliseconds.
        pixel_aspect: how many times as wide as high players show a pixel.
        options: of the container.
    """
    stamps = [first_time + time for time in (times or range(0, 40 * len(frames), 40))]
    with av.open(str(path), "w", options=options or {}) as container:
        video: Any = container.add_stream("libx264", rate=25, options={"g": "5", "bf": "0"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = CLOCK
        video.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
        if rotation:
            video.set_display_rotation(rotation)
        tone: Any = None if sound is None else container.add_stream(sound, rate=SOUND_RATE, layout="mono")
        for pixels, stamp in zip(frames, stamps, strict=True):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = stamp, CLOCK
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if tone is not None:
            _write_tone(container, tone, stamps[0], stamps[-1] + 40)
    return path


def write_sound(path: Path) -> Path:
    """Write a second of sound without any picture."""
    with av.open(str(path), "w") as container:
        _write_tone(container, container.add_stream("aac", rate=SOUND_RATE, layout="mono"), 0, 1000)
    return path


def read_video(path: Path) -> tuple[list[float], list[Picture]]:
    """Return the times in seconds and the pictures of a video, decoded by PyAV alone."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    pictures = [frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False) for frame in frames]
    return [float(frame.time or 0) for frame in frames], pictures


def sound_packets(path: Path) -> list[bytes]:
    """Return the content of the packets of a file's sound."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def _write_tone(container: Any, stream: Any, start: int, end: int) -> None:
    """Write 440 hertz from one time to another, in milliseconds."""
    samples = np.arange(start * SOUND_RATE // 1000, end * SOUND_RATE // 1000)
    wave = (8000 * np.sin(2 * np.pi * 440 * samples / SOUND_RATE)).astype(np.int16)
    for begin in range(0, len(wave), 1024):
        block = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024], format="s16", layout="mono")
        block.sample_rate = SOUND_RATE
        block.pts, block.time_base = int(samples[0]) + begin, Fraction(1, SOUND_RATE)
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))


__all__ = [
    "HEIGHT",
    "WIDTH",
    "Picture",
    "face",
    "ground",
    "moving_face",
    "read_video",
    "sound_packets",
    "write_sound",
    "write_video",
]
