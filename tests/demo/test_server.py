"""How the server starts and ends, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from demo_server import demo_server

from fer_zoo.demo import DemoLimits, FaceAnalyzer, serve
from fer_zoo.demo.folder import delete_old_files, private_folder
from fer_zoo.demo.page import _analyze_upload
from fer_zoo.demo.server import _listen, _url_of, is_loopback
from fer_zoo.detection import WholeImageDetector
from fer_zoo.errors import InvalidOptionError


@pytest.fixture(scope="module")
def analyzer() -> FaceAnalyzer:
    """Return the analyzer with the embedded model, on the CPU."""
    return FaceAnalyzer(device="cpu")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 0)])
def test_signals_end_the_server_and_remove_its_files(number: signal.Signals, status: int, tmp_path: Path) -> None:
    """An upload is there while the server runs, and gone with its folder at the end."""
    with demo_server(tmp_path) as server:
        uploaded = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("a.png", b"a")}, timeout=60).json()[0]
        (folder,) = tmp_path.glob("fer_zoo_demo_*")
        assert Path(uploaded).is_relative_to(folder)
        assert folder.stat().st_mode & 0o077 == 0

        server.process.send_signal(number)
        ended = server.process.wait()

    assert ended == status
    assert not folder.exists()
    assert not Path(uploaded).exists()


def test_uploads_are_deleted_after_a_while(tmp_path: Path) -> None:
    """A server that keeps files for a second has none of it left soon; its examples stay."""
    with demo_server(tmp_path, "--keep-seconds", "1") as server:
        uploaded = Path(
            httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("a.png", b"a")}, timeout=60).json()[0]
        )
        deadline = time.monotonic() + 60
        while uploaded.parent.exists() and time.monotonic() < deadline:
            time.sleep(0.2)

        assert not uploaded.parent.exists()
        assert list(tmp_path.glob("fer_zoo_demo_*/**/astronaut.jpg"))


def test_examples_of_other_pages_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio gives out what pages have left in a folder of the working directory; this page keeps nothing there."""
    other = tmp_path / ".gradio" / "cached_examples" / "private.txt"
    other.parent.mkdir(parents=True)
    other.write_text("private", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    with demo_server(tmp_path) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        mine = client.post("/gradio_api/upload", files={"files": ("a.txt", b"mine")}).json()[0]
        paths = (str(other), ".gradio/cached_examples/private.txt", mine)
        answers = [client.get(f"/gradio_api/file={path}") for path in paths]

    assert [answer.status_code for answer in answers] == [403, 403, 200]
    assert answers[0].json() == {"detail": "Only uploads and results can be fetched."}
    assert answers[2].content == b"mine"


def test_old_files_are_deleted_and_others_kept(tmp_path: Path) -> None:
    """A file goes by its age, a folder when it is empty, and what is to be kept stays."""
    for name in ("a/old.png", "b/new.png", "c/example.png"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(b"x")
    past = time.time() - 100
    for name in ("a/old.png", "c/example.png", "a", "c"):
        os.utime(tmp_path / name, (past, past))

    delete_old_files(tmp_path, 50, {tmp_path / "c" / "example.png"})
    os.utime(tmp_path / "a", (past, past)) if (tmp_path / "a").exists() else None
    delete_old_files(tmp_path, 50, {tmp_path / "c" / "example.png"})

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "b",
        "b/new.png",
        "c",
        "c/example.png",
    ]


def test_settings_of_gradio_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold inside, and the environment is as it was afterwards."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", "mine")
    monkeypatch.delenv("GRADIO_ANALYTICS_ENABLED", raising=False)

    with private_folder() as folder:
        inside = (os.environ["GRADIO_TEMP_DIR"], os.environ["GRADIO_ANALYTICS_ENABLED"])

    assert inside == (str(folder), "False")
    assert os.environ["GRADIO_TEMP_DIR"] == "mine"
    assert "GRADIO_ANALYTICS_ENABLED" not in os.environ
    assert not folder.exists()


def test_taken_port_is_refused(analyzer: FaceAnalyzer) -> None:
    """The error names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(InvalidOptionError, match=f"'127.0.0.1:{port}' for host and port: expected an address"):
            serve(analyzer, port=port)


@pytest.mark.parametrize(("has_both", "expected"), [(True, "127.0.0.1"), (False, "[::1]")])
def test_page_at_all_addresses_can_be_opened(has_both: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of IPv4 are among them where the system allows it, and the URL leads to one of them."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: has_both)

    with _listen("::", 0) as listening:
        port = listening.getsockname()[1]
        url = _url_of(listening)
        socket.create_connection((expected.strip("[]"), port), timeout=5).close()

    assert url == f"http://{expected}:{port}"


def test_name_that_no_host_can_have_is_refused(analyzer: FaceAnalyzer) -> None:
    """A part of a name has at most 63 letters."""
    with pytest.raises(InvalidOptionError, match="for host and port: expected an address of this machine"):
        serve(analyzer, host="a" * 70 + ".com", port=0)


@pytest.mark.parametrize("path", ["x" * 300, "a\0b"])
def test_path_that_no_file_can_have_is_a_file_that_is_gone(path: str, analyzer: FaceAnalyzer) -> None:
    """The page says so, as of any other that is gone."""
    analysis = _analyze_upload(analyzer, {"path": path, "orig_name": "a.png"}, "mhan", "center_face")

    assert analysis.result.error == "'a.png' is no longer kept here. Upload it again."


def test_files_of_detectors_are_offered_by_their_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Visitors do not see where a file lies."""
    opened: list[str] = []

    def open_detector(detector: str) -> WholeImageDetector:
        opened.append(detector)
        return WholeImageDetector()

    monkeypatch.setattr("fer_zoo.demo.analyzer.create_detector", open_detector)

    analyzer = FaceAnalyzer(detectors=["/srv/private/faces.onnx", "whole_image"], device="cpu")

    assert analyzer.detectors == ("faces.onnx", "whole_image")
    assert opened == ["/srv/private/faces.onnx", "whole_image"]


def test_empty_password_is_refused(analyzer: FaceAnalyzer) -> None:
    """It would let everyone in; the message does not hold it."""
    with pytest.raises(InvalidOptionError, match="a user name and a password, both not empty"):
        serve(analyzer, port=0, login=("lab", ""))


@pytest.mark.parametrize(
    "option", ["max_bytes", "max_pixels", "max_video_seconds", "max_work_seconds", "max_waiting", "keep_seconds"]
)
def test_limits_that_let_nothing_through_are_refused(option: str) -> None:
    """Zero is no limit for anything."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value 0 for {option}: expected a number above 0"):
        DemoLimits(**{option: 0})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - only asked about
        ("192.168.0.7", False),
        ("example.org", False),
    ],
)
def test_loopback_addresses(host: str, expected: bool) -> None:
    """Only addresses that stay on the machine are loopback."""
    assert is_loopback(host) is expected
