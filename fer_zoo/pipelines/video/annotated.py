"""The video again, with its faces marked and its sound kept."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fer_zoo.errors import ArgumentTypeError, InvalidOptionError
from fer_zoo.imaging import annotate
from fer_zoo.pipelines.video.outputs import PartialFile, check_suffix
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.pipelines.video.source import reason_of
from fer_zoo.results import FaceExpression, ImageResult
from fer_zoo.video_results import FrameResult, Segment, TrackedFace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fer_zoo.pipelines.video.reader import VideoFrame, VideoReader

VIDEO_SUFFIXES: Final = (".mp4", ".m4v", ".mov")
ENCODERS: Final = ("libx264", "libopenh264", "mpeg4")  # the first that FFmpeg was built with
CLOCK: Final = Fraction(1, 60_000)  # seconds; fine enough for any frame rate, and MPEG-4 counts to 65,535 a second
COPIED: Final = frozenset({"aac", "ac3", "alac", "eac3", "mp3"})  # sound that players expect in MP4; else made to AAC
AAC_RATES: Final = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)  # samples per second
EARLY: Final = -0.5  # seconds; sound that begins this little before the picture is kept
APART: Final = Fraction(1, 1000)  # seconds; packets of sound last longer, and MP4 takes no two at one time


class AnnotatedVideo:
    """Writes frames with their faces marked, at their own times, and the sound of the video.

    Frames that change their size on the way are scaled to that of the first. The sound is copied as it is, or made to
    AAC where MP4 does not take it. What of it has a time stamp that goes back is left out.

    Args:
        path: the file, in MP4.
        reader: where the frames come from, opened with its sound.

    Raises:
        InvalidOptionError: if the ending is not one of MP4, or the file cannot be written.
        MissingPackageError: if PyAV is not installed.
    """

    def __init__(self, path: Path, reader: VideoReader) -> None:
        check_suffix("annotated", path, VIDEO_SUFFIXES)
        self._av, self._reader = import_extra("av"), reader
        self._file = PartialFile("annotated", path)
        self._num_frames, self._last_tick = 0, -1
        self._last_sound: Fraction | None = None  # seconds
        try:
            self._container = self._av.open(f"file:{self._file.path}", "w", format="mp4")
            self._video = self._add_video()
            self._sound = None if reader.sound is None else self._add_sound(reader.sound)
        except BaseException:
            self._file.remove()
            raise

    def write(self, frame: VideoFrame | None, result: FrameResult, ended: list[Segment]) -> None:
        """Write a frame, and the sound that came up until now."""
        if frame is None:
            return
        height, width = (side - side % 2 or side for side in frame.image.shape[:2])  # cut, not scaled by a pixel
        marked = mark_faces(frame.image, result)[:height, :width]
        picture = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(marked), format="rgb24")
        picture = picture.reformat(width=self._video.width, height=self._video.height, format="yuv420p")
        self._last_tick = max(round(frame.time / CLOCK), self._last_tick + 1)  # MP4 takes no two frames at one time
        picture.pts, picture.time_base = self._last_tick, CLOCK
        self._mux(self._encode(self._video, picture))
        self._num_frames += 1
        self._write_sound()

    def finish(self, ended: list[Segment]) -> None:
        """Write what the encoders still hold, and the index; without a frame there is no file."""
        if not self._num_frames:
            self.discard()
            return
        self._write_sound()
        self._mux(self._encode(self._video, None))
        if self._sound is not None and self._is_encoded:
            for frame in [*self._resampler.resample(None), None]:
                self._mux_sound(self._encode(self._sound, frame))
        try:
            self._container.close()
        except (self._av.error.FFmpegError, OSError) as error:
            raise self._refusal(error) from error

    def move(self) -> None:
        """Put the file in its place, if there is one."""
        if self._num_frames:
            self._file.move()

    def discard(self) -> None:
        """Leave nothing behind."""
        try:
            self._container.close()
        except (self._av.error.FFmpegError, OSError, ValueError):
            pass  # the disk is full, or nothing was written yet: the file goes anyway
        finally:
            self._file.remove()

    def _add_video(self) -> Any:
        """Add the stream of the pictures."""
        encoder = next(name for name in ENCODERS if name in self._av.codecs_available)
        rate = Fraction(self._reader.frame_rate).limit_denominator(1001)
        stream = self._container.add_stream(encoder, rate=rate)
        stream.width, stream.height = (max(2, side - side % 2) for side in (self._reader.width, self._reader.height))
        stream.pix_fmt = "yuv420p"  # halves the colours' size, so sides are even
        stream.codec_context.time_base = CLOCK
        return stream

    def _add_sound(self, source: Any) -> Any:
        """Add the stream of the sound, copied if MP4 takes it."""
        self._is_encoded = source.codec_context.name not in COPIED
        if self._is_encoded:
            rate = source.rate if source.rate in AAC_RATES else AAC_RATES[0]
            layout = "mono" if source.codec_context.channels == 1 else "stereo"
            self._form: tuple[str, str, int] | None = None  # of the last sound
            self._resampler = self._av.AudioResampler("fltp", layout, rate)
            return self._container.add_stream("aac", rate=rate, layout=layout)
        return self._container.add_stream_from_template(source)

    def _write_sound(self) -> None:
        """Write the packets of the sound that the reader has come upon."""
        for packet in self._reader.take_sound():
            if self._is_encoded:
                self._encode_sound(packet)
            elif packet.pts is not None and float(packet.pts * packet.time_base) - self._reader.first_time >= EARLY:
                packet.pts -= round(self._reader.first_time / packet.time_base)
                packet.dts = packet.pts  # sound is not reordered, and what FFmpeg guesses may lie later
                packet.stream = self._sound
                self._mux_sound([packet])

    def _encode_sound(self, packet: Any) -> None:
        """Make the sound of a packet to AAC; a damaged one is left out."""
        frames: list[Any] = []
        with suppress(self._av.error.FFmpegError):
            for frame in packet.decode():
                if frame.pts is not None:
                    frame.pts -= round(self._reader.first_time / frame.time_base)
                if frame.pts is None or frame.pts >= 0:
                    frames += self._resample(frame)
        for frame in frames:
            self._mux_sound(self._encode(self._sound, frame))

    def _resample(self, frame: Any) -> list[Any]:
        """Return sound in the one form that the encoder takes; its own may change on the way, such as to stereo."""
        rest, form = [], (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            old = self._resampler
            rest, self._form = old.resample(None), form
            self._resampler = self._av.AudioResampler(old.format, old.layout, old.rate)
        return [*rest, *self._resampler.resample(frame)]

    def _encode(self, stream: Any, frame: Any) -> Any:
        """Return the packets of a picture or some sound, or with ``None`` of what the encoder still holds."""
        try:
            return stream.encode(frame)
        except self._av.error.FFmpegError as error:
            size = f"{self._reader.width} x {self._reader.height}"
            expected = (
                f"a video that can be encoded, and the frames of this one have {size} pixels ({reason_of(error)})"
            )
            raise InvalidOptionError("annotated", str(self._file.place), expected) from error

    def _mux_sound(self, packets: list[Any]) -> None:
        """Write packets of the sound, without those that have no time stamp or one that does not go on."""
        for packet in packets:
            time = None if packet.dts is None else packet.dts * packet.time_base
            if time is not None and (self._last_sound is None or time >= self._last_sound + APART):
                self._last_sound = time
                self._mux(packet)

    def _mux(self, packets: Any) -> None:
        """Write packets."""
        try:
            self._container.mux(packets)
        except (self._av.error.FFmpegError, OSError) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> InvalidOptionError:
        """Return the error for a file that cannot be written."""
        expected = f"a place that can be written to ({reason_of(error)})"
        return InvalidOptionError("annotated", str(self._file.place), expected)


def mark_faces(image: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
    """Draw a box around every face, with its track, its label and its smoothed score.

    Args:
        image: RGB, ``(H, W, 3)``; it is not changed.
        result: the faces of that frame.

    Returns:
        a new picture of the same shape.

    Raises:
        ArgumentTypeError: if it is no result of a frame, or the image is no such array.
    """
    expected = "a FrameResult, as a VideoAnalyzer gives it; for an ImageResult there is fer_zoo.imaging.annotate"
    ArgumentTypeError.check("result", result, FrameResult, expected)
    names = [None if face.track_id is None else f"{face.track_id}:" for face in result.faces]
    faces = tuple(_as_drawn(face) for face in result.faces)
    return annotate(image, ImageResult("", faces=faces), names=names)


def _as_drawn(face: TrackedFace) -> FaceExpression:
    """Return a face whose best score is that of its label."""
    others = tuple(pair for pair in face.smoothed if pair[0] != face.label)
    return FaceExpression(face.expression.face, ((face.label, face.score), *others), face.expression.is_uncertain)


__all__ = ["VIDEO_SUFFIXES", "AnnotatedVideo", "mark_faces"]
