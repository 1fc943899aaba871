"""The frames of a video, decoded in a thread ahead of the work on them.

Memory stays the same for any length: the thread waits when a few frames are ready. A camera does not wait, so of its
frames the oldest is dropped then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import VideoReadError
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.pipelines.video.source import (
    VideoSource,
    check_frame_size,
    describe_video,
    find_moving_picture,
    find_sound,
    open_container,
    reason_of,
)

AHEAD: Final = 4  # frames that are ready at most
POLL: Final = 0.1  # seconds after which a wait looks whether it was called off
USUAL_RATE: Final = 25.0  # frames per second of a video that does not say
ALIKE: Final = 2 / 90_000  # seconds; time stamps closer than two ticks of the usual clock say nothing
MOST_ALIKE: Final = 4  # frames that wait at most for a time stamp unlike theirs
MISSING: Final = 0.5  # seconds that may be missing at the end: headers are rounded, and last frames may be left out


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a video.

    Attributes:
        index: number of the frame, from 0.
        time: when it is shown, in seconds from the first frame.
        duration: how long it is shown, in seconds.
        image: RGB, ``(H, W, 3)``, upright.
    """

    index: int
    time: float
    duration: float
    image: NDArray[np.uint8]


class VideoReader:
    """Iterates over the frames of a video, once; use it in a ``with`` statement.

    Frames are turned upright as the file asks, stretched where its pixels are not square, and timed by their own time
    stamps; those that are stamped alike follow each other at the usual rate, or closer where the next stamp is near.
    Damaged frames are left out.

    Attributes:
        source: what errors and results call the video.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        frame_rate: frames per second on average, as the file announces it.
        duration: in seconds as the file announces it, or ``None``.
        is_camera: whether it is a camera, which waits for nobody.
        sound: the stream of the sound, or ``None`` without one whose codec is known.
        first_time: time stamp of the first frame in the file, in seconds.

    Args:
        source: a path, a URL, or the number of a camera.
        timeout: seconds to wait for a URL, each time.
        with_sound: whether to keep the packets of the sound for :meth:`take_sound`.
        stop: once this is set there are no more frames.
        max_pixels: largest accepted frame, in pixels, as it is shown; the video ends before one that is larger.
        container: what FFmpeg calls the format of the file, such as ``mov``; by default it guesses, and then a
            playlist may name other files.

    Raises:
        VideoNotFoundError: if there is no such file or camera, or the URL cannot be reached.
        VideoReadError: if it is no video, has no frame or only damaged ones.
        InvalidOptionError: if an option is out of its range.
        MissingPackageError: if PyAV is not installed.
    """

    def __init__(
        self,
        source: VideoSource,
        *,
        timeout: float = 10.0,
        with_sound: bool = False,
        stop: Event | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        container: str | None = None,
    ) -> None:
        self.source = describe_video(source)
        self._max_pixels = max_pixels
        self._errors = import_extra("av.error").FFmpegError
        self._container = open_container(source, timeout=timeout, max_pixels=max_pixels, container=container)
        self._video = find_moving_picture(self._container)
        self._video.thread_type = "AUTO"
        self.sound = find_sound(self._container) if with_sound else None
        self.frame_rate = float(self._video.average_rate or self._video.guessed_rate or USUAL_RATE)
        self.duration = _announced_duration(self._container, self._video)
        self.first_time = 0.0
        self.is_camera = isinstance(source, int)
        self._problems: list[str] = []  # those of the end
        self._num_damaged = 0  # frames until now, in the thread
        self._error: str | None = None
        self._packets: deque[Any] = deque()
        self._queue: Queue[tuple[VideoFrame | None, str | None]] = Queue(AHEAD)  # with the error until there
        self._stop, self._closed = stop or Event(), Event()
        self._thread = Thread(target=self._work, name="video", daemon=True)
        self._thread.start()
        try:
            self._first = self._begin()
        except BaseException:  # Ctrl-C too: nobody else can close it
            self.close()
            raise
        self.height, self.width = self._first.image.shape[:2]

    def __enter__(self) -> VideoReader:
        """Return the reader."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the video."""
        self.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield the frames; the first, which is there already, even if all was stopped."""
        yield self._first
        while (frame := self._take()) is not None:
            yield frame

    @property
    def error(self) -> str | None:
        """What could not be read of the part whose frames were taken, or ``None``.

        Only after the last frame it tells whether the video is cut short.
        """
        return self._error

    def take_sound(self) -> list[Any]:
        """Return the packets of the sound that came up since the last call, in their order."""
        packets = []
        while self._packets:
            packets.append(self._packets.popleft())
        return packets

    def close(self) -> None:
        """Stop the thread and close the video; doing it again changes nothing."""
        self._closed.set()
        self._thread.join()
        self._container.close()

    def _begin(self) -> VideoFrame:
        """Return the first frame."""
        first = self._take()
        if first is None:
            reason = self.error or ("it was stopped" if self._stop.is_set() else "it has no frame")
            raise VideoReadError(self.source, reason)
        return first

    def _take(self) -> VideoFrame | None:
        """Return the next frame as soon as it is there; ``None`` at the end."""
        while not self._stop.is_set():
            try:
                frame, self._error = self._queue.get(timeout=POLL)
            except Empty:
                continue
            return frame
        return None

    def _work(self) -> None:
        """Decode the video; the body of the thread."""
        try:
            for frame in self._timed_frames():
                self._put(frame)
                if self._closed.is_set():
                    return
        except VideoReadError as error:  # a frame that is too large
            self._problems.append(error.reason)
        except (self._errors, OSError, ValueError, MemoryError) as error:
            self._problems.append(f"reading ended early ({reason_of(error)})")
        self._put(None)

    def _put(self, frame: VideoFrame | None) -> None:
        """Hand a frame over, as soon as there is room for it; ``None`` for the end."""
        error = self._describe_problems()
        while not self._closed.is_set():
            try:
                self._queue.put((frame, error), timeout=0.0 if self.is_camera else POLL)
            except Full:
                if self.is_camera:
                    with suppress(Empty):  # it may have been taken just now
                        self._queue.get_nowait()
                continue
            return

    def _timed_frames(self) -> Iterator[VideoFrame]:
        """Yield frames, each held back until the time of the next is known."""
        held: list[Any] = []  # more than one where some cameras and old containers stamp frames alike
        index, start = 0, 0.0
        for decoded in self._decoded_frames():
            if not held:
                self.first_time = decoded.time or 0.0
            end = start + len(held) / self.frame_rate
            time = end if decoded.time is None else decoded.time - self.first_time
            if time - start < ALIKE:
                if len(held) < MOST_ALIKE:
                    held.append(decoded)
                    continue
                time = end
            yield from self._spread(held, index, start, time)
            index, start, held = index + len(held), time, [decoded]
        if held:
            end = start + (len(held) - 1) / self.frame_rate + self._own_duration(held[-1])
            yield from self._spread(held, index, start, end)
            self._note_missing_end(end)

    def _own_duration(self, decoded: Any) -> float:
        """Return how long the last frame is shown, in seconds: as the file says, or else as frames are on average."""
        stated = float(decoded.duration * decoded.time_base) if decoded.duration and decoded.time_base else 0.0
        return stated if stated > ALIKE else 1 / self.frame_rate

    def _spread(self, held: list[Any], index: int, start: float, end: float) -> Iterator[VideoFrame]:
        """Yield the frames that share a time stamp, from its time to that of the next, the first with its number."""
        step = min(1 / self.frame_rate, (end - start) / len(held))
        times = [*(start + number * step for number in range(len(held))), end]
        for number, (decoded, (time, until)) in enumerate(zip(held, pairwise(times), strict=True), start=index):
            yield VideoFrame(number, time, until - time, self._upright(decoded))

    def _decoded_frames(self) -> Iterator[Any]:
        """Yield what FFmpeg decodes, keep the sound, and pass over what is damaged."""
        for packet in self._container.demux([stream for stream in (self._video, self.sound) if stream is not None]):
            if packet.stream is self.sound:
                if packet.size:
                    self._packets.append(packet)
                continue
            try:
                frames = packet.decode()
            except self._errors:
                self._num_damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._num_damaged += 1
                else:
                    yield frame

    def _upright(self, frame: Any) -> NDArray[np.uint8]:
        """Return the pixels as they are to be shown, ``(H, W, 3)``."""
        aspect = self._video.sample_aspect_ratio
        width = check_frame_size(frame.width, frame.height, aspect, self.source, self._max_pixels)
        pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
        quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as NumPy turns
        return np.ascontiguousarray(np.rot90(pixels, quarter_turns)) if quarter_turns else pixels

    def _note_missing_end(self, end: float) -> None:
        """Notice when the frames end before the time that the file announces."""
        if self.duration is not None and self.duration - end > MISSING + 1 / self.frame_rate:
            self._problems.append(f"the frames end after {end:.1f} s of {self.duration:.1f} s")

    def _describe_problems(self) -> str | None:
        """Return what could not be read."""
        damaged = f"{self._num_damaged} {'frame is' if self._num_damaged == 1 else 'frames are'} damaged"
        problems = [damaged, *self._problems] if self._num_damaged else self._problems
        return "; ".join(problems) or None


def _announced_duration(container: Any, video: Any) -> float | None:
    """Return the length of the moving picture in seconds, if the file says it."""
    if video.duration:
        return float(video.duration * video.time_base)
    if not container.duration or container.streams.audio:  # with sound, it may be that of the sound
        return None
    length = container.duration / 1_000_000
    if "matroska" in container.format.name and video.start_time:  # it says when it ends, by its own clock
        length -= float(video.start_time * video.time_base)
    return float(length) if length > 0 else None


__all__ = ["VideoFrame", "VideoReader"]
