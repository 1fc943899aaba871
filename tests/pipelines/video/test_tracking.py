"""Who is who: numbers of faces from frame to frame."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer_zoo.pipelines.video.tracking import FaceTracker, TrackUpdate, interpolate_face
from fer_zoo.results import Box, Face


def at(left: float, score: float = 0.9) -> Face:
    """Return a face of 40 by 40 pixels."""
    return Face(Box(left, 10, left + 40, 50), score)


def test_face_that_is_found_twice_has_a_track_from_the_first_time_on() -> None:
    """The second frame tells the number of the face in the first."""
    tracker = FaceTracker(25.0)

    updates = [tracker.update(0.0, [at(10)]), tracker.update(0.04, [at(12)]), tracker.update(0.08, [at(14)])]

    assert updates == [TrackUpdate((None,), {}), TrackUpdate((1,), {0: 1}), TrackUpdate((1,), {})]


def test_late_number_goes_to_the_face_that_began_the_track() -> None:
    """Of two new faces only the right one is found again, whatever their order."""
    tracker = FaceTracker(25.0)
    tracker.update(0.0, [at(10), at(200)])

    update = tracker.update(0.04, [at(202)])

    assert update == TrackUpdate((1,), {1: 1})


def test_two_faces_keep_their_numbers_when_their_order_changes() -> None:
    """The detector gives the surest face first, which may be another in each frame."""
    tracker = FaceTracker(25.0)
    tracker.update(0.0, [at(10), at(200)])
    tracker.update(0.04, [at(12), at(202)])

    update = tracker.update(0.08, [at(204), at(14)])

    assert update.track_ids == (2, 1)


def test_face_that_is_missed_for_a_moment_keeps_its_number() -> None:
    """Half a second later it is the same, two seconds later it is another."""
    tracker = FaceTracker(25.0, lost_after=1.0)
    for i in range(5):
        tracker.update(i / 25, [at(10)])

    soon = tracker.update(0.7, [at(10)])
    for i in range(18, 67):
        tracker.update(i / 25, [])
    tracker.update(2.7, [at(10)])
    late = tracker.update(2.74, [at(10)])

    assert soon.track_ids == (1,)
    assert late.track_ids == (2,)


def test_patience_may_have_no_end() -> None:
    """A face that comes back after an hour, where it was, keeps its number."""
    tracker = FaceTracker(25.0, lost_after=math.inf)
    for i in range(5):
        tracker.update(i / 25, [at(10)])

    late = tracker.update(3600.0, [at(10)])

    assert late.track_ids == (1,)


def test_time_counts_and_not_the_number_of_frames() -> None:
    """At one frame a second, a face that moves by half its width each time is still the same."""
    tracker = FaceTracker(1.0, lost_after=1.0)

    updates = [tracker.update(float(i), [at(10 + 20 * i)]) for i in range(4)]

    assert [update.track_ids for update in updates] == [(None,), (1,), (1,), (1,)]


@pytest.mark.parametrize(("detect_every", "apart"), [(1, 1.1), (5, 1.2), (5, 30.0)])
def test_face_has_a_track_however_rarely_it_is_looked_at(detect_every: int, apart: float) -> None:
    """A camera of 30 frames per second on a machine that manages a look in more than a second; one look misses it."""
    tracker = FaceTracker(30.0, detect_every=detect_every, lost_after=1.0)

    updates = [tracker.update(i * apart, [] if i == 3 else [at(10)]) for i in range(6)]

    assert [update.track_ids for update in updates] == [(None,), (1,), (1,), (), (1,), (1,)]


def test_unsure_face_continues_a_track_and_begins_none() -> None:
    """A score of 0.4 is enough for a face that was there."""
    tracker = FaceTracker(25.0)
    tracker.update(0.0, [at(10)])
    tracker.update(0.04, [at(10)])

    updates = [tracker.update(time, [at(10, 0.4), at(200, 0.4)]) for time in (0.08, 0.12)]

    assert [update.track_ids for update in updates] == [(1, None), (1, None)]


def test_frames_without_a_face() -> None:
    """They give nothing, at the beginning and later."""
    tracker = FaceTracker(25.0)

    updates = [tracker.update(0.0, []), tracker.update(0.04, [at(10)]), tracker.update(0.08, [])]

    assert updates == [TrackUpdate((), {}), TrackUpdate((None,), {}), TrackUpdate((), {})]


def test_face_between_two_sightings_moves_evenly() -> None:
    """A quarter of the time is a quarter of the way, for the box and for the landmarks."""
    points = ((0.0, 0.0), (4.0, 0.0), (2.0, 2.0), (0.0, 4.0), (4.0, 4.0))
    later = tuple((x + 8.0, y + 4.0) for x, y in points)
    before = Face(Box(0, 0, 40, 40), 0.9, points)
    after = Face(Box(8, 4, 56, 44), 0.7, later)  # type: ignore[arg-type]  # five points

    face = interpolate_face(before, after, 0.25)

    assert face.box == Box(2, 1, 44, 41)
    assert np.array(face.landmarks).tolist() == [[2, 1], [6, 1], [4, 3], [2, 5], [6, 5]]
    assert face.score == 0.7


def test_face_without_landmarks_at_one_end_has_none_between() -> None:
    """Half of five points cannot be guessed."""
    points = ((0.0, 0.0), (4.0, 0.0), (2.0, 2.0), (0.0, 4.0), (4.0, 4.0))

    assert interpolate_face(Face(Box(0, 0, 4, 4), 0.9, points), at(0), 0.5).landmarks is None
