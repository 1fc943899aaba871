"""Results as HTML, whatever characters they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_zoo.demo.charts import describe_result, draw_charts, message
from fer_zoo.demo.video import VideoAnalysis, describe_video, list_segments
from fer_zoo.results import Box, Face, FaceExpression, ImageResult
from fer_zoo.video_results import Segment, VideoSummary

HOSTILE = "<b onclick='x'>&amp;\"</b>"
HARMLESS = "&lt;b onclick=&#x27;x&#x27;&gt;&amp;amp;&quot;&lt;/b&gt;"
FACE = FaceExpression(Face(Box(1.0, 1.0, 5.0, 5.0), 0.9), ((HOSTILE, 0.75), ("fear", 0.25)))
SEGMENT = Segment(track_id=1, label=HOSTILE, start=0.0, end=1.0, score=0.5)


def test_message_is_text() -> None:
    """Signs that mean something in HTML are shown as they are; what went wrong is an alert, the rest a status."""
    assert message(HOSTILE, "error") == f'<p class="fz-message fz-error" role="alert">{HARMLESS}</p>'
    assert message("Two & two", "found") == '<p class="fz-message fz-found" role="status">Two &amp; two</p>'


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ImageResult(HOSTILE, error=f"Cannot read {HOSTILE}."), f"Cannot read {HARMLESS}."),
        (ImageResult(HOSTILE, 9, 9, (FACE,)), f"Found 1 face in {HARMLESS}."),
    ],
    ids=["error", "faces"],
)
def test_name_of_a_picture_is_text(result: ImageResult, text: str) -> None:
    """Visitors choose the names of their files."""
    assert f">{text}</p>" in describe_result(result)
    assert HOSTILE not in describe_result(result)


def test_labels_of_a_chart_are_text() -> None:
    """Those of a model from elsewhere hold any characters; one is in the title of the card and in its bar."""
    chart = draw_charts(ImageResult("a.png", 9, 9, (FACE,)), np.zeros((9, 9, 3), np.uint8))

    assert f"<br>{HARMLESS} 75.0%</span>" in chart
    assert f"<dt>{HARMLESS}</dt>" in chart
    assert HOSTILE not in chart


@pytest.mark.parametrize("segments", [(), (SEGMENT,)], ids=["nobody", "somebody"])
def test_name_and_labels_of_a_video_are_text(segments: tuple[Segment, ...]) -> None:
    """The message has the file's name, the table the labels."""
    summary = VideoSummary(HOSTILE, 9, 9, 5, len(segments), 1.0, segments)

    said = describe_video(VideoAnalysis(summary, Path("a.mp4"), None, is_cut=False))
    table = list_segments(summary)

    assert HARMLESS in said
    assert table.count(f"<td>{HARMLESS}</td>") == len(segments)
    assert HOSTILE not in said + table
