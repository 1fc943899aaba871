"""URLs of strangers reach public addresses alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import public_hosts
from fer_zoo.imaging.public_hosts import is_public
from fer_zoo.imaging.read import read_image


class Redirecting(BaseHTTPRequestHandler):
    """Answers with a picture of one pixel, or sends to the URL behind the question mark."""

    seen: int = 0

    def do_GET(self) -> None:
        """Answer one request."""
        type(self).seen += 1
        target = self.path.partition("?")[2]
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.end_headers()
        self.wfile.write(b"" if target else b"P5 1 1 255 \x80")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Run a server on the whole loopback interface, and give its port."""
    Redirecting.seen = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *(("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True)),
        *(("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False)),
        *(("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False)),  # noqa: S104
        *(("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:127.0.0.1", False)),
        *(("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("64:ff9b::5db8:d70e", True)),
        *(("fec0::1", False), ("64:ff9b:1::7f00:1", False), ("::127.0.0.1", False), ("::93.184.215.14", False)),
        *(("::ffff:0:7f00:1", False), ("::ffff:0:5db8:d70e", False), ("::ffff:5db8:d70e", True)),
    ],
)
def test_addresses_that_are_public(address: str, expected: bool) -> None:
    """Loopback, private, link-local, shared and multicast addresses are not, whatever form they have."""
    assert is_public(address) is expected


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433"])
def test_private_host_is_refused_before_it_is_asked(host: str, port: int) -> None:
    """By its number in any spelling or by a name that stands for it; with the default it is read."""
    with pytest.raises(ImageReadError, match=r"its host has the address \S+, which is not public"):
        read_image(f"http://{host}:{port}/a.pgm", allow_private_hosts=False)

    assert Redirecting.seen == 0
    assert read_image(f"http://127.0.0.1:{port}/a.pgm").shape == (1, 1, 3)


def test_redirect_to_a_private_host_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is looked at again after a redirect; one that is public may be followed."""
    monkeypatch.setattr(public_hosts, "is_public", lambda address: address == "127.0.0.1")
    here = f"http://127.0.0.1:{port}"

    assert read_image(f"{here}/?{here}/a.pgm", allow_private_hosts=False).shape == (1, 1, 3)
    with pytest.raises(ImageReadError, match=r"its host has the address 127\.0\.0\.2, which is not public"):
        read_image(f"{here}/?http://127.0.0.2:{port}/a.pgm", allow_private_hosts=False)


def test_name_with_one_private_address_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that stands for a public and a private address is refused, and it is looked up once."""
    asked = []

    def look_up(host: str, *args: object, **options: object) -> list[tuple[object, ...]]:
        asked.append(host)
        places = [("93.184.215.14", port), ("10.0.0.1", port)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(ImageReadError, match=r"10\.0\.0\.1, which is not public"):
        read_image("http://pictures.example/a.png", allow_private_hosts=False)

    assert asked == ["pictures.example"]
