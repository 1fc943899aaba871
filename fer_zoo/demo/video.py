"""A short video, analysed for the page.

Uploads come from strangers, so only containers that hold their own pictures are opened, and FFmpeg is told which it
is: left to guess, it also reads playlists, which may name other files of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from threading import TIMEOUT_MAX, Event, Timer
from typing import Final

from fer_zoo.demo.analyzer import FaceAnalyzer
from fer_zoo.demo.charts import message
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.errors import InvalidOptionError, VideoReadError
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video, draw_timeline
from fer_zoo.pipelines.video.reader import VideoReader
from fer_zoo.video_results import VideoSummary, format_time

DETECT_EVERY: Final = 5  # frames; between them boxes are carried along
PACKAGES: Final = ("av", "matplotlib", "supervision", "trackers")
_FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})  # of MP4 and QuickTime


@dataclass(frozen=True, slots=True)
class VideoAnalysis:
    """What the page shows of a video.

    Attributes:
        summary: the figures and segments.
        annotated: MP4 with the faces marked.
        timeline: picture of the segments; ``None`` if there is none.
        is_cut: whether the video is longer than what was analysed.
    """

    summary: VideoSummary
    annotated: Path
    timeline: Path | None
    is_cut: bool


def has_video_packages() -> bool:
    """Return whether what the extra ``video`` brings is installed."""
    return all(find_spec(package) is not None for package in PACKAGES)


def analyze_upload(
    analyzer: FaceAnalyzer, path: Path, name: str, model: str, detector: str, limits: DemoLimits
) -> VideoAnalysis:
    """Follow the faces of an uploaded video.

    Args:
        analyzer: the models and detectors that the page offers.
        path: the upload; results are written to a new folder beside its own.
        name: what messages call it.
        model: one of the analyzer's models.
        detector: one of the analyzer's detectors.
        limits: how much of the video is analysed, and for how long.

    Raises:
        VideoReadError: if it is no video, or of a kind that is not accepted from strangers, or the copy of it with the
            faces marked cannot be made.
        UnknownNameError: if there is no such model or detector.
    """
    container = recognise_container(path, name)
    folder = Path(mkdtemp(dir=path.parent.parent))
    annotated, timeline = folder / "annotated.mp4", folder / "timeline.png"
    stop = Event()
    timer = Timer(min(limits.max_work_seconds, TIMEOUT_MAX), stop.set)
    timer.daemon = True
    try:
        with analyzer.use(model, detector) as pipe:
            follower = VideoAnalyzer(pipe, detect_every=DETECT_EVERY)
            timer.start()
            summary = analyze_video(
                path,
                follower,
                annotated=annotated,
                max_seconds=limits.max_video_seconds,
                max_pixels=limits.max_pixels,
                container=container,
                stop=stop,
            )
    except VideoReadError as error:
        raise VideoReadError(name, error.reason) from error
    except InvalidOptionError as error:  # its message has the place on the server
        raise VideoReadError(name, "its marked copy cannot be made") from error
    finally:
        timer.cancel()
    is_cut = summary.is_interrupted or (
        summary.duration >= limits.max_video_seconds and _is_longer(path, container, limits)
    )
    if summary.segments:  # drawn here, with no title: that of analyze_video would show the server's path
        draw_timeline(summary.segments, summary.duration).savefig(timeline)
    return VideoAnalysis(replace(summary, source=name), annotated, timeline if summary.segments else None, is_cut)


def _is_longer(path: Path, container: str, limits: DemoLimits) -> bool:
    """Return whether a video is longer than what is analysed, or does not say how long it is."""
    with VideoReader(path, container=container, max_pixels=limits.max_pixels) as reader:
        return reader.duration is None or reader.duration > limits.max_video_seconds + 0.5 / reader.frame_rate


def recognise_container(path: Path, name: str) -> str:
    """Return what FFmpeg calls the format of an MP4, QuickTime, Matroska, WebM or AVI file, by its first bytes.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        VideoReadError: if it is of another kind.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in _FIRST_BOXES and int.from_bytes(head[:4]) <= path.stat().st_size:  # the length of the first box
        return "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        return "avi"
    raise VideoReadError(name, "it is not an MP4, QuickTime, Matroska, WebM or AVI file")


def describe_video(analysis: VideoAnalysis) -> str:
    """Return one message about a video, as HTML.

    Args:
        analysis: from :func:`analyze_upload`.
    """
    summary = analysis.summary
    cut = f" Only the first {summary.duration:.1f} seconds were analysed." if analysis.is_cut else ""
    broken = f" {summary.error}." if summary.error else ""
    if not summary.segments:
        return message(f"No face was found in {summary.source}.{cut}{broken}", "none")
    tracks = len(summary.tracks)
    people = "1 face" if tracks == 1 else f"{tracks} faces"
    return message(f"Followed {people} through {summary.num_frames} frames of {summary.source}.{cut}{broken}", "found")


def list_segments(summary: VideoSummary) -> str:
    """Return the segments of a video as a table, HTML.

    Args:
        summary: the figures and segments.
    """
    rows = "".join(
        f"<tr><td>{segment.track_id}</td><td>{escape(segment.label)}</td><td>{format_time(segment.start)}</td>"
        f"<td>{format_time(segment.end)}</td><td>{segment.score:.0%}</td></tr>"
        for segment in summary.segments
    )
    head = "<tr><th>Face</th><th>Expression</th><th>From</th><th>To</th><th>Mean</th></tr>"
    table = f'<table class="fz-segments"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return f'<div class="fz-scroll">{table}</div>' if rows else ""


__all__ = [
    "VideoAnalysis",
    "analyze_upload",
    "describe_video",
    "has_video_packages",
    "list_segments",
    "recognise_container",
]
