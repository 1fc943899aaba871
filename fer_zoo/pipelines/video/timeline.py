"""A picture of who showed what when: one line for each track, coloured by expression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.imaging.annotate import COLORS, OTHER_COLOR
from fer_zoo.pipelines.video.outputs import PartialFile, check_suffix
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.pipelines.video.reader import VideoFrame
from fer_zoo.results.names import escape_for_figure
from fer_zoo.video_results import FrameResult, Segment, format_time

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_SUFFIXES: Final = (".png", ".svg", ".pdf")
MOST_TRACKS: Final = 30  # lines that fit; of more, those that were seen longest
WIDTH, LINE_HEIGHT, MARGIN = 10.0, 0.35, 1.2  # inches


class Timeline:
    """Draws the segments of a video at its end.

    Args:
        path: the file, PNG, SVG or PDF.
        title: written above.

    Raises:
        InvalidOptionError: if the ending is another, or the file cannot be written.
        MissingPackageError: if matplotlib is not installed.
    """

    def __init__(self, path: Path, title: str) -> None:
        check_suffix("timeline", path, PICTURE_SUFFIXES)
        import_extra("matplotlib.figure")  # said now, not after an hour
        self._title = title
        self._segments: list[Segment] = []
        self._end = 0.0
        self._file = PartialFile("timeline", path)

    def write(self, frame: VideoFrame | None, result: FrameResult, ended: list[Segment]) -> None:
        """Remember the segments that ended."""
        self._segments += ended
        self._end = result.time + result.duration

    def finish(self, ended: list[Segment]) -> None:
        """Draw the picture."""
        figure = draw_timeline([*self._segments, *ended], self._end, title=self._title)
        with self._file.told_if_not_writable():
            figure.savefig(self._file.path, dpi=120)

    def move(self) -> None:
        """Put the picture in its place."""
        self._file.move()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.remove()


def draw_timeline(segments: Sequence[Segment], end: float, *, title: str = "") -> Figure:
    """Draw segments as bars over time, one line for each track.

    Args:
        segments: of one video.
        end: of the video, in seconds.
        title: written above.

    Returns:
        a figure of matplotlib that belongs to no window.

    Raises:
        ArgumentTypeError: if these are no segments.
        MissingPackageError: if matplotlib is not installed.
    """
    if not isinstance(segments, Sequence) or not all(isinstance(segment, Segment) for segment in segments):
        raise ArgumentTypeError("segments", segments, "a list of Segment, such as the segments of a VideoSummary")
    tracks = _longest_tracks(segments)
    height = MARGIN + LINE_HEIGHT * max(1, len(tracks))
    figure: Figure = import_extra("matplotlib.figure").Figure(figsize=(WIDTH, height), layout="constrained")
    import_extra("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)  # whatever backend the user has chosen
    axes = figure.add_subplot()
    labels = dict.fromkeys(segment.label for segment in sorted(segments, key=lambda segment: segment.start))
    for label in labels:
        for line, track_id in enumerate(tracks):
            parts = [part for part in segments if (part.track_id, part.label) == (track_id, label)]
            spans = [(part.start, part.duration) for part in parts]
            color = COLORS.get(label, OTHER_COLOR)
            axes.broken_barh(spans, (line - 0.4, 0.8), facecolors=color, edgecolor="black", linewidth=0.3)
        axes.broken_barh([], (0, 0), facecolors=COLORS.get(label, OTHER_COLOR), label=label)
    axes.set_yticks(range(len(tracks)), [f"track {track_id}" for track_id in tracks])
    axes.set_ylim(max(1, len(tracks)) - 0.5, -0.5)
    axes.set_xlim(0, max(end, 1e-3))
    axes.xaxis.set_major_formatter(lambda seconds, position: format_time(max(0.0, seconds)))
    axes.set_title(escape_for_figure(title), loc="left", fontsize="medium")
    if labels:
        figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    else:
        axes.text(0.5, 0.5, "no face", transform=axes.transAxes, ha="center", va="center")
    return figure


def _longest_tracks(segments: Sequence[Segment]) -> list[int]:
    """Return the tracks that are shown, by their numbers."""
    seconds: dict[int, float] = {}
    for segment in segments:
        seconds[segment.track_id] = seconds.get(segment.track_id, 0.0) + segment.duration
    return sorted(sorted(seconds, key=lambda track_id: -seconds[track_id])[:MOST_TRACKS])


__all__ = ["PICTURE_SUFFIXES", "Timeline", "draw_timeline"]
