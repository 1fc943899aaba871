"""A picture from the web as bytes, within a limit of size and time.

Only ``http`` and ``https`` are spoken, also after a redirect. The standard library is enough for that, and it honours
the proxy variables of the environment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage, HTTPResponse
from io import BytesIO
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import (
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError
from fer_zoo.imaging.public_hosts import PrivateHostError, refuse_private
from fer_zoo.imaging.timed_connections import TimedHandler

USER_AGENT: Final = "fer-zoo (Python urllib)"

_CHUNK_BYTES: Final = 65_536
_GONE: Final = frozenset({404, 410})


def download(url: str, name: str, *, timeout: float, max_bytes: int, allow_private_hosts: bool = True) -> bytes:
    """Return the body of a URL.

    Args:
        url: an ``http`` or ``https`` URL without a user name or password in it.
        name: what errors call the input.
        timeout: seconds for everything but the look-up of the host's name: connections, redirects, headers and body.
        max_bytes: largest accepted body, in bytes.
        allow_private_hosts: whether hosts with loopback, private, link-local and other addresses that are not public
            are asked too, at first or after a redirect. Without, no proxy is used: it would look up the names.

    Raises:
        ImageNotFoundError: the server cannot be reached, does not answer in time, or does not have the page.
        ImageTooLargeError: the body is larger than ``max_bytes``; no more than that is ever held in memory.
        ImageReadError: the URL is not usable, the server refuses, or the body ends early.
    """
    deadline = time.monotonic() + timeout
    try:
        request = Request(_escaped(url, name), headers={"User-Agent": USER_AGENT})  # noqa: S310 - _opener speaks http(s)
        with _opener(deadline, allow_private_hosts=allow_private_hosts).open(request) as response:
            return _read_body(response, name, max_bytes=max_bytes)
    except ImageReadError:
        raise
    except PrivateHostError as error:
        raise ImageReadError(name, f"its host has the address {error}, which is not public") from error
    except HTTPError as error:
        with error:  # it is also the answer, and holds the connection
            reason = " ".join(f"the server answered {error.code} {error.reason}".split())
        raise (ImageNotFoundError if error.code in _GONE else ImageReadError)(name, reason) from error
    except TimeoutError as error:
        raise ImageNotFoundError(name, _too_slow(timeout)) from error
    except URLError as error:
        reason = _too_slow(timeout) if isinstance(error.reason, TimeoutError) else f"unreachable ({error.reason})"
        raise ImageNotFoundError(name, reason) from error
    except OSError as error:
        raise ImageNotFoundError(name, f"the connection broke ({error})") from error
    except (HTTPException, ValueError) as error:  # ValueError: a host name or a port that cannot be
        raise ImageReadError(name, f"the download failed ({error or type(error).__name__})") from error


def _too_slow(timeout: float) -> str:
    """Say that the time is up."""
    return f"no complete answer within {timeout:g} s; raise timeout to wait longer"


def _escaped(url: str, name: str) -> str:
    """Encode what a person may type but a request cannot hold, such as spaces and umlauts, also in the host's name."""
    parts = urlsplit(url)
    if "@" in parts.netloc:  # urllib would not use it, and would hand a header with it to whoever it is redirected to
        raise ImageReadError(name, "a user name in the URL is not supported; download the file and pass its bytes")
    # The percent sign is safe, so that what is encoded already stays as it is.
    path, query = (quote(part, safe="/%:=&?~#+!$,;'@()*[]|") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, _ascii_host(parts.netloc), path, query, ""))


def _ascii_host(netloc: str) -> str:
    """Return host and port with the name as IDNA writes it.

    Raises:
        UnicodeError: if it cannot be the name of a host.
    """
    if netloc.isascii():
        return netloc
    host, colon, port = netloc.partition(":")
    return host.encode("idna").decode("ascii") + colon + port


class _RedirectHandler(HTTPRedirectHandler):
    """Follows redirects without reading the pages that come with them, which may have no end."""

    def http_error_302(self, req: Request, fp: Any, code: int, msg: str, headers: HTTPMessage) -> Any:
        """Close the page and ask for the next."""
        fp.close()
        return super().http_error_302(req, BytesIO(), code, msg, headers)

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Return the request for the next page; in its URL urllib has percent-encoded the host's name too."""
        parts = urlsplit(newurl)
        host = unquote(parts.netloc)
        if not host.isascii():
            newurl = urlunsplit(parts._replace(netloc=_ascii_host(host)))
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(deadline: float, *, allow_private_hosts: bool) -> OpenerDirector:
    """Return an opener without the handlers for ftp, file and data that urllib adds by default."""
    opener = OpenerDirector()
    check: Callable[[str], object] = refuse_private
    if allow_private_hosts:
        opener.add_handler(ProxyHandler())
        check = str  # refuses nothing
    opener.add_handler(TimedHandler(deadline, check))
    others: tuple[type[BaseHandler], ...] = (
        UnknownHandler,
        HTTPDefaultErrorHandler,
        _RedirectHandler,
        HTTPErrorProcessor,
    )
    for kind in others:
        opener.add_handler(kind())
    return opener


def _read_body(response: HTTPResponse, name: str, *, max_bytes: int) -> bytes:
    """Read until the end or the size limit; after the deadline nothing can be read."""
    announced = response.length  # bytes by the Content-Length header; None without one
    too_large = f"the download is larger than the limit of {max_bytes} bytes; raise max_bytes to accept it"
    if announced is not None and announced > max_bytes:
        raise ImageTooLargeError(name, too_large)
    body = bytearray()
    # read1 returns what one packet brought: read would wait for a full chunk, however slowly the bytes come in.
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise ImageTooLargeError(name, too_large)
    if announced is not None and len(body) < announced:
        raise ImageReadError(name, f"the download ended after {len(body)} of {announced} bytes")
    return bytes(body)
