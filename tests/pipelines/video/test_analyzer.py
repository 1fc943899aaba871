"""Faces of whole videos, with the embedded detector and model."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from bright_faces import photograph
from face_videos import face, ground, moving_face, write_video

from fer_zoo import FaceExpressionPipeline
from fer_zoo.errors import InvalidOptionError, MissingPackageError, VideoNotFoundError
from fer_zoo.pipelines.video import VideoAnalyzer, VideoFrame, VideoReader
from fer_zoo.pipelines.video.segments import SegmentBuilder
from fer_zoo.video_results import FrameResult


def left_edges(results: list[FrameResult]) -> list[float]:
    """Return the left edge of the only face of each frame."""
    return [result.faces[0].expression.face.box.left for result in results]


def test_moving_face_is_one_track_with_one_label(clip_results: list[FrameResult]) -> None:
    """Every frame has the face, under one number, and it smiles."""
    results = clip_results

    assert [result.index for result in results] == list(range(12))
    assert [[(face.track_id, face.label) for face in result.faces] for result in results] == [[(1, "happiness")]] * 12
    assert all(result.faces[0].is_detected for result in results)
    edges = left_edges(results)
    assert edges[-1] - edges[0] == pytest.approx(4 * 11, abs=3)  # 4 pixels a frame


def test_frame_has_the_answer_of_the_pipeline(
    analyzer: VideoAnalyzer, embedded_pipeline: FaceExpressionPipeline, clip: Path
) -> None:
    """What is not smoothed is what the pipeline says of the picture."""
    with VideoReader(clip) as reader:
        (frame, result), *_ = list(analyzer.analyze_frames(reader))

    expected = embedded_pipeline.analyze(frame.image).faces[0]
    found = result.faces[0].expression
    assert found.face == expected.face
    assert dict(found.scores) == pytest.approx(dict(expected.scores), abs=1e-5)


def test_faces_between_two_looks_are_placed_and_classified(
    embedded_pipeline: FaceExpressionPipeline, clip_results: list[FrameResult], clip: Path
) -> None:
    """With a look at every fifth frame, and at the last, all frames have the face within two pixels."""
    results = list(VideoAnalyzer(embedded_pipeline, detect_every=5).stream(clip))

    looked = [result.index for result in results if result.faces[0].is_detected]
    assert looked == [0, 5, 10, 11]
    assert left_edges(results) == pytest.approx(left_edges(clip_results), abs=2)
    assert {result.faces[0].label for result in results} == {"happiness"}
    assert [result.faces[0].track_id for result in results] == [1] * 12


@pytest.mark.parametrize("num_frames", [1, 100])
def test_results_do_not_depend_on_how_many_frames_are_worked_on_together(
    embedded_pipeline: FaceExpressionPipeline, clip_results: list[FrameResult], clip: Path, num_frames: int
) -> None:
    """One by one or all at once: the same faces, numbers and labels."""
    results = list(VideoAnalyzer(embedded_pipeline, num_frames=num_frames).stream(clip))

    expected = clip_results
    assert [[(f.track_id, f.label) for f in r.faces] for r in results] == [
        [(f.track_id, f.label) for f in r.faces] for r in expected
    ]
    assert left_edges(results) == pytest.approx(left_edges(expected), abs=0.01)


def test_two_faces_are_two_tracks(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """Two faces that move towards each other keep their numbers."""
    one, other = face(), face(72, mirrored=True)
    frames = [ground((one, 10 + 4 * i, 100), (other, 240 - 4 * i, 20)) for i in range(8)]

    results = list(analyzer.stream(write_video(tmp_path / "two.mp4", frames)))

    by_track: dict[int | None, list[float]] = {}
    for result in results:
        for found in result.faces:
            by_track.setdefault(found.track_id, []).append(found.expression.face.box.left)
    assert sorted(by_track, key=str) == [1, 2]
    assert [len(edges) for edges in by_track.values()] == [8, 8]
    moves = sorted(edges[-1] - edges[0] for edges in by_track.values())
    assert moves == pytest.approx([-28, 28], abs=4)


def test_face_in_a_single_frame_has_no_track(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """It is a result all the same; the frames without it have none."""
    frames = [ground(), ground(), ground((face(), 100, 60)), ground(), ground()]

    results = list(analyzer.stream(write_video(tmp_path / "flash.mp4", frames)))

    assert [[found.track_id for found in result.faces] for result in results] == [[], [], [None], [], []]
    assert results[2].faces[0].label == "happiness"


def test_video_without_a_face(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """No face is a result: a row for each frame."""
    results = list(analyzer.stream(write_video(tmp_path / "nobody.mp4", [ground()] * 5)))

    assert [(result.index, result.faces, result.error) for result in results] == [(i, (), None) for i in range(5)]


def test_rotated_video_has_its_face(embedded_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """A phone that was held upright records lying frames; the face is found in upright ones."""
    lying = [frame[::-1].transpose(1, 0, 2) for frame in moving_face(3)]  # turned clockwise

    results = list(VideoAnalyzer(embedded_pipeline).stream(write_video(tmp_path / "phone.mp4", lying, rotation=90)))

    assert [[found.label for found in result.faces] for result in results] == [["happiness"]] * 3
    assert left_edges(results)[0] == pytest.approx(20 + 96 * 0.26, abs=6)  # where it is in the upright picture


def test_broken_end_is_a_result_with_the_reason(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """After the last frame that can be read comes one more result without faces."""
    whole = write_video(tmp_path / "whole.mp4", moving_face(40, step=2), options={"movflags": "faststart"})
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 3])

    *results, last = list(analyzer.stream(cut))

    assert len(results) >= 5
    assert all(result.error is None for result in results)
    assert last.error is not None
    assert "the frames end after" in last.error
    assert (last.index, last.faces, last.duration) == (len(results), (), 0)
    assert last.time == pytest.approx(results[-1].time + results[-1].duration)


@pytest.mark.parametrize("apart", [0.1, 0.7])
def test_frames_of_a_camera_last_until_the_next_that_is_there(
    bright_pipeline: FaceExpressionPipeline, apart: float
) -> None:
    """It gives 30 frames per second and the machine takes fewer: the seconds of the expression add up all the same."""
    picture = photograph((10, 10, 30, 40))
    frames = [VideoFrame(round(30 * apart * i), apart * i, 1 / 30, picture) for i in range(10)]
    analyzer, builder = VideoAnalyzer(bright_pipeline), SegmentBuilder(0.5)

    results = [result for _, result in analyzer.analyze_frames(frames, frame_rate=30.0, is_live=True)]

    ended = [segment for result in results for segment in builder.update(result)]
    (segment,) = [*ended, *builder.finish()]
    assert [result.duration for result in results] == pytest.approx([apart] * 9 + [1 / 30])
    assert (segment.start, segment.end) == pytest.approx((0, 9 * apart + 1 / 30))
    assert segment.seen == pytest.approx(segment.duration)


@pytest.mark.parametrize("package", ["trackers", "supervision"])
def test_missing_package_is_told_before_a_video_is_opened(
    bright_pipeline: FaceExpressionPipeline, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingPackageError, match=rf"{package}.*pip install 'fer-zoo\[video\]'"):
        VideoAnalyzer(bright_pipeline)


def test_closed_stream_leaves_no_thread(analyzer: VideoAnalyzer, clip: Path) -> None:
    """Also if not one result was taken."""
    results = analyzer.stream(clip)

    results.close()

    assert not [thread for thread in threading.enumerate() if thread.name == "video"]


def test_missing_video_is_told_at_once(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """The error does not wait for the first result to be taken."""
    with pytest.raises(VideoNotFoundError):
        analyzer.stream(tmp_path / "missing.mp4")


def test_uncertain_faces_are_marked_and_unsure_ones_left_out(
    embedded_pipeline: FaceExpressionPipeline, clip: Path
) -> None:
    """The options of the analyser go before those of the pipeline."""
    with VideoReader(clip) as reader:
        frames = list(reader)[:2]
    uncertain = [result for _, result in VideoAnalyzer(embedded_pipeline, min_confidence=1.0).analyze_frames(frames)]
    none = [result for _, result in VideoAnalyzer(embedded_pipeline, threshold=1.0).analyze_frames(frames)]

    assert all(result.faces[0].expression.is_uncertain for result in uncertain)
    assert not any(result.faces for result in none)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("detect_every", 0),
        ("num_frames", 0),
        ("batch_size", 0),
        ("lost_after", -1.0),
        ("threshold", 1.5),
        ("min_confidence", -0.5),
    ],
)
def test_options_out_of_range_are_refused(embedded_pipeline: FaceExpressionPipeline, option: str, value: float) -> None:
    """The error names the option."""
    with pytest.raises(InvalidOptionError, match=option):
        VideoAnalyzer(embedded_pipeline, **{option: value})  # type: ignore[arg-type]  # one of several types
