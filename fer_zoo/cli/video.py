"""``fer-zoo video``: the faces of a video, who they are and what they show when."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.options import (
    BackendOption,
    DetectorOption,
    DeviceOption,
    FlipOption,
    MinConfidenceOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
    ThresholdOption,
)
from fer_zoo.cli.pipeline_choice import PipelineChoice
from fer_zoo.cli.redirections import suggest_predict
from fer_zoo.cli.terminal import encode_json
from fer_zoo.errors import VideoReadError
from fer_zoo.pipelines.video import Smoothing, VideoAnalyzer, analyze_video
from fer_zoo.video_results import FrameResult, Segment, VideoSummary, format_time

DEFAULTS = Smoothing()
STOPPED = 128  # what shells add to the number of the signal


def video(  # one parameter for each option
    source: Annotated[str, typer.Argument(metavar="SRC", help="Video, URL of a stream, or number of a camera.")],
    frames: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a row for each face and frame, .csv, .jsonl or .parquet; replaced if it exists."
        ),
    ] = None,
    segments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a row for each segment, .csv, .jsonl or .parquet; replaced if it exists."
        ),
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the video with its faces marked, and its sound, .mp4; replaced if it exists."
        ),
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw who showed what when, .png, .svg or .pdf; replaced if it exists."),
    ] = None,
    detect_every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Look for faces in every N-th frame, and follow them between.")
    ] = 1,
    median_window: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How far the median of the scores looks back.")
    ] = DEFAULTS.median_window,
    time_constant: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How slowly the mean of the scores follows.")
    ] = DEFAULTS.time_constant,
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How far another expression must be ahead to become the label.")
    ] = DEFAULTS.margin,
    hold: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="For how long it must be ahead.")
    ] = DEFAULTS.hold,
    model: ModelOption = "mhan",
    detector: DetectorOption = "center_face",
    device: DeviceOption = None,
    backend: BackendOption = None,
    precision: PrecisionOption = None,
    threads: ThreadsOption = None,
    flip: FlipOption = False,
    threshold: ThresholdOption = 0.0,
    min_confidence: MinConfidenceOption = 0.0,
    max_seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop after so much of the video.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object for each frame, one a line.")] = False,
) -> None:
    """Say who shows which expression when, as the video runs: "track 2: happiness 00:12.4-00:17.1 (91%)".

    Ctrl-C and SIGTERM end the work early; the files then hold what was done until then.

    Exit status: 0 if all of the video, or of the part that was asked for, could be read (one without a face too), 1 if
    not (the reason is on stderr), 2 for wrong usage, 130 after Ctrl-C and 143 after SIGTERM.
    """
    received: list[int] = []
    with errors_as_usage():
        smoothing = Smoothing(median_window, time_constant, margin, hold)
        pipe = PipelineChoice(model, detector, device, backend, precision, threads, flip).make()
        analyzer = VideoAnalyzer(
            pipe,
            detect_every=detect_every,
            smoothing=smoothing,
            threshold=threshold,
            min_confidence=min_confidence,
        )
    try:
        with errors_as_usage(except_for=VideoReadError), _stopped_by_signals(received) as stop:
            summary = analyze_video(
                _as_source(source),
                analyzer,
                frames=frames,
                segments=segments,
                annotated=annotated,
                timeline=timeline,
                max_seconds=max_seconds,
                stop=stop,
                on_result=partial(_print_result, as_json=as_json),
            )
    except VideoReadError as error:
        complain(error)  # after a signal before the first frame: that it was stopped
        suggest_predict(source)
        raise typer.Exit(STOPPED + received[0] if received else FAILED_INPUT) from error
    if not as_json:
        print(_summarize(summary))
    if summary.num_frames == 1:
        suggest_predict(source)
    if summary.error is not None:
        complain(f"{summary.source}: {summary.error}")
    if summary.is_interrupted and received:
        raise typer.Exit(STOPPED + received[0])
    if summary.error is not None:
        raise typer.Exit(FAILED_INPUT)


@contextmanager
def _stopped_by_signals(received: list[int]) -> Iterator[Event]:
    """Let Ctrl-C and SIGTERM end the work in good order while the block runs; a second one ends it as usual.

    Args:
        received: takes the number of the signal.

    Yields:
        what is set then.
    """
    stop = Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        stop.set()
        for each in signals:
            signal.signal(each, before[each])

    for number in signals:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number in signals:
            signal.signal(number, before[number])


def _as_source(text: str) -> str | int:
    """Return the number of a camera where one was typed, unless there is a file of that name."""
    return int(text) if text.isdecimal() and not Path(text).exists() else text


def _print_result(result: FrameResult | Segment, *, as_json: bool) -> None:
    """Print a frame as JSON, or a segment for reading."""
    if as_json and isinstance(result, FrameResult):
        print(encode_json(result.to_dict()), flush=True)
    elif not as_json and isinstance(result, Segment):
        print(f"{result} ({result.score:.0%})", flush=True)


def _summarize(summary: VideoSummary) -> str:
    """Return the figures for reading."""
    stopped = "stopped early: " if summary.is_interrupted else ""
    tracks, segments = len(summary.tracks), len(summary.segments)
    return (
        f"{stopped}{format_time(summary.duration)}, {summary.num_frames:,} {_plural('frame', summary.num_frames)}, "
        f"{summary.num_frames_with_face:,} with a face; {tracks:,} {_plural('track', tracks)}, "
        f"{segments:,} {_plural('segment', segments)}"
    )


def _plural(word: str, number: int) -> str:
    """Return the word for so many."""
    return word if number == 1 else f"{word}s"


__all__ = ["video"]
