"""Connections that end at a deadline, whatever the server does.

The timeout of a socket begins anew with every byte, so here it is set before each read to the time that is left.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, Request

LONGEST_WAIT = 1e6  # seconds; a socket takes some centuries at most, and no infinity
Check = Callable[[str], object]  # raises for an address that is not to be connected to


class TimedHandler(HTTPHandler, HTTPSHandler):
    """Opens ``http`` and ``https`` URLs.

    Args:
        deadline: for all its connections together, a monotonic time in seconds.
        check: called with every address of a host before any is connected to.
    """

    def __init__(self, deadline: float, check: Check) -> None:
        super().__init__()
        self._deadline, self._check = deadline, check

    def http_open(self, request: Request) -> HTTPResponse:
        """Open an ``http`` URL."""
        return self.do_open(_timed(HTTPConnection, self._deadline, self._check), request)

    def https_open(self, request: Request) -> HTTPResponse:
        """Open an ``https`` URL."""
        return self.do_open(_timed(HTTPSConnection, self._deadline, self._check), request)


class _TimedResponse(HTTPResponse):
    """An answer that is read until a deadline: its status, headers and body.

    Args:
        sock: the connection.
        deadline: a monotonic time in seconds.
        args: those of the class above.
        options: those of the class above.
    """

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = BufferedReader(_TimedReader(self.fp.detach(), sock, deadline))


class _TimedReader(RawIOBase):
    """Reads from a connection until a deadline.

    Args:
        file: the connection as a file.
        sock: the connection.
        deadline: a monotonic time in seconds.
    """

    def __init__(self, file: RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._file, self._sock, self._deadline = file, sock, deadline

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, or wait for it.

        Raises:
            TimeoutError: if nothing comes until the deadline.
        """
        self._sock.settimeout(_seconds_left(self._deadline))
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        super().close()


def _timed(kind: type[HTTPConnection], deadline: float, check: Check) -> Callable[..., HTTPConnection]:
    """Return what makes connections of a kind that end at a deadline."""

    def connect(address: tuple[str, int], *_: Any) -> socket.socket:
        return _connect(address, deadline, check)

    def answer(sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
        return _TimedResponse(sock, *args, deadline=deadline, **options)

    def make(*args: Any, **options: Any) -> HTTPConnection:
        connection: Any = kind(*args, **options)
        connection._create_connection, connection.response_class = connect, answer  # the ways out and in
        return connection  # type: ignore[no-any-return]

    return make


def _connect(address: tuple[str, int], deadline: float, check: Check) -> socket.socket:
    """Connect to one of the addresses of a host, of which each has been checked, and which are looked up once."""
    places = [str(place[0]) for *_, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM)]
    for place in places:
        check(place)
    error: OSError = OSError("its name stands for no address")
    for place in places:
        try:
            sock = socket.create_connection((place, address[1]), _seconds_left(deadline))
        except OSError as failure:
            error = failure
        else:
            break
    else:
        raise error
    try:
        sock.settimeout(_seconds_left(deadline))  # for the handshake of TLS, and for the request
    except TimeoutError:
        sock.close()
        raise
    return sock


def _seconds_left(deadline: float) -> float:
    """Return the time until a deadline, of which a socket takes no more than some days.

    Raises:
        TimeoutError: if there is none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, LONGEST_WAIT)


__all__ = ["TimedHandler"]
