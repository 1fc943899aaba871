"""From frames to segments, and what their times look like."""

from __future__ import annotations

import pytest

from fer_zoo.pipelines.video.segments import SegmentBuilder
from fer_zoo.results import Box, Face, FaceExpression
from fer_zoo.video_results import FrameResult, Segment, TrackedFace, VideoSummary, format_time

FACE = Face(Box(0, 0, 10, 10), 0.9)


def tracked(track_id: int | None, label: str, score: float) -> TrackedFace:
    """Return a face with a label of a probability."""
    scores = ((label, score), ("other", 1 - score))
    return TrackedFace(FaceExpression(FACE, scores), scores, label, track_id)


def build(*frames: tuple[float, float, list[TrackedFace]], max_gap: float = 0.5) -> list[Segment]:
    """Return the segments of frames: time, duration, faces."""
    builder = SegmentBuilder(max_gap)
    closed = []
    for index, (time, duration, faces) in enumerate(frames):
        closed += builder.update(FrameResult(index, time, duration, tuple(faces)))
    return closed + builder.finish()


def test_frames_of_one_label_are_one_segment() -> None:
    """It begins with the first frame, ends when the last is over, and its score is the mean over time."""
    segments = build((0, 0.5, [tracked(1, "fear", 0.6)]), (0.5, 1.5, [tracked(1, "fear", 0.8)]))

    (segment,) = segments
    assert (segment.track_id, segment.label, segment.start, segment.end) == (1, "fear", 0, 2)
    assert segment.score == pytest.approx((0.6 * 0.5 + 0.8 * 1.5) / 2)


def test_new_label_ends_a_segment_and_begins_another() -> None:
    """The two meet at the time of the frame that changed."""
    segments = build((0, 1, [tracked(1, "fear", 0.6)]), (1, 1, [tracked(1, "anger", 0.7)]))

    assert [(part.label, part.start, part.end) for part in segments] == [("fear", 0, 1), ("anger", 1, 2)]


def test_short_gap_is_spanned_and_a_long_one_is_not() -> None:
    """0.5 s without the face belong to the segment but not to its mean; 0.6 s end it."""
    near = build((0, 0.1, [tracked(1, "fear", 0.6)]), (0.6, 0.1, [tracked(1, "fear", 0.8)]))
    far = build((0, 0.1, [tracked(1, "fear", 0.6)]), (0.7, 0.1, [tracked(1, "fear", 0.8)]))

    (spanned,) = near
    assert (spanned.start, spanned.end, spanned.score) == pytest.approx((0, 0.7, 0.7))
    assert [number for part in far for number in (part.start, part.end)] == pytest.approx([0, 0.1, 0.7, 0.8])


def test_gaps_are_not_time_in_which_the_face_was_seen() -> None:
    """Three looks of 0.04 s make a segment of 1.04 s, of which the face was seen for 0.12 s."""
    segments = build(*((time, 0.04, [tracked(1, "happiness", 0.8)]) for time in (0.0, 0.5, 1.0)))

    (segment,) = segments
    ((_, seconds),) = VideoSummary("a.mp4", 320, 240, 3, 3, 1.04, tuple(segments)).tracks[0].seconds
    assert (segment.duration, segment.seen, seconds) == pytest.approx((1.04, 0.12, 0.12))
    assert segment.to_dict()["seen"] == segment.seen


def test_face_is_not_seen_for_longer_than_its_segment() -> None:
    """Where a frame lasts into the next, which has another label, the time up to that counts."""
    first, second = build((0, 0.9, [tracked(1, "fear", 0.6)]), (0.5, 0.5, [tracked(1, "anger", 0.7)]))

    assert (first.duration, first.seen) == (0.5, 0.5)
    assert (second.duration, second.seen) == (0.5, 0.5)


def test_frames_that_are_shown_for_no_time_have_a_mean_too() -> None:
    """A face that is in no other frame makes a segment without a length, with its score."""
    (segment,) = build((2, 0, [tracked(1, "fear", 0.75)]), (2, 0, [tracked(1, "fear", 0.25)]))

    assert (segment.start, segment.end, segment.seen, segment.score) == (2, 2, 0, 0.5)


def test_track_that_leaves_ends_while_the_video_goes_on() -> None:
    """Nothing is held of a face that is gone."""
    builder = SegmentBuilder(0.5)
    builder.update(FrameResult(0, 0, 0.1, (tracked(1, "fear", 0.6),)))

    ended = builder.update(FrameResult(1, 1.0, 0.1))

    assert [(part.track_id, part.end) for part in ended] == [(1, 0.1)]
    assert builder.finish() == []


def test_tracks_have_segments_of_their_own_and_faces_without_a_track_none() -> None:
    """Two faces at one time are two segments."""
    segments = build((0, 1, [tracked(2, "fear", 0.6), tracked(1, "anger", 0.6), tracked(None, "sadness", 0.6)]))

    assert [(part.track_id, part.label) for part in segments] == [(1, "anger"), (2, "fear")]


def test_segment_reads_as_people_say_it() -> None:
    """Minutes, seconds and tenths; the end is not that of the last frame's beginning."""
    assert str(Segment(2, "happiness", 12.4, 17.13, 0.9)) == "track 2: happiness 00:12.4-00:17.1"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "00:00.0"), (59.97, "01:00.0"), (3599.9, "59:59.9"), (3612.4, "1:00:12.4")]
)
def test_times_for_reading(seconds: float, shown: str) -> None:
    """Tenths carry over into minutes, and hours appear when there are some."""
    assert format_time(seconds) == shown


def test_summary_adds_up_the_time_of_each_expression() -> None:
    """Track 1: 3 s of fear in two parts and 1 s of anger, seen from 0 to 6 s."""
    parts = Segment(1, "fear", 0, 1, 0.5), Segment(1, "anger", 1, 2, 0.5), Segment(1, "fear", 4, 6, 0.5)

    (track,) = VideoSummary("a.mp4", 320, 240, 150, 100, 6.0, parts).tracks

    assert (track.track_id, track.start, track.end) == (1, 0, 6)
    assert track.seconds == (("fear", 3), ("anger", 1))


def test_summary_takes_a_segment_that_does_not_say_for_seen_throughout() -> None:
    """Of 3 s of anger the face was seen for 1 s, and for all of the 2 s of fear: fear comes first."""
    parts = Segment(1, "anger", 0, 3, 0.5, seen=1), Segment(1, "fear", 3, 5, 0.5)

    (track,) = VideoSummary("a.mp4", 320, 240, 150, 100, 5.0, parts).tracks

    assert track.seconds == (("fear", 2), ("anger", 1))
