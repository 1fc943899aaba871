"""Who is who: faces of successive frames joined into tracks.

ByteTrack: Y. Zhang et al., "ByteTrack: Multi-object tracking by associating every detection box", ECCV 2022 (arXiv
2110.06864), as the package ``trackers`` implements it. Its Kalman filter runs on the time stamps of the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.results import Box, Face

SURE: Final = 0.6  # detector's score from which a face begins a track; one below can only continue one (Section 3.1)
PATIENT_FOR: Final = 2.5  # looks; a track must outlive one missed detection, however rare they are


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What one more frame told.

    Attributes:
        track_ids: the track of each face, from 1; ``None`` for a face that is not known to belong to one.
        late_ids: tracks of faces of the frame before that are known only now, by the positions of the faces there.
    """

    track_ids: tuple[int | None, ...]
    late_ids: dict[int, int]


class FaceTracker:
    """Numbers faces. A track begins when a face is found in two frames in a row.

    Args:
        frame_rate: frames per second of the video.
        detect_every: every which frame is looked at.
        lost_after: seconds without the face after which its track has ended, but at least 2.5 times the time
            between two looks.

    Raises:
        MissingPackageError: if ``trackers`` is not installed.
    """

    def __init__(self, frame_rate: float, *, detect_every: int = 1, lost_after: float = 1.0) -> None:
        self._patience = max(lost_after, PATIENT_FOR * detect_every / frame_rate)  # seconds
        self._time: float | None = None  # of the frame before, in seconds
        self._tracker = import_extra("trackers").ByteTrackTracker(
            frame_rate=frame_rate,
            track_activation_threshold=SURE,
            high_conf_det_threshold=SURE,
        )
        self._detections = import_extra("supervision").Detections
        self._begun: dict[int, tuple[Any, int]] = {}  # tracks without a number: the object and its face's position

    def update(self, time: float, faces: Sequence[Face]) -> TrackUpdate:
        """Take the faces of the next frame.

        Args:
            time: of the frame, in seconds; above that of the frame before.
            faces: those that were found.
        """
        boxes = np.array([_corners(face.box) for face in faces], np.float32).reshape(-1, 4)
        scores = np.array([face.score for face in faces], np.float32)
        known = {id(track): track for track in self._tracker.tracks}
        positions = np.arange(len(faces))
        detections = self._detections(xyxy=boxes, confidence=scores, data={"position": positions})
        # Looks are rarer than announced where a camera is faster than the machine, or a picture stands still.
        since = 0.0 if self._time is None else time - self._time
        self._tracker.maximum_time_without_update = max(self._patience, PATIENT_FOR * since)
        self._time = time
        found = self._tracker.update(detections, timestamp=time)
        track_ids: list[int | None] = [None] * len(faces)
        for position, number in zip(found.data.get("position", ()), found.tracker_id, strict=False):
            if number >= 0:
                track_ids[int(position)] = int(number) + 1
        late_ids = {
            position: int(track.tracker_id) + 1 for track, position in self._begun.values() if track.tracker_id >= 0
        }
        self._begun = {
            id(track): (track, _position_of(track, boxes)) for track in self._tracker.tracks if id(track) not in known
        }
        return TrackUpdate(tuple(track_ids), late_ids)


def interpolate_face(before: Face, after: Face, fraction: float) -> Face:
    """Return the face between two sightings, moving evenly.

    Args:
        before: the earlier sighting.
        after: the later one.
        fraction: of the time between them that has passed, in [0, 1].

    Returns:
        a face with the lower of the two scores; without landmarks if one of them has none.
    """
    pairs = zip(_corners(before.box), _corners(after.box), strict=True)
    box = Box(*(start + fraction * (end - start) for start, end in pairs))
    landmarks = None
    if before.landmarks is not None and after.landmarks is not None:
        points = np.array(before.landmarks) * (1 - fraction) + np.array(after.landmarks) * fraction
        landmarks = tuple((float(x), float(y)) for x, y in points)
    return Face(box, min(before.score, after.score), landmarks)  # type: ignore[arg-type]  # five points in, five out


def _corners(box: Box) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom."""
    return box.left, box.top, box.right, box.bottom


def _position_of(track: Any, boxes: np.ndarray) -> int:
    """Return the position of the face that began a track: its box is still that of the face."""
    return int(np.abs(boxes - track.get_state_bbox()).sum(axis=1).argmin())


__all__ = ["FaceTracker", "TrackUpdate", "interpolate_face"]
