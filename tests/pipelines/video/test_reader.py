"""Reading videos of all kinds, whole and broken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from face_videos import ground, moving_face, write_sound, write_video
from PIL import Image

from fer_zoo.errors import InvalidOptionError, VideoNotFoundError, VideoReadError
from fer_zoo.pipelines.video import VideoFrame, VideoReader

WHITE = np.full((80, 80, 3), 255, np.uint8)


def read(source: Path | str) -> tuple[list[VideoFrame], str | None]:
    """Return all frames and what could not be read."""
    with VideoReader(source) as reader:
        return list(reader), reader.error


@pytest.fixture
def server(clip: Path) -> Iterator[str]:
    """Return the address of a server that has the folder of the clip."""
    handler = partial(QuietHandler, directory=clip.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Write no line for a request."""


def test_frames_have_numbers_times_and_pixels(clip: Path) -> None:
    """Twelve frames of 40 ms; the ground is the grey that was written."""
    frames, error = read(clip)

    assert error is None
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([0.04 * i for i in range(12)])
    assert [frame.duration for frame in frames] == pytest.approx([0.04] * 12)
    assert frames[0].image.shape == (240, 320, 3)
    assert np.abs(frames[0].image[:40].astype(int) - 120).max() <= 3


def test_reader_knows_the_video_before_the_first_frame(clip: Path) -> None:
    """Size, rate and length are those that were written."""
    with VideoReader(clip) as reader:
        assert (reader.width, reader.height) == (320, 240)
        assert reader.frame_rate == pytest.approx(25)
        assert reader.duration == pytest.approx(0.48)


def test_url_is_read_like_a_file(clip: Path, server: str) -> None:
    """A video on a web server has the same frames."""
    frames, error = read(f"{server}/clip.mp4")

    expected, _ = read(clip)
    assert error is None
    assert [frame.time for frame in frames] == [frame.time for frame in expected]
    assert np.array_equal(frames[5].image, expected[5].image)


def test_url_that_is_not_there(server: str) -> None:
    """The error names the URL without its password."""
    url = server.replace("//", "//me:secret@") + "/missing.mp4"

    with pytest.raises(VideoNotFoundError, match=r"missing\.mp4': the URL cannot be read") as caught:
        VideoReader(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("rotation", "corner"), [(90, (1, 0)), (-90, (0, 1)), (180, (1, 1))])
def test_rotated_video_comes_out_upright(tmp_path: Path, rotation: int, corner: tuple[int, int]) -> None:
    """A white square in the top left corner lies where players show it: turned left, right, or upside down."""
    path = write_video(tmp_path / "phone.mp4", [ground((WHITE, 0, 0))] * 3, rotation=rotation)

    frames, _ = read(path)

    image = frames[0].image
    assert image.shape == ((240, 320, 3) if rotation == 180 else (320, 240, 3))
    rows, columns = (slice(-70, None) if end else slice(70) for end in corner)
    assert image[rows, columns].min() > 240
    assert (image.min(axis=2) > 240).mean() == pytest.approx(80 * 80 / (240 * 320), rel=0.1)


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    """Frames are as wide as players show them."""
    path = write_video(tmp_path / "wide.mp4", [np.zeros((48, 64, 3), np.uint8)] * 2, pixel_aspect=2)

    with VideoReader(path) as reader:
        assert [frame.image.shape for frame in reader] == [(48, 128, 3)] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "pixel_aspect", "size"),
    [((768, 1024, 3), 200, "204800 x 768"), ((10_002, 10_000, 3), 1, "10000 x 10002")],
)
def test_frames_of_too_many_pixels_are_refused(
    tmp_path: Path, shape: tuple[int, int, int], pixel_aspect: int, size: str
) -> None:
    """The limit counts what the frames are stretched to, and nothing is decoded before."""
    path = write_video(tmp_path / "large.mp4", [np.zeros(shape, np.uint8)], pixel_aspect=pixel_aspect)

    with pytest.raises(VideoReadError, match=f"its frames have {size} pixels, the limit is 100,000,000"):
        VideoReader(path)


