"""What is written of a video, and that it is whole or not there."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from threading import Event
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from face_videos import ground, moving_face, read_video, sound_packets, write_video
from PIL import Image

from fer_zoo.errors import InvalidOptionError, VideoReadError
from fer_zoo.pipelines.video import VideoAnalyzer, VideoReader, analyze_video, draw_timeline
from fer_zoo.pipelines.video.annotated import AnnotatedVideo
from fer_zoo.pipelines.video.tables import FrameTable, SegmentTable
from fer_zoo.video_results import FrameResult, Segment


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table of any format, as texts for CSV."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return list(pq.read_table(path).to_pylist())


@pytest.fixture
def leaving(tmp_path: Path) -> Path:
    """Return a video of 10 frames: a smiling face in the first six, then nobody."""
    return write_video(tmp_path / "leaving.mp4", [*moving_face(6), *[ground()] * 4])


def test_summary_of_a_video(analyzer: VideoAnalyzer, leaving: Path) -> None:
    """Ten frames, six of them with the face; one track, which is one segment."""
    summary = analyze_video(leaving, analyzer)

    assert (summary.source, summary.width, summary.height) == (str(leaving), 320, 240)
    assert (summary.num_frames, summary.num_frames_with_face) == (10, 6)
    assert summary.duration == pytest.approx(0.4)
    assert (summary.error, summary.is_interrupted) == (None, False)
    (segment,) = summary.segments
    assert (segment.track_id, segment.label, segment.start) == (1, "happiness", 0)
    assert segment.end == pytest.approx(0.24)
    assert segment.score > 0.9
    assert summary.to_dict()["tracks"] == [
        {"track": 1, "start": 0, "end": segment.end, "seconds": {"happiness": pytest.approx(segment.end)}}
    ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables_have_a_row_for_each_face_and_each_frame_without(
    analyzer: VideoAnalyzer, clip_results: list[FrameResult], tmp_path: Path, suffix: str
) -> None:
    """Every format tells the same as the results, and their folder is made."""
    path = tmp_path / "new" / f"frames{suffix}"
    results = [*clip_results, FrameResult(12, 0.48, 0.04), FrameResult(13, 0.52, 0.0, error="cut off")]
    table = FrameTable(path, analyzer.labels)

    for result in results:
        table.write(None, result, [])
    table.finish([])
    table.move()

    rows = rows_of(path)
    assert [int(row["frame"]) for row in rows] == list(range(14))
    assert [row["label"] or None for row in rows] == ["happiness"] * 12 + [None] * 2
    assert [row["error"] or None for row in rows] == [None] * 13 + ["cut off"]
    assert [float(row["time"]) for row in rows] == [result.time for result in results]
    for row, result in zip(rows[:12], results, strict=False):
        (found,) = result.faces
        assert float(row["score"]) == found.score
        assert float(row["xmin"]) == found.expression.face.box.left
        assert float(row["raw_happiness"]) == dict(found.expression.scores)["happiness"]
        assert sum(float(row[f"smoothed_{label}"]) for label in analyzer.labels) == pytest.approx(1)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_segments_are_rows_in_the_order_of_their_ends(tmp_path: Path, suffix: str) -> None:
    """Those that end with the video come last."""
    path = tmp_path / f"segments{suffix}"
    first, last = Segment(2, "fear", 1.0, 2.5, 0.5), Segment(1, "anger", 0.0, 4.0, 0.75)
    table = SegmentTable(path)

    table.write(None, FrameResult(9, 3.0, 1.0), [first])
    table.finish([last])
    table.move()

    rows = rows_of(path)
    assert [(int(row["track"]), row["label"], float(row["duration"]), float(row["score"])) for row in rows] == [
        (2, "fear", 1.5, 0.5),
        (1, "anger", 4.0, 0.75),
    ]


def test_parquet_has_the_same_types_with_and_without_a_face(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """So that tables of many videos can be read as one."""
    table = FrameTable(tmp_path / "none.parquet", analyzer.labels)
    table.write(None, FrameResult(0, 0.0, 0.04), [])
    table.finish([])
    table.move()

    schema = pq.read_schema(tmp_path / "none.parquet")

    assert {name: str(schema.field(name).type) for name in ("frame", "track", "label", "detected", "raw_fear")} == {
        "frame": "int64",
        "track": "int32",
        "label": "string",
        "detected": "bool",
        "raw_fear": "double",
    }


def test_annotated_video_keeps_times_and_sound(analyzer: VideoAnalyzer, clip: Path, tmp_path: Path) -> None:
    """The sound is the same, packet by packet; a yellow box is around the face."""
    path = tmp_path / "annotated.mp4"

    analyze_video(clip, analyzer, annotated=path)

    times, pictures = read_video(path)
    assert times == pytest.approx(read_video(clip)[0], abs=1e-3)
    assert pictures[0].shape == (240, 320, 3)
    assert sound_packets(path) == sound_packets(clip)
    yellow = (pictures[5][..., 2].astype(int) < 130) & (pictures[5][..., :2].min(axis=2) > 190)
    assert yellow.sum() > 300  # the box, and the label on its ground


def test_annotated_video_keeps_a_variable_frame_rate(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """Frames are shown when they were."""
    source = write_video(tmp_path / "phone.mp4", moving_face(5), times=[0, 20, 120, 130, 430])

    analyze_video(source, analyzer, annotated=tmp_path / "annotated.mp4")

    assert read_video(tmp_path / "annotated.mp4")[0] == pytest.approx([0, 0.02, 0.12, 0.13, 0.43], abs=1e-3)


def test_sound_that_mp4_does_not_take_is_made_to_aac(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """A tone in PCM comes out as a tone of the same length and loudness."""
    source = write_video(tmp_path / "pcm.mkv", moving_face(8), sound="pcm_s16le")

    analyze_video(source, analyzer, annotated=tmp_path / "annotated.mp4")

    with av.open(str(tmp_path / "annotated.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert len(sound) / 16_000 == pytest.approx(8 * 0.04, abs=0.15)
    assert np.abs(sound).max() == pytest.approx(8000 / 32768, rel=0.2)


def test_timeline_shows_expressions_in_their_colours(analyzer: VideoAnalyzer, leaving: Path, tmp_path: Path) -> None:
    """Yellow, the colour of happiness, fills the first 60 % of the line."""
    path = tmp_path / "timeline.png"

    analyze_video(leaving, analyzer, timeline=path)

    with Image.open(path) as picture:
        pixels = np.array(picture.convert("RGB")).astype(int)
    yellow = (np.abs(pixels - (0xF0, 0xE4, 0x42)).max(axis=2) < 8)[: pixels.shape[0], : int(pixels.shape[1] * 0.8)]
    columns = np.nonzero(yellow.any(axis=0))[0]
    assert columns.max() - columns.min() == pytest.approx(0.6 * _axes_width(pixels), rel=0.05)


def _axes_width(pixels: Any) -> int:
    """Return the width of the frame around the bars: the longest black line."""
    dark = pixels.max(axis=2) < 60
    row = int(dark.sum(axis=1).argmax())
    columns = np.nonzero(dark[row])[0]
    return int(columns.max() - columns.min())


def test_timeline_shows_the_tracks_that_were_seen_longest() -> None:
    """Of 40 tracks 30 have a line; without any there is a word instead."""
    segments = [Segment(number, "fear", 0, number, 0.5) for number in range(1, 41)]

    axes = draw_timeline(segments, 40.0).axes[0]
    empty = draw_timeline([], 1.0).axes[0]

    assert [text.get_text() for text in axes.get_yticklabels()] == [f"track {number}" for number in range(11, 41)]
    assert [text.get_text() for text in empty.texts] == ["no face"]


def test_timeline_of_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    """Its bytes are written as escapes."""
    figure = draw_timeline([], 1.0, title="caf\udce9.mp4")

    figure.savefig(tmp_path / "timeline.png")

    assert figure.axes[0].get_title(loc="left") == r"caf\udce9.mp4"


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_tables_take_errors_with_names_that_are_no_text(ending: str, tmp_path: Path) -> None:
    """They are escaped, as in the tables of pictures."""
    table = FrameTable(tmp_path / f"frames{ending}", ["fear"])

    table.write(None, FrameResult(1, 0.5, 0.0, error="caf\udce9.mp4 is truncated"), [])
    table.finish([])
    table.move()

    assert rb"caf\udce9.mp4" in (tmp_path / f"frames{ending}").read_bytes().replace(rb"\\", b"\\")


def test_names_of_columns_and_fields_with_line_ends_stay_whole(tmp_path: Path) -> None:
    """A carriage return is within quotation marks, and lines end with a line feed alone."""
    table = FrameTable(tmp_path / "frames.csv", ["fear"])

    table.write(None, FrameResult(1, 0.5, 0.0, error="a\rb"), [])
    table.finish([])
    table.move()

    header, row = (tmp_path / "frames.csv").read_bytes().split(b"\n")[:2]
    assert header.endswith(b",raw_fear,error")
    assert row == b'1,0.5,0.0,,,,,,,,,,,,,"a\rb"'


def test_frames_that_cannot_be_encoded_are_an_error_of_this_package(tmp_path: Path) -> None:
    """H.264 has no frames as wide as this, which the error says; nothing stays behind."""
    path, place = tmp_path / "wide.mjpeg", tmp_path / "out" / "marked.mp4"
    Image.new("RGB", (17_000, 16)).save(path, "JPEG")

    with VideoReader(path) as reader:
        output = AnnotatedVideo(place, reader)
        with pytest.raises(InvalidOptionError, match=r"annotated: expected a video that can be encoded, .*17000 x 16"):
            output.write(next(iter(reader)), FrameResult(0, 0.0, 0.04), [])
        output.discard()

    assert list(place.parent.iterdir()) == []


def test_folder_with_a_colon_is_no_protocol(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video is written to a path relative to here, whatever FFmpeg would take it for."""
    monkeypatch.chdir(tmp_path)

    with VideoReader(clip) as reader:
        output = AnnotatedVideo(Path("a:b/marked.mp4"), reader)
        output.write(next(iter(reader)), FrameResult(0, 0.0, 0.04), [])
        output.finish([])
        output.move()

    assert len(read_video(tmp_path / "a:b" / "marked.mp4")[0]) == 1


