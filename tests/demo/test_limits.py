"""What the limits of the page do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import numpy as np
import pytest
from bright_faces import NO_FACE
from face_videos import write_video
from numpy.typing import NDArray
from small_models import save_small_model
from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.demo import DemoLimits, FaceAnalyzer
from fer_zoo.demo.folder import private_folder
from fer_zoo.demo.server import create_app
from fer_zoo.demo.video import analyze_upload, describe_video
from fer_zoo.results import Face

NUM_FRAMES = 40


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> FaceAnalyzer:
    """Return an analyzer with a narrow model, on the CPU."""
    model = save_small_model(tmp_path_factory.mktemp("model") / "small")
    return FaceAnalyzer([model], ["whole_image"], device="cpu")


def test_requests_beyond_those_that_may_wait_are_sent_away(analyzer: FaceAnalyzer) -> None:
    """Of a page whose queue does not move two requests wait, and the third is told that it is full."""

    async def ask(folder: Path) -> list[httpx.Response]:
        """Ask an application that was not started, so that it begins no work."""
        transport = httpx.ASGITransport(create_app(analyzer, DemoLimits(max_waiting=2), folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return [await client.post("/gradio_api/call/predict", json={"data": [None]}) for _ in range(3)]

    with private_folder() as folder:
        answers = asyncio.run(ask(folder))

    assert [answer.status_code for answer in answers] == [200, 200, 503]
    assert "Queue is full. Max size is 2" in answers[2].text


class SlowDetector:
    """Finds nothing, and when it has looked the time of the work is up.

    Args:
        timers: the timer of the work, as soon as there is one.
    """

    gives_crops = False

    def __init__(self, timers: list[Timer]) -> None:
        self.timers = timers

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return no face for each picture."""
        self.timers[0].function()
        return [() for _ in images]


def test_work_that_takes_too_long_ends_where_it_is(
    analyzer: FaceAnalyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames until then are analysed, and the message says how far that is."""
    timers: list[Timer] = []

    def note(*arguments: Any) -> Timer:
        """Make a timer as always."""
        timers.append(Timer(*arguments))
        return timers[-1]

    monkeypatch.setattr("fer_zoo.demo.video.Timer", note)
    (tmp_path / "upload").mkdir()
    path = write_video(tmp_path / "upload" / "long.mp4", [NO_FACE] * NUM_FRAMES)
    model, detector = analyzer.models[0], analyzer.detectors[0]
    with analyzer.use(model, detector) as pipe:
        monkeypatch.setattr(pipe, "detector", SlowDetector(timers))

    analysis = analyze_upload(analyzer, path, "long.mp4", model, detector, DemoLimits(max_work_seconds=60))

    assert (timers[0].interval, timers[0].finished.is_set()) == (60, True)
    assert analysis.is_cut
    assert analysis.summary.num_frames < NUM_FRAMES
    seconds = analysis.summary.num_frames / 25
    assert f"No face was found in long.mp4. Only the first {seconds:.1f} seconds were" in describe_video(analysis)


def test_limits_that_are_typed_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each under its own name; megabytes and megapixels are millions."""
    served: list[DemoLimits] = []
    monkeypatch.setattr("fer_zoo.demo.serve", lambda _analyzer, **options: served.append(options["limits"]))
    typed = (
        "--detector whole_image --device cpu --max-megabytes 1.5 --max-megapixels 2 --max-video-seconds 3 "
        "--max-work-seconds 4 --max-waiting 5 --keep-seconds 6"
    )

    found = CliRunner().invoke(app, ["demo", *typed.split()])

    assert found.exit_code == 0
    assert served == [DemoLimits(1_500_000, 2_000_000, 3.0, 4.0, 5, 6.0)]