def test_limit_of_pixels_is_inclusive(clip: Path) -> None:
    """Frames of 320 x 240 pixels are read with a limit of that, and refused with one less."""
    with VideoReader(clip, max_pixels=320 * 240) as reader:
        assert len(list(reader)) == 12
        assert reader.error is None
    with pytest.raises(VideoReadError, match="its frames have 320 x 240 pixels, the limit is 76,799 in all"):
        VideoReader(clip, max_pixels=320 * 240 - 1)


@pytest.mark.parametrize(
    ("side", "reason"),
    [(128, "its frames have 128 x 128 pixels, the limit is 10,000 in all"), (1024, "1 frame is damaged")],
)
def test_frames_that_become_too_large_are_left_out(tmp_path: Path, side: int, reason: str) -> None:
    """The first frame fits and the second does not; one that is much larger is not even decoded."""
    path = tmp_path / "growing.mjpeg"
    with path.open("wb") as file:
        for size in (64, side):
            Image.new("RGB", (size, size)).save(file, "JPEG")

    with VideoReader(path, max_pixels=10_000) as reader:
        shapes = [frame.image.shape for frame in reader]

    assert shapes == [(64, 64, 3)]
    assert reader.error == reason


def test_times_of_a_variable_frame_rate(tmp_path: Path) -> None:
    """Each frame lasts until the next; the last as long as frames do on average."""
    path = write_video(tmp_path / "phone.mp4", moving_face(5), times=[0, 20, 120, 130, 430])

    frames, error = read(path)

    assert error is None
    assert [frame.time for frame in frames] == pytest.approx([0, 0.02, 0.12, 0.13, 0.43])
    assert [frame.duration for frame in frames[:4]] == pytest.approx([0.02, 0.1, 0.01, 0.3])


def test_times_begin_with_the_first_frame(tmp_path: Path) -> None:
    """A recording whose clock began earlier begins at 0 all the same."""
    path = write_video(tmp_path / "late.mkv", moving_face(3), first_time=5000)

    frames, _ = read(path)

    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08])


def test_video_that_is_cut_short_gives_what_is_there_and_the_reason(tmp_path: Path) -> None:
    """Half a file whose index stands first: the first frames come, and then the reason."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 240, 320, 3), dtype=np.uint8)
    whole = write_video(tmp_path / "whole.mp4", list(noise), options={"movflags": "faststart"})
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    frames, error = read(cut)

    expected, _ = read(whole)
    assert 20 < len(frames) < 35
    assert np.array_equal(frames[10].image, expected[10].image)
    assert error is not None
    assert "the frames end after 1." in error
    assert "of 2.4 s" in error


def test_damage_in_the_middle_does_not_end_the_video(tmp_path: Path) -> None:
    """Packets that cannot be decoded are counted, and the frames after them come."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 240, 320, 3), dtype=np.uint8)
    path = write_video(tmp_path / "damaged.mp4", list(noise), options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 20] = bytes(len(content) // 20)
    path.write_bytes(content)

    frames, error = read(path)

    assert 30 <= len(frames) < 40
    assert frames[-1].time == pytest.approx(39 * 0.04)
    assert error is not None
    assert "damaged" in error


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    """The error says what the file has."""
    with pytest.raises(VideoReadError, match="it has audio and no video"):
        VideoReader(write_sound(tmp_path / "song.m4a"))


def test_empty_file_is_refused(tmp_path: Path) -> None:
    """A file of no bytes is no video."""
    (tmp_path / "empty.mp4").touch()

    with pytest.raises(VideoReadError, match="the file is empty"):
        VideoReader(tmp_path / "empty.mp4")


def test_video_without_a_frame_is_refused(tmp_path: Path) -> None:
    """A container whose only packet is cut off has nothing to show."""
    whole = write_video(tmp_path / "whole.mp4", moving_face(1), options={"movflags": "faststart"}).read_bytes()
    path = tmp_path / "header.mp4"
    path.write_bytes(whole[: whole.index(b"mdat") + 4])

    with pytest.raises(VideoReadError, match=r"header\.mp4"):
        VideoReader(path)


@pytest.mark.parametrize("content", [b"no video at all " * 100, b"\0" * 4000])
def test_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    """Any bytes end in the same error."""
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)

    with pytest.raises(VideoReadError, match=r"notes\.mp4': it is no video"):
        VideoReader(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """Each has its own reason, and the builtin that fits."""
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        VideoReader(tmp_path / "missing.mp4")
    with pytest.raises(VideoReadError, match="it is a directory"):
        VideoReader(tmp_path)
    with pytest.raises(VideoReadError, match="the path is empty"):
        VideoReader("")


def test_camera_that_is_not_there() -> None:
    """The error names the camera and its device."""
    with pytest.raises(VideoNotFoundError, match="'camera 99': there is no /dev/video99"):
        VideoReader(99)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "concat://a.mp4|b.mp4", "lavfi://testsrc"])
