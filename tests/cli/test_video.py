"""``fer-zoo video``, through its real entry point."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from damaged_video import damage_frames
from face_videos import ground, moving_face, read_video, write_video
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Return a video of 6 frames with a smiling face and 2 without."""
    return write_video(tmp_path / "short.mp4", [*moving_face(6), ground(), ground()])


def test_segments_are_printed_with_a_summary(run: Run, short: Path) -> None:
    """A line for each segment as it ends, and one with the figures."""
    result = run("video", short)

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].startswith("track 1: happiness 00:00.0-00:00.2 (")
    assert lines[1] == "00:00.3, 8 frames, 6 with a face; 1 track, 1 segment"


def test_json_has_a_line_for_each_frame(run: Run, short: Path) -> None:
    """Machines get every frame as it comes."""
    result = run("video", short, "--json", "--detect-every", "3")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["frame"] for row in rows] == list(range(8))
    assert [[face["track"] for face in row["faces"]] for row in rows[:4]] == [[1]] * 4
    assert [face["detected"] for row in rows[:4] for face in row["faces"]] == [True, False, False, True]
    assert rows[0]["faces"][0]["raw"]["label"] == "happiness"


def test_all_files_are_written(run: Run, short: Path, tmp_path: Path) -> None:
    """Each option writes its file, in a folder that is made."""
    out = tmp_path / "out"
    files = {"--frames": "f.csv", "--segments": "s.jsonl", "--annotated": "a.mp4", "--timeline": "t.png"}

    result = run("video", short, *[word for option, name in files.items() for word in (option, out / name)])

    assert result.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.mp4", "f.csv", "s.jsonl", "t.png"]
    assert len((out / "f.csv").read_text().splitlines()) == 9


def test_what_cannot_be_read_exits_with_1(run: Run, tmp_path: Path) -> None:
    """The reason is on stderr: a file that is missing, and a camera that is not there."""
    missing, camera = run("video", tmp_path / "missing.mp4"), run("video", "99")

    assert (missing.exit_code, camera.exit_code) == (1, 1)
    assert "missing.mp4': there is no such file" in missing.stderr
    assert "camera 99" in camera.stderr


def test_broken_end_exits_with_1_after_all_that_could_be_read(run: Run, tmp_path: Path) -> None:
    """Segments and figures are printed, and the reason is on stderr."""
    whole = write_video(tmp_path / "whole.mp4", moving_face(40, step=2), options={"movflags": "faststart"})
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) - (len(content) - content.index(b"mdat")) * 3 // 4])

    result = run("video", whole, "--detect-every", "5")

    assert result.exit_code == 1
    assert result.stdout.startswith("track 1: happiness 00:00.0-")
    assert "the frames end after" in result.stderr


def test_damage_before_the_end_that_was_asked_for_exits_with_1(run: Run, tmp_path: Path) -> None:
    """The reason is on stderr, as at the end of the video."""
    path = damage_frames(write_video(tmp_path / "damaged.mp4", [ground()] * 25), range(6, 9))

    result = run("video", path, "--max-seconds", "0.6", "--detect-every", "5")

    assert result.exit_code == 1
    assert result.stderr.endswith("damaged.mp4: 3 frames are damaged\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--frames", "f.xlsx"), "expected a file with one of .csv"),
        (("--model", "mahn"), "Unknown model 'mahn'. Did you mean 'mhan'?"),
        (("--detector", "mtcnn"), "Unknown detector 'mtcnn'."),
        (("--max-seconds", "0"), "max_seconds"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, short: Path, arguments: tuple[str, ...], message: str) -> None:
    """The reason is on stderr and nothing is printed."""
    result = run("video", short, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@contextmanager
def signal_when_begun(number: int, folder: Path) -> Iterator[None]:
    """Send this process a signal once a file on its way is in a folder."""

    def send() -> None:
        while not any(folder.glob(".*.partial.csv")):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_the_work_with_whole_files(run: Run, tmp_path: Path, number: int, status: int) -> None:
    """Ctrl-C and SIGTERM in the middle: the files hold what was done, and the status tells the signal."""
    source = write_video(tmp_path / "long.mp4", moving_face(50, step=1) * 8)
    before = signal.getsignal(number)
    out = tmp_path / "out"
    out.mkdir()

    with signal_when_begun(number, out):
        result = run("video", source, "--frames", out / "frames.csv", "--annotated", out / "annotated.mp4")

    rows = (out / "frames.csv").read_text().splitlines()
    assert result.exit_code == status
    assert "stopped early: " in result.stdout
    assert 1 < len(rows) < 400
    assert len(read_video(out / "annotated.mp4")[0]) == len(rows) - 1
    assert sorted(path.name for path in out.iterdir()) == ["annotated.mp4", "frames.csv"]
    assert signal.getsignal(number) == before


@contextmanager
def signalling_server(number: int, content: bytes) -> Iterator[str]:
    """Serve a video, after a signal to this process with the first request."""
    numbers = [number]

    class Handler(BaseHTTPRequestHandler):
        """Sends the signal and the video."""

        def do_GET(self) -> None:
            """Answer every request with all of it."""
            if numbers:
                os.kill(os.getpid(), numbers.pop())
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Write no line for a request."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/video.mp4"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_before_the_first_frame(run: Run, tmp_path: Path, number: int, status: int) -> None:
    """While a slow source is opened: the status tells the signal, and stderr that the work was stopped."""
    video = write_video(tmp_path / "grey.mp4", [ground()] * 5, options={"movflags": "faststart"})

    with signalling_server(number, video.read_bytes()) as url:
        result = run("video", url)

    assert result.exit_code == status
    assert "it was stopped" in result.stderr
    assert result.stdout == ""
