"""A video in, its figures and files out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from threading import Event

from fer_zoo.errors import ArgumentTypeError, InvalidOptionError
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines.video.analyzer import VideoAnalyzer
from fer_zoo.pipelines.video.annotated import AnnotatedVideo
from fer_zoo.pipelines.video.outputs import Output
from fer_zoo.pipelines.video.reader import VideoFrame, VideoReader
from fer_zoo.pipelines.video.segments import SegmentBuilder
from fer_zoo.pipelines.video.source import VideoSource
from fer_zoo.pipelines.video.tables import FrameTable, SegmentTable
from fer_zoo.pipelines.video.timeline import Timeline
from fer_zoo.ranges import check_positive
from fer_zoo.video_results import FrameResult, Segment, VideoSummary

Place = str | PathLike[str]


def analyze_video(  # noqa: PLR0913 - keyword-only options
    source: VideoSource,
    analyzer: VideoAnalyzer | None = None,
    *,
    frames: Place | None = None,
    segments: Place | None = None,
    annotated: Place | None = None,
    timeline: Place | None = None,
    max_seconds: float | None = None,
    timeout: float = 10.0,
    stop: Event | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    container: str | None = None,
    on_result: Callable[[FrameResult | Segment], object] | None = None,
) -> VideoSummary:
    """Analyse a video and write what is asked for, in constant memory: of what was seen only the segments are kept.

    Files appear when all of them are whole. If the work is stopped, by ``stop`` or by Ctrl-C (``KeyboardInterrupt``,
    which is raised again), they hold all that was done until then; after another error there are none.

    Args:
        source: a path, a URL, or the number of a camera.
        analyzer: model, detector and smoothing; by default those of :class:`VideoAnalyzer`.
        frames: table with a row for each face of each frame, and for each frame without any: ``.csv``, ``.jsonl`` or
            ``.parquet``.
        segments: table with a row for each segment, in the same formats.
        annotated: MP4 with the faces marked, and the sound.
        timeline: picture of the segments: ``.png``, ``.svg`` or ``.pdf``.
        max_seconds: stop after so many seconds of the video; by default at its end.
        timeout: seconds to wait for a URL, each time.
        stop: once this is set the work ends, and the summary says so.
        max_pixels: largest accepted frame, in pixels, as it is shown; the video ends before one that is larger.
        container: what FFmpeg calls the format of the file: ``mov`` (also for MP4), ``matroska``, ``avi`` or another.
            By default it guesses, and then a playlist may name other files.
        on_result: called with each result as it comes, and with each segment as it ends.

    Returns:
        the figures, with the reason if part of the video could not be read.

    Raises:
        VideoReadError: if the source is no video, or has no frame that can be read.
        InvalidOptionError: if an option is out of its range, or a file cannot be written.
        ArgumentTypeError: if the analyzer is none, such as a pipeline, or the two have changed places.
        MissingPackageError: if a package of the extra ``video`` is not installed.

    Example:
        >>> from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video
        >>> analyzer = VideoAnalyzer(detect_every=5)
        >>> summary = analyze_video("interview.mp4", analyzer, segments="segments.csv")  # doctest: +SKIP
        >>> print(summary.segments[0])  # doctest: +SKIP
        track 1: happiness 00:00.0-00:04.2
    """
    ArgumentTypeError.check("source", source, (str, PathLike, int), "a path, a URL, or the number of a camera")
    if analyzer is not None:
        ArgumentTypeError.check("analyzer", analyzer, VideoAnalyzer, "a VideoAnalyzer, such as VideoAnalyzer(pipe)")
    check_positive(max_seconds=max_seconds)
    _check_places(source, [frames, segments, annotated, timeline])
    analyzer = analyzer or VideoAnalyzer()
    stop = stop or Event()
    with (
        VideoReader(
            source,
            timeout=timeout,
            with_sound=annotated is not None,
            stop=stop,
            max_pixels=max_pixels,
            container=container,
        ) as reader,
        _opened(reader, analyzer, frames, segments, annotated, timeline) as outputs,
    ):
        work = _Work(reader, analyzer, outputs, on_result)
        work.run(max_seconds)
        return work.summarize(is_interrupted=stop.is_set())


class _Work:
    """One pass over a video.

    Args:
        reader: the open video.
        analyzer: what looks at the frames.
        outputs: what is written.
        on_result: called with each result and each segment.
    """

    def __init__(
        self,
        reader: VideoReader,
        analyzer: VideoAnalyzer,
        outputs: Sequence[Output],
        on_result: Callable[[FrameResult | Segment], object] | None,
    ) -> None:
        self._reader, self._analyzer, self._outputs, self._on_result = reader, analyzer, outputs, on_result
        self._builder = SegmentBuilder(analyzer.smoothing.max_gap)
        self._segments: list[Segment] = []
        self._num_frames = self._num_with_face = self._next_index = 0
        self._end = 0.0

    def run(self, max_seconds: float | None) -> None:
        """Take the frames one by one; whatever ends this, the outputs are finished with the last segments."""
        try:
            for frame, result in self._analyzer.analyze_frames(
                _until(self._reader, max_seconds), frame_rate=self._reader.frame_rate, is_live=self._reader.is_camera
            ):
                self._num_frames += 1
                self._num_with_face += bool(result.faces)
                self._next_index, self._end = result.index + 1, result.time + result.duration
                self._tell(result, *self._write(frame, result))
        except KeyboardInterrupt:
            self._finish()
            raise
        self._finish()

    def summarize(self, *, is_interrupted: bool) -> VideoSummary:
        """Return the figures."""
        return VideoSummary(
            self._reader.source,
            self._reader.width,
            self._reader.height,
            self._num_frames,
            self._num_with_face,
            self._end,
            tuple(sorted(self._segments, key=lambda segment: (segment.start, segment.track_id))),
            self._reader.error,
            is_interrupted,
        )

    def _write(self, frame: VideoFrame | None, result: FrameResult) -> list[Segment]:
        """Hand a result to the outputs, and return the segments that ended with it."""
        ended = self._builder.update(result)
        self._segments += ended
        for output in self._outputs:
            output.write(frame, result, ended)
        return ended

    def _finish(self) -> None:
        """End the segments and the files; these are put in their places when the last of them is whole."""
        last: list[FrameResult | Segment] = []
        if self._reader.error is not None:
            result = FrameResult(self._next_index, self._end, 0.0, error=self._reader.error)
            last = [result, *self._write(None, result)]
        ended = self._builder.finish()
        self._segments += ended
        for output in self._outputs:
            output.finish(ended)
        for output in self._outputs:
            output.move()
        self._tell(*last, *ended)

    def _tell(self, *results: FrameResult | Segment) -> None:
        """Hand results to the caller."""
        if self._on_result is not None:
            for result in results:
                self._on_result(result)


@contextmanager
def _opened(
    reader: VideoReader,
    analyzer: VideoAnalyzer,
    frames: Place | None,
    segments: Place | None,
    annotated: Place | None,
    timeline: Place | None,
) -> Iterator[list[Output]]:
    """Open the outputs that are asked for, and remove what is left of them after an error."""
    outputs: list[Output] = []
    try:
        if frames is not None:
            outputs.append(FrameTable(Path(frames), analyzer.labels))
        if segments is not None:
            outputs.append(SegmentTable(Path(segments)))
        if annotated is not None:
            outputs.append(AnnotatedVideo(Path(annotated), reader))
        if timeline is not None:
            outputs.append(Timeline(Path(timeline), reader.source))
        yield outputs
    except BaseException:  # after Ctrl-C the files are in their places already, and stay there
        for output in outputs:
            output.discard()
        raise


def _until(reader: VideoReader, max_seconds: float | None) -> Iterator[VideoFrame]:
    """Yield the frames that begin before a time."""
    for frame in reader:
        if max_seconds is not None and frame.time >= max_seconds:
            return
        yield frame


def _check_places(source: VideoSource, places: Sequence[Place | None]) -> None:
    """Refuse to write two things into one file, or over the video itself."""
    taken = set() if isinstance(source, int) else {os.path.realpath(source)}
    for place in places:
        if place is None:
            continue
        if os.path.realpath(place) in taken:
            raise InvalidOptionError("output", fspath(place), "a file of its own, other than the video")
        taken.add(os.path.realpath(place))


__all__ = ["analyze_video"]
