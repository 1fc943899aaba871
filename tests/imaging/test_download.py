"""Pictures from the web, against a real server on the loopback interface."""

import math
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError
from fer_zoo.imaging import timed_connections
from fer_zoo.imaging.download import USER_AGENT
from fer_zoo.imaging.read import read_image


def _picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (4, 3), (1, 2, 3)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = _picture()


class _Handler(BaseHTTPRequestHandler):
    """Answer by the path that is asked for."""

    protocol_version = "HTTP/1.1"
    released: ClassVar[Event]
    seen: ClassVar[list[tuple[str, str | None]]]

    def do_GET(self) -> None:
        """Serve one request, then close the connection."""
        self.close_connection = True
        self.seen.append((self.path, self.headers["User-Agent"]))
        name = self.path.strip("/").partition("?")[0]
        answer = getattr(self, f"_{name}", None)
        if name.startswith("redirect"):
            self._headers(302, {"Location": self.path.partition("?")[2], "Content-Length": "0"})
        elif name.isdecimal():
            self._headers(int(name), {"Content-Length": "0"})
        elif answer is not None:
            answer()
        else:
            self._send(PICTURE)

    def _headers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()

    def _send(self, body: bytes, announced: int | None = None) -> None:
        self._headers(200, {"Content-Length": str(len(body) if announced is None else announced)})
        self.wfile.write(body)

    def _text(self) -> None:
        self._send(b"<html>not a picture</html>")

    def _empty(self) -> None:
        self._send(b"")

    def _cut(self) -> None:
        self._send(PICTURE[:-20], announced=len(PICTURE))

    def _chunked(self) -> None:
        self._headers(200, {"Transfer-Encoding": "chunked"})
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(PICTURE), PICTURE))

    def _chunked_cut(self) -> None:
        self._headers(200, {"Transfer-Encoding": "chunked"})
        self.wfile.write(b"%x\r\n%b" % (len(PICTURE), PICTURE[:-20]))

    def _endless(self) -> None:
        self._headers(200, {"Connection": "close"})
        while not self.released.is_set():
            self.wfile.write(bytes(10_000))

    def _announces_much(self) -> None:
        self._send(b"", announced=10**12)

    def _silent(self) -> None:
        self.released.wait(20)

    def _stalls(self) -> None:
        self._send(PICTURE[:10], announced=len(PICTURE))
        self.wfile.flush()
        self.released.wait(20)

    def _drips(self) -> None:
        self._headers(200, {"Content-Length": str(len(PICTURE))})
        for byte in PICTURE:
            self.wfile.write(bytes([byte]))
            if self.released.wait(0.05):
                return

    def _drips_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(PICTURE))
        for byte in b"X-Letters: " + b"a" * 60 + b"\r\n\r\n":
            self.wfile.write(bytes([byte]))
            if self.released.wait(0.05):
                return
        self.wfile.write(PICTURE)

    def _moved_with_a_page(self) -> None:
        self._headers(302, {"Location": "/picture", "Content-Length": str(10**12)})
        self.wfile.flush()
        self.released.wait(20)

    def _moves_on(self) -> None:
        if not self.released.wait(0.05):
            self._headers(302, {"Location": f"/moves_on?{len(self.seen)}", "Content-Length": "0"})

    def _hangs_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """A server that does not mind a client that hangs up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing; the tests look at the client's side."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the server; the value is its base URL."""
    monkeypatch.setenv("no_proxy", "*")
    _Handler.released, _Handler.seen = Event(), []
    with _Server(("127.0.0.1", 0), _Handler) as http_server:
        thread = Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        _Handler.released.set()
        http_server.shutdown()
        thread.join()


