"""Connections that reach public addresses and no others, wherever a name or a redirect points.

The address is looked at when the connection is made, and that very address is connected to: a name that resolves to
something else a moment later gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.request import HTTPHandler, HTTPSHandler, Request

#: Addresses of IPv6 that stand for one of IPv4, which is in their last four bytes (RFC 6052).
NAT64: Final = IPv6Network("64:ff9b::/96")


class PrivateHostError(Exception):
    """A host has an address that is not public; its text is that address."""


class PublicHTTPHandler(HTTPHandler):
    """Opens ``http`` URLs of public hosts."""

    def http_open(self, request: Request) -> HTTPResponse:
        """Open a URL."""
        return self.do_open(_guarded(HTTPConnection), request)


class PublicHTTPSHandler(HTTPSHandler):
    """Opens ``https`` URLs of public hosts."""

    def https_open(self, request: Request) -> HTTPResponse:
        """Open a URL."""
        return self.do_open(_guarded(HTTPSConnection), request)


def is_public(address: str) -> bool:
    """Return whether an address can be reached from anywhere, also the one of IPv4 that one of IPv6 may stand for.

    Args:
        address: numbers, not a name.
    """
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in NAT64:
            inner = IPv4Address(found.packed[-4:])
        found = inner or found
    return found.is_global and not found.is_multicast


def _guarded(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
    """Return what makes connections of a kind, to public addresses alone."""

    def make(*args: Any, **options: Any) -> HTTPConnection:
        connection = kind(*args, **options)
        connection._create_connection = _connect  # type: ignore[attr-defined]  # the one way in
        return connection

    return make


def _connect(address: tuple[str, int], timeout: Any = None, source_address: Any = None) -> socket.socket:
    """Connect to a host of which every address is public, as ``socket.create_connection`` does.

    Raises:
        PrivateHostError: if it has another.
    """
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    for *_, place in found:
        if not is_public(str(place[0])):
            raise PrivateHostError(str(place[0]))
    return socket.create_connection((str(found[0][4][0]), address[1]), timeout, source_address)


__all__ = ["PrivateHostError", "PublicHTTPHandler", "PublicHTTPSHandler", "is_public"]