def test_stop_leaves_whole_files_with_what_was_done(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """Stopped in the middle, the summary says so, and all files can be read."""
    source = write_video(tmp_path / "long.mp4", moving_face(40, step=2), sound="aac")
    stop = Event()
    places: dict[str, Any] = {
        "frames": tmp_path / "out" / "frames.parquet",
        "segments": tmp_path / "out" / "segments.csv",
        "annotated": tmp_path / "out" / "annotated.mp4",
        "timeline": tmp_path / "out" / "timeline.png",
    }

    summary = analyze_video(source, analyzer, stop=stop, on_result=lambda result: stop.set(), **places)

    assert summary.is_interrupted
    assert 1 <= summary.num_frames < 40
    assert len(rows_of(places["frames"])) == summary.num_frames
    assert len(rows_of(places["segments"])) == 1
    assert len(read_video(places["annotated"])[0]) == summary.num_frames
    with Image.open(places["timeline"]) as picture:
        assert picture.size[0] == 1200
    assert sorted(places["frames"].parent.iterdir()) == sorted(places.values())


def test_keyboard_interrupt_leaves_whole_files_and_is_raised_again(
    analyzer: VideoAnalyzer, clip: Path, tmp_path: Path
) -> None:
    """Ctrl-C in a program of one's own loses nothing."""

    def interrupt(result: FrameResult | Segment) -> None:
        if isinstance(result, FrameResult) and result.index == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze_video(clip, analyzer, frames=tmp_path / "frames.csv", annotated=tmp_path / "a.mp4", on_result=interrupt)

    assert len(rows_of(tmp_path / "frames.csv")) == 6
    assert len(read_video(tmp_path / "a.mp4")[0]) == 6
    assert len(list(tmp_path.iterdir())) == 2


def test_error_leaves_nothing(analyzer: VideoAnalyzer, clip: Path, tmp_path: Path) -> None:
    """No half file and no temporary one."""

    def fail(result: FrameResult | Segment) -> None:
        raise LookupError

    places: dict[str, Any] = {
        "frames": tmp_path / "frames.parquet",
        "segments": tmp_path / "segments.jsonl",
        "annotated": tmp_path / "annotated.mp4",
        "timeline": tmp_path / "timeline.svg",
    }
    with pytest.raises(LookupError):
        analyze_video(clip, analyzer, on_result=fail, **places)

    assert list(tmp_path.iterdir()) == []


def test_broken_end_is_in_the_table_and_in_the_summary(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """What was read is written, and the last row has the reason."""
    whole = write_video(tmp_path / "whole.mp4", moving_face(40, step=2), options={"movflags": "faststart"})
    content = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) - (len(content) - content.index(b"mdat")) * 2 // 3])

    summary = analyze_video(tmp_path / "cut.mp4", analyzer, frames=tmp_path / "frames.csv")

    rows = rows_of(tmp_path / "frames.csv")
    assert summary.error is not None
    assert "the frames end after" in summary.error
    assert [row["error"] for row in rows] == [""] * summary.num_frames + [summary.error]


def test_only_the_first_seconds(analyzer: VideoAnalyzer, clip: Path) -> None:
    """Frames that begin at 0.2 s or later are left: 0, 40, 80, 120 and 160 ms are not."""
    assert analyze_video(clip, analyzer, max_seconds=0.2).num_frames == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": "frames.xlsx"}, "frames: expected a file with one of .csv, .jsonl, .parquet"),
        ({"segments": "segments"}, "segments: expected a file with one of"),
        ({"annotated": "a.avi"}, "annotated: expected a file with one of .mp4"),
        ({"timeline": "a.txt"}, "timeline: expected a file with one of .png"),
        ({"frames": "a.csv", "segments": "a.csv"}, "a file of its own"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"frames": "folder.csv"}, "a file, this is a folder"),
        ({"frames": "clip.txt/frames.csv"}, "a place that can be written to"),
    ],
)
def test_wrong_options_are_refused_and_leave_nothing(
    analyzer: VideoAnalyzer,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    """Before the first frame is looked at."""
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    Path("clip.txt").touch()

    with pytest.raises(InvalidOptionError, match=message):
        analyze_video(clip, analyzer, **options)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.txt", "folder.csv"]


def test_video_is_not_written_over_itself(analyzer: VideoAnalyzer, clip: Path) -> None:
    """The annotated video needs a name of its own."""
    before = clip.read_bytes()

    with pytest.raises(InvalidOptionError, match="other than the video"):
        analyze_video(clip, analyzer, annotated=clip)

    assert clip.read_bytes() == before


def test_link_to_itself_is_no_video(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """It is an error of this package, as for any other file that cannot be read."""
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")

    with pytest.raises(VideoReadError, match=r"loop\.mp4"):
        analyze_video(tmp_path / "loop.mp4", analyzer, frames=tmp_path / "frames.csv")


def test_what_is_no_video_leaves_nothing(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """The error comes before a file is made."""
    (tmp_path / "empty.mp4").touch()

    with pytest.raises(VideoReadError, match="the file is empty"):
        analyze_video(tmp_path / "empty.mp4", analyzer, frames=tmp_path / "out" / "frames.csv")

    assert not (tmp_path / "out").exists()
