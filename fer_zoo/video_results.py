"""What comes out of a video: frozen results that wrap those of pictures.

Times are seconds from the first frame of the video; frames need not come at one rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_zoo.results import FaceExpression


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face in one frame, with what was seen of the same face before.

    Attributes:
        expression: the face with its scores in this frame alone.
        smoothed: every class with its smoothed probability, in the order of the model's classes.
        label: the expression of the track now. It changes only when another has been ahead long enough, so it may
            differ from the highest smoothed score.
        track_id: number of the track, from 1; ``None`` if the face was found once only and belongs to no track.
        is_detected: whether the detector found it in this frame; else its place was interpolated.
    """

    expression: FaceExpression
    smoothed: tuple[tuple[str, float], ...]
    label: str
    track_id: int | None = None
    is_detected: bool = True

    @property
    def score(self) -> float:
        """The smoothed probability of the label, in [0, 1]."""
        return dict(self.smoothed)[self.label]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values: those of the face in this frame stand below ``raw``."""
        raw = self.expression.to_dict()
        place = {key: raw.pop(key) for key in ("box", "landmarks", "face_score")}
        return {
            "track": self.track_id,
            "label": self.label,
            "score": self.score,
            "detected": self.is_detected,
            **place,
            "smoothed": dict(self.smoothed),
            "raw": raw,
        }


@dataclass(frozen=True, slots=True)
class FrameResult:
    """All faces of one frame, or, as the last of a damaged video, the reason why no more or not all could be read.

    Attributes:
        index: number of the frame, from 0.
        time: when it is shown, in seconds from the first frame.
        duration: how long it is shown, in seconds.
        faces: one entry a face, in the detector's order; empty if there is none.
        error: what could not be read, or ``None``.
    """

    index: int
    time: float
    duration: float
    faces: tuple[TrackedFace, ...] = ()
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "frame": self.index,
            "time": self.time,
            "duration": self.duration,
            "faces": [face.to_dict() for face in self.faces],
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Segment:
    """A time in which a track shows one expression.

    Attributes:
        track_id: number of the track, from 1.
        label: the expression.
        start: in seconds from the first frame.
        end: in seconds from the first frame; when the last frame of it is over.
        score: mean of the label's smoothed probability over the time in which the face was seen, in [0, 1].
        seen: seconds of it in which the face was seen, without the gaps that it spans; ``None`` for all of it.
    """

    track_id: int
    label: str
    start: float
    end: float
    score: float
    seen: float | None = None

    @property
    def duration(self) -> float:
        """Length in seconds, with the gaps."""
        return self.end - self.start

    def __str__(self) -> str:
        """Return the segment for reading: ``track 2: happiness 00:12.4-00:17.1``."""
        return f"track {self.track_id}: {self.label} {format_time(self.start)}-{format_time(self.end)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "track": self.track_id,
            "label": self.label,
            "start": self.start,
            "end": self.end,
            "duration": self.duration,
            "score": self.score,
            "seen": self.duration if self.seen is None else self.seen,
        }


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """What one face showed over the whole video.

    Attributes:
        track_id: number of the track, from 1.
        start: when it was first seen, in seconds.
        end: when it was last seen, in seconds.
        seconds: how long it showed each expression, longest first; the gaps in which it was not seen do not count.
    """

    track_id: int
    start: float
    end: float
    seconds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """The figures of one video.

    Attributes:
        source: the video by a name its user would recognise.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        num_frames: how many frames were analysed.
        num_frames_with_face: how many of them have a face.
        duration: of what was analysed, in seconds.
        segments: by their start.
        error: what of the video could not be read, or ``None``.
        is_interrupted: whether the analysis was stopped before the end.
    """

    source: str
    width: int
    height: int
    num_frames: int
    num_frames_with_face: int
    duration: float
    segments: tuple[Segment, ...] = ()
    error: str | None = None
    is_interrupted: bool = False

    @property
    def tracks(self) -> tuple[TrackSummary, ...]:
        """One entry for each track, by its number."""
        by_track: dict[int, list[Segment]] = {}
        for segment in self.segments:
            by_track.setdefault(segment.track_id, []).append(segment)
        return tuple(_summarize_track(track_id, by_track[track_id]) for track_id in sorted(by_track))

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "video": self.source,
            "width": self.width,
            "height": self.height,
            "num_frames": self.num_frames,
            "num_frames_with_face": self.num_frames_with_face,
            "duration": self.duration,
            "tracks": [
                {"track": track.track_id, "start": track.start, "end": track.end, "seconds": dict(track.seconds)}
                for track in self.tracks
            ],
            "segments": [segment.to_dict() for segment in self.segments],
            "error": self.error,
            "interrupted": self.is_interrupted,
        }


def format_time(seconds: float) -> str:
    """Return a time for reading, to the tenth of a second: ``00:12.4``, from an hour on ``1:00:12.4``.

    Args:
        seconds: at least 0.
    """
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{clock}" if hours else clock


def _summarize_track(track_id: int, segments: list[Segment]) -> TrackSummary:
    """Add up the segments of one track."""
    seconds: dict[str, float] = {}
    for segment in segments:
        seen = segment.duration if segment.seen is None else segment.seen
        seconds[segment.label] = seconds.get(segment.label, 0.0) + seen
    longest_first = tuple(sorted(seconds.items(), key=lambda item: -item[1]))
    start, end = min(segment.start for segment in segments), max(segment.end for segment in segments)
    return TrackSummary(track_id, start, end, longest_first)


__all__ = ["FrameResult", "Segment", "TrackSummary", "TrackedFace", "VideoSummary", "format_time"]