def test_other_protocols_are_refused(url: str) -> None:
    """FFmpeg would read local files, or run other protocols, through them."""
    with pytest.raises(VideoReadError, match="URLs are not supported"):
        VideoReader(url)


def test_path_that_looks_like_a_protocol_is_a_path(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``concat:`` at the beginning of a name has no meaning."""
    (tmp_path / "concat:a.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)

    frames, _ = read("concat:a.mp4")

    assert len(frames) == 12


def test_format_is_not_guessed_where_it_is_named(tmp_path: Path, clip: Path) -> None:
    """FFmpeg takes a playlist for one, and reads the video that it names, unless it is told what the file is."""
    path = tmp_path / "playlist.m3u8"
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n%b\n#EXT-X-ENDLIST\n" % bytes(clip))

    with VideoReader(path) as reader:
        assert (reader.width, reader.height) == (320, 240)
    with pytest.raises(VideoReadError, match=r"playlist\.m3u8': it is no video"):
        VideoReader(path, container="matroska")


def test_named_format_is_read(clip: Path) -> None:
    """The frames are the same as without the name; one that FFmpeg does not know is refused."""
    with VideoReader(clip, container="mov") as reader:
        assert len(list(reader)) == 12
    with pytest.raises(InvalidOptionError, match="container: expected what FFmpeg calls a format"):
        VideoReader(clip, container="mpeg5")


def test_timeout_must_be_positive(clip: Path) -> None:
    """Nobody can wait for less than no time."""
    with pytest.raises(InvalidOptionError, match="timeout"):
        VideoReader(clip, timeout=0)


def test_stop_ends_the_frames_and_close_the_thread(clip: Path) -> None:
    """Frames that are ready already are left, and no thread stays behind."""
    stop = Event()
    with VideoReader(clip, stop=stop) as reader:
        frames = iter(reader)
        first = next(frames)
        stop.set()
        rest = list(frames)

    assert first.index == 0
    assert rest == []
    assert not [thread for thread in threading.enumerate() if thread.name == "video"]


def test_interrupt_before_the_first_frame_closes_the_video(clip: Path) -> None:
    """Ctrl-C while it is awaited leaves no thread, though there is no reader yet that could be closed."""

    class Interrupt(Event):
        def is_set(self) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VideoReader(clip, stop=Interrupt())

    assert not [thread for thread in threading.enumerate() if thread.name == "video"]


def test_video_that_nobody_takes_frames_of_is_not_read_on(tmp_path: Path) -> None:
    """While another reader comes to the end, most of the sound is left in the file: no video fills the memory."""
    path = write_video(tmp_path / "long.mp4", [ground()] * 100, sound="aac")
    with VideoReader(path, with_sound=True) as waiting, VideoReader(path, with_sound=True) as other:
        frames = list(other)
        sound, whole = waiting.take_sound(), other.take_sound()

    assert len(frames) == 100
    assert len(sound) < len(whole) / 2
