"""From the labels of frames to times: ``track 2: happiness 00:12.4-00:17.1``."""

from __future__ import annotations

from dataclasses import dataclass

from fer_zoo.pipelines.video.smoothing import TINY
from fer_zoo.video_results import FrameResult, Segment, TrackedFace


@dataclass(slots=True)
class _Open:
    """A segment that may go on.

    Attributes:
        label: its expression.
        start: in seconds.
        end: of the last frame so far, in seconds.
        area: sum of the scores, each times the seconds that its frame is shown.
        seconds: in which the face was seen; without gaps.
    """

    label: str
    start: float
    end: float
    area: float = 0.0
    seconds: float = 0.0

    def close(self, track_id: int) -> Segment:
        """Return the segment as it is."""
        seen = min(self.seconds, self.end - self.start)  # the last frame may last into the next segment
        return Segment(track_id, self.label, self.start, self.end, self.area / self.seconds, seen)


class SegmentBuilder:
    """Joins frames in which a track has the same label; it holds only the segments that may go on.

    Args:
        max_gap: seconds without the face that a segment spans.
    """

    def __init__(self, max_gap: float) -> None:
        self._max_gap = max_gap
        self._open: dict[int, _Open] = {}

    def update(self, result: FrameResult) -> list[Segment]:
        """Take the next frame and return the segments that have ended."""
        closed = self._close_before(result.time)
        for face in result.faces:
            if face.track_id is not None:
                closed += self._add(face, face.track_id, result)
        return closed

    def finish(self) -> list[Segment]:
        """Return the segments that are left at the end of the video."""
        closed = [segment.close(track_id) for track_id, segment in self._open.items()]
        self._open.clear()
        return sorted(closed, key=lambda segment: (segment.start, segment.track_id))

    def _add(self, face: TrackedFace, track_id: int, result: FrameResult) -> list[Segment]:
        """Add a face to the segment of its track; a new label ends that and begins another."""
        closed = []
        segment = self._open.get(track_id)
        if segment is not None and segment.label != face.label:
            segment.end = min(segment.end, result.time)
            closed.append(segment.close(track_id))
            segment = None
        if segment is None:
            segment = self._open[track_id] = _Open(face.label, result.time, result.time)
        segment.end = result.time + result.duration
        seconds = max(result.duration, TINY)  # the mean of frames that are all shown for no time is one too
        segment.area += face.score * seconds
        segment.seconds += seconds
        return closed

    def _close_before(self, time: float) -> list[Segment]:
        """Close the segments of tracks that were not seen for too long."""
        gone = [track_id for track_id, segment in self._open.items() if time - segment.end > self._max_gap + TINY]
        return [self._open.pop(track_id).close(track_id) for track_id in gone]


__all__ = ["SegmentBuilder"]
