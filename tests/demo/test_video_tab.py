"""The tab for videos in a real browser, and what it does not open."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged_video import damage_frames
from demo_server import DemoServer
from demo_visit import Visit
from face_videos import ground, moving_face, write_video
from playwright.sync_api import Page

from fer_zoo.demo import DemoLimits, FaceAnalyzer
from fer_zoo.demo.video import analyze_upload, describe_video, recognise_container
from fer_zoo.errors import VideoReadError

Open = Callable[..., Visit]


def analyse(page: Page, path: Path) -> str:
    """Upload a video, press the button and return the message that the page then shows."""
    page.get_by_role("tab", name="Video").click()
    page.set_input_files("#video-input input[type=file]", path)
    page.locator("#video-input").get_by_text(path.stem).first.wait_for()
    page.get_by_role("button", name="Analyse the video").click()
    return page.inner_text("#video-status .fz-message")


def test_uploaded_video_is_followed(server: DemoServer, visit: Open, tmp_path: Path) -> None:
    """A face that moves is one track; its segment, the marked video and the timeline are on the page."""
    seen = visit(server.url)

    said = analyse(seen.page, write_video(tmp_path / "moving.mp4", moving_face(25)))

    assert said == "Followed 1 face through 25 frames of moving.mp4."
    cells = seen.page.locator("#video-segments td").all_inner_texts()
    assert cells[:4] == ["1", "happiness", "00:00.0", "00:01.0"]
    video = seen.page.locator("#video-faces video")
    video.wait_for()
    assert video.evaluate("video => video.error") is None
    seen.page.locator("#video-timeline img").wait_for()
    assert seen.problems == []


def test_video_without_a_face(server: DemoServer, visit: Open, tmp_path: Path) -> None:
    """The page says so, without a table."""
    page = visit(server.url).page

    said = analyse(page, write_video(tmp_path / "grey.mp4", [ground()] * 5))

    assert said == "No face was found in grey.mp4."
    assert page.locator("#video-segments td").count() == 0


def test_long_videos_are_cut(tmp_path: Path) -> None:
    """Of a video above the limit the beginning is analysed."""
    (tmp_path / "upload").mkdir()
    path = write_video(tmp_path / "upload" / "long.mp4", moving_face(25))

    analysis = analyze_upload(
        FaceAnalyzer(device="cpu"), path, "long.mp4", "mhan", "center_face", DemoLimits(max_video_seconds=0.4)
    )

    assert analysis.is_cut
    assert analysis.summary.num_frames == 10  # 40 milliseconds each
    assert analysis.summary.source == "long.mp4"
    assert analysis.annotated.is_file()


def test_video_of_exactly_the_limit_is_not_cut(tmp_path: Path) -> None:
    """Nothing of it is left out, and the time for the work may be without end."""
    (tmp_path / "upload").mkdir()
    path = write_video(tmp_path / "upload" / "short.mp4", [ground()] * 10)
    limits = DemoLimits(max_video_seconds=0.4, max_work_seconds=math.inf)

    analysis = analyze_upload(FaceAnalyzer(device="cpu"), path, "short.mp4", "mhan", "center_face", limits)

    assert not analysis.is_cut
    assert describe_video(analysis).endswith("No face was found in short.mp4.</p>")


def test_limit_of_pixels_holds_for_videos(tmp_path: Path) -> None:
    """It is that of pictures, and the error names the upload as its visitor does."""
    (tmp_path / "upload").mkdir()
    path = write_video(tmp_path / "upload" / "large.mp4", [ground()])

    with pytest.raises(VideoReadError, match=r"'mine\.mp4': its frames have 320 x 240 pixels, the limit is 10,000"):
        analyze_upload(
            FaceAnalyzer(device="cpu"), path, "mine.mp4", "mhan", "center_face", DemoLimits(max_pixels=10_000)
        )


def test_damage_before_the_cut_is_told(tmp_path: Path) -> None:
    """The message has it beside the cut."""
    (tmp_path / "upload").mkdir()
    path = damage_frames(write_video(tmp_path / "upload" / "mine.mp4", [ground()] * 25), [5])

    analysis = analyze_upload(
        FaceAnalyzer(device="cpu"), path, "mine.mp4", "mhan", "center_face", DemoLimits(max_video_seconds=0.6)
    )

    assert "Only the first 0.6 seconds were analysed. 1 frame is damaged." in describe_video(analysis)


def test_places_on_the_server_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the marked video cannot be written, the message names the upload only."""
    (tmp_path / "upload").mkdir()
    path = write_video(tmp_path / "upload" / "0.mp4", [ground()] * 2)
    (tmp_path / "results" / "annotated.mp4").mkdir(parents=True)
    monkeypatch.setattr("fer_zoo.demo.video.mkdtemp", lambda dir: str(tmp_path / "results"))

    with pytest.raises(VideoReadError) as caught:
        analyze_upload(FaceAnalyzer(device="cpu"), path, "mine.mp4", "mhan", "center_face", DemoLimits())

    assert str(caught.value) == "Cannot read video 'mine.mp4': its marked copy cannot be made."


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD></MPD>",
        b"#EXTM3U\nAVI \n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n/private.mp4\n#EXT-X-ENDLIST\n",
        b"<!--ftyp--><MPD></MPD>",
        b"RIFF\0\0\0\0WAVE",
        b"",
    ],
)
def test_files_that_may_name_other_files_are_not_opened(content: bytes, tmp_path: Path) -> None:
    """Playlists are refused by their first bytes, whatever their name is."""
    path = tmp_path / "video.mp4"
    path.write_bytes(content)

    with pytest.raises(VideoReadError, match=r"^Cannot read video 'video.mp4': it is not an MP4, QuickTime,"):
        recognise_container(path, "video.mp4")


@pytest.mark.parametrize(("suffix", "container"), [("mp4", "mov"), ("mov", "mov"), ("mkv", "matroska"), ("avi", "avi")])
def test_containers_are_recognised(suffix: str, container: str, tmp_path: Path) -> None:
    """Each by its own first bytes."""
    path = write_video(tmp_path / f"grey.{suffix}", [ground()] * 2)

    assert recognise_container(path, path.name) == container
