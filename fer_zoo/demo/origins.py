"""Which web sites a request may come from, as browsers tell it.

A browser sends requests of every page that it shows, with the visitor's session, and from this machine. Programs send
none of the headers that are looked at here, and need no leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

#: What a browser opens a page for: a tab, and a frame of another page, as Hugging Face shows a Space.
_OPENED: Final = ("document", "iframe")


def reason_to_refuse(scope: Mapping[str, Any], *, is_local: bool) -> str | None:
    """Return why a request is refused, or ``None`` if it comes from the page itself, or from a program.

    Whoever opens the page, by a link or in a frame, need not be on it.

    Args:
        scope: the request, as ASGI describes it.
        is_local: whether only this machine can reach the server. It then goes by no other name, as anyone can give this
            machine a further one for the browser.
    """
    headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if is_local and not is_loopback(_name(host)):
        return (
            f"The page is for this machine alone, as localhost or 127.0.0.1, and was asked for as {host!r}. A server "
            "in front of it sends one of these names as Host, and its own as X-Forwarded-Host."
        )
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin", "")
    if site == "same-origin" or _opens_page(scope, headers):  # a page can set neither header
        return None
    forwarded = headers.get("x-forwarded-host", "").split(",")[0].strip()
    if site == "none" and (not origin or _place(origin) in {host.lower(), forwarded.lower()} - {""}):
        return None
    return f"The request comes from another web site{', ' if origin else ''}{origin}."


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    Args:
        host: an IP address or a name.
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _opens_page(scope: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Return whether a browser opens the page, which changes nothing and shows it to nobody else."""
    is_page = scope["path"] == "/" and scope["method"] in {"GET", "HEAD"}
    return is_page and headers.get("sec-fetch-dest") in _OPENED


def _name(host: str) -> str:
    """Return a host in lower case without its port, nothing if it is damaged."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str:
    """Return host and port of an origin, as a request to it names them."""
    return origin.lower().partition("://")[2]


__all__ = ["is_loopback", "reason_to_refuse"]
