"""The command that was meant is named, where a video is given for a picture or the other way round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from face_videos import moving_face, write_video
from typer.testing import Result

from fer_zoo.cli.redirections import suggest_predict, suggest_video

Run = Callable[..., Result]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Return a video whose name a shell would take apart."""
    return write_video(tmp_path / "my clip.mp4", moving_face(3))


def test_predict_names_the_command_for_a_video(run: Run, clip: Path, smile: str) -> None:
    """After the reason, also beside pictures that can be read."""
    result = run("predict", smile, clip)

    assert result.exit_code == 1
    assert "it is a video" in result.stderr
    assert result.stderr.endswith(f"note: for a video: fer-zoo video '{clip}'\n")


def test_predict_into_a_file_names_it_too(run: Run, clip: Path, tmp_path: Path) -> None:
    """The row of the file has the reason."""
    result = run("predict", clip, "--output", tmp_path / "faces.csv")

    assert result.exit_code == 1
    assert result.stderr.endswith(f"note: for a video: fer-zoo video '{clip}'\n")


def test_video_names_the_command_for_a_picture(run: Run, smile: str) -> None:
    """A picture is a video of one frame, in which no track begins; the status stays that of a video that was read."""
    result = run("video", smile)

    assert result.exit_code == 0
    assert "1 frame, 1 with a face; 0 tracks" in result.stdout
    assert result.stderr == f"note: for a picture: fer-zoo predict {smile}\n"


def test_picture_that_is_no_video_is_redirected_too(run: Run, tmp_path: Path) -> None:
    """FFmpeg does not read every picture."""
    (tmp_path / "a.heic").write_bytes(b"no video")

    result = run("video", tmp_path / "a.heic")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"note: for a picture: fer-zoo predict {tmp_path}/a.heic"


def test_videos_are_not_redirected(run: Run, clip: Path) -> None:
    """Nor is one of which a single frame was asked for."""
    assert run("video", clip, "--max-seconds", "0.01").stderr == ""


def test_files_that_are_missing_are_not_redirected(run: Run) -> None:
    """The other command would not find them either."""
    assert "note" not in run("predict", "missing.mp4").stderr
    assert "note" not in run("video", "missing.jpg").stderr


def test_addresses_are_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """They may hold a password; what is no address at all is passed over."""
    suggest_video([object(), "http://[broken/a.mp4", "a\0b.mp4", "https://me:secret@example.org/a.MP4?token=1"])
    suggest_predict("https://example.org/a.jpg?token=1")

    assert capsys.readouterr().err == (
        "note: for a video: fer-zoo video URL\nnote: for a picture: fer-zoo predict URL\n"
    )