class TestGoodAnswers:
    """Downloads that work."""

    @pytest.mark.parametrize("path", ["picture.png", "chunked", "picture?token=a%2Fb&size=3", "picture#part"])
    def test_picture(self, server: str, path: str) -> None:
        """A URL is read like the file behind it, however the body is framed."""
        assert (read_image(f"{server}/{path}") == np.array([1, 2, 3])).all()

    def test_upper_case_scheme(self, server: str) -> None:
        """The scheme of a URL is known in any case."""
        assert read_image(server.replace("http", "HTTP") + "/picture").shape == (3, 4, 3)

    def test_no_timeout_at_all(self, server: str) -> None:
        """A socket takes no infinity."""
        assert read_image(f"{server}/picture", timeout=math.inf).shape == (3, 4, 3)

    def test_redirect_is_followed(self, server: str) -> None:
        """A redirect to another http URL is followed."""
        assert read_image(f"{server}/redirect?{server}/picture").shape == (3, 4, 3)
        assert [path for path, _ in _Handler.seen][1:] == ["/picture"]

    def test_page_of_a_redirect_is_not_read(self, server: str) -> None:
        """It may have any length, and is of no use."""
        assert read_image(f"{server}/moved_with_a_page", max_bytes=len(PICTURE), timeout=5).shape == (3, 4, 3)

    def test_user_agent_names_the_package(self, server: str) -> None:
        """The server is told who asks."""
        read_image(f"{server}/picture")

        assert _Handler.seen == [("/picture", USER_AGENT)]
        assert USER_AGENT.startswith("fer-zoo")

    def test_unusual_characters_are_escaped_once(self, server: str) -> None:
        """Spaces and umlauts are percent-encoded, and what is encoded already stays."""
        read_image(f"{server}/a b/ü.png?q=%20 x")

        assert _Handler.seen[0][0] == "/a%20b/%C3%BC.png?q=%20%20x"

    @pytest.mark.parametrize("path", ["{url}/picture", "{server}/redirect?{url}/picture"])
    def test_host_names_of_all_scripts(self, path: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name is looked up as IDNA writes it, with its port, at first and after a redirect."""
        asked, look_up = [], socket.getaddrinfo

        def as_loopback(host: str, *args: Any, **options: Any) -> Any:
            asked.append(host)
            return look_up("127.0.0.1", *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", as_loopback)
        url = f"http://bücher.example:{server.rpartition(':')[2]}"

        assert read_image(path.format(server=server, url=url)).shape == (3, 4, 3)

        assert "xn--bcher-kva.example" in asked
        assert all(host.isascii() for host in asked)

    def test_limit_is_inclusive(self, server: str) -> None:
        """A body of exactly max_bytes is accepted."""
        assert read_image(f"{server}/picture", max_bytes=len(PICTURE)).shape == (3, 4, 3)


class TestBadAnswers:
    """Downloads that fail, each with one error that names the URL."""

    @pytest.mark.parametrize("status", [404, 410])
    def test_missing_page(self, server: str, status: int) -> None:
        """A page that does not exist is an ImageNotFoundError, which is a FileNotFoundError."""
        with pytest.raises(
            ImageNotFoundError, match=f"Cannot read image '{server}/{status}': the server answered {status}"
        ):
            read_image(f"{server}/{status}")

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
    def test_refusal(self, server: str, status: int) -> None:
        """Any other refusal is an ImageReadError that gives the status, and not a missing page."""
        with pytest.raises(ImageReadError, match=f"the server answered {status}") as caught:
            read_image(f"{server}/{status}")

        assert not isinstance(caught.value, ImageNotFoundError)

    def test_page_that_is_no_picture(self, server: str) -> None:
        """A web page instead of a picture is not an image of a known format."""
        with pytest.raises(ImageReadError, match=rf"'{server}/text': it is not an image of a known format"):
            read_image(f"{server}/text")

    def test_empty_body(self, server: str) -> None:
        """An answer without a body is empty."""
        with pytest.raises(ImageReadError, match="it is empty"):
            read_image(f"{server}/empty")

    def test_body_that_ends_early(self, server: str) -> None:
        """A body shorter than announced is an error that counts the bytes."""
        expected = f"the download ended after {len(PICTURE) - 20} of {len(PICTURE)} bytes"

        with pytest.raises(ImageReadError, match=expected):
            read_image(f"{server}/cut")

    def test_chunk_that_ends_early(self, server: str) -> None:
        """A chunked body that breaks off is an error."""
        with pytest.raises(ImageReadError, match=f"'{server}/chunked_cut'"):
            read_image(f"{server}/chunked_cut")

    @pytest.mark.parametrize("path", ["endless", "announces_much", "picture"])
    def test_body_over_the_limit(self, server: str, path: str) -> None:
        """A body over max_bytes is refused, whether it is announced or not, and the option is named."""
        limit = len(PICTURE) - 1

        with pytest.raises(ImageTooLargeError, match=f"larger than the limit of {limit} bytes; raise max_bytes"):
            read_image(f"{server}/{path}", max_bytes=limit)

    @pytest.mark.parametrize("path", ["silent", "stalls", "drips", "drips_headers", "moves_on"])
    def test_slow_server(self, server: str, path: str) -> None:
        """A server that says nothing, stops, sends byte by byte or on and on runs into the timeout."""
        with pytest.raises(ImageNotFoundError, match=r"no complete answer within 0\.2 s; raise timeout"):
            read_image(f"{server}/{path}", timeout=0.2)

    def test_connection_that_comes_too_late_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time may be up at the very moment when there is a connection: nothing is left open."""
        left = iter([5.0])  # for the connection, and none for what comes after it

        def seconds_left(deadline: float) -> float:
            try:
                return next(left)
            except StopIteration:
                raise TimeoutError from None

        monkeypatch.setattr(timed_connections, "_seconds_left", seconds_left)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(TimeoutError):
                timed_connections._connect(listener.getsockname(), 0.0, str)
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(5)
                assert accepted.recv(1) == b""  # the other end is closed

    def test_server_that_hangs_up(self, server: str) -> None:
        """A connection that is closed without an answer is an error."""
        with pytest.raises(ImageNotFoundError, match="the connection broke"):
            read_image(f"{server}/hangs_up")

    @pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a.png", "data:image/png;base64,AAAA"])
    def test_redirect_elsewhere_is_refused(self, server: str, target: str) -> None:
        """A redirect to anything but http and https is not followed."""
        with pytest.raises(ImageReadError, match=r"not allowed|unknown url type"):
            read_image(f"{server}/redirect?{target}")

    def test_redirect_in_a_circle(self, server: str) -> None:
        """A page that redirects to itself is an error on one line."""
        with pytest.raises(ImageReadError, match="infinite loop") as caught:
            read_image(f"{server}/redirect_circle?/redirect_circle")

        assert "\n" not in str(caught.value)


class TestNoAnswer:
    """URLs that lead nowhere."""

    def test_refused_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A port where nobody listens is an unreachable URL."""
        monkeypatch.setenv("no_proxy", "*")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.png"

            with pytest.raises(ImageNotFoundError, match=f"'{url}': unreachable"):
                read_image(url)

    def test_unknown_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host name that does not resolve is an unreachable URL."""

        def no_address(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(socket, "getaddrinfo", no_address)

        with pytest.raises(ImageNotFoundError, match=r"unreachable .*Name or service not known"):
            read_image("https://no-such-host.invalid/a.png")

    @pytest.mark.parametrize(
        "url",
        ["http://", "http:///a.png", "http://[::1/a.png", "http://host:port/a.png", f"http://{'a' * 70}.invalid/"],
    )
    def test_nonsense(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A URL that cannot be used is an ImageReadError."""
        monkeypatch.setenv("no_proxy", "*")

        with pytest.raises(ImageReadError):
            read_image(url)

    @pytest.mark.parametrize(
        "url", ["data:image/png;base64,AAAA", "ftp://host/a.png", "file:///a.png", "s3://bucket/a.png"]
    )
    def test_other_schemes_are_refused(self, url: str) -> None:
        """Any scheme but http and https is refused without a connection, and the error says what to pass."""
        with pytest.raises(ImageReadError, match=r"URLs are not supported; .*pass"):
            read_image(url)

    @pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1/a.png", "http://me:secret@[::1/a.png"])
    def test_password_is_neither_sent_nor_shown(self, url: str) -> None:
        """A password in a URL is refused, and the message does not repeat it."""
        with pytest.raises(ImageReadError) as caught:
            read_image(url)

        assert "secret" not in str(caught.value)
