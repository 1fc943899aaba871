"""What stands before Gradio: only the routes that the page needs, only uploads as inputs, no body without a limit.

Gradio fetches a file for whoever names its URL, as an input or behind ``/file=``, and gives out files of folders that
are not the page's. The page needs none of that, so such requests end here, and so do those that a browser sends for
another web site. The headers tell browsers to load nothing from anywhere else, and those that Gradio adds to let other
sites in are taken off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from fer_zoo.demo.logins import LoginLimit, client_of
from fer_zoo.demo.origins import reason_to_refuse

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

#: Largest request that is not an upload, in bytes; uploads have their limit and this much for the form around them.
MAX_FORM_BYTES: Final = 65_536

UPLOAD_PATH: Final = "/gradio_api/upload"
LOGIN_PATH: Final = "/login"
FILE_PATH: Final = "/gradio_api/file="
HTTP_ERRORS: Final = 400  # the lowest status that is one
WRONG_PASSWORD: Final = 400  # how Gradio answers one
_ALLOWED: Final = re.compile(
    r"/(?:(?:login|logout|config|theme\.css|robots\.txt|manifest\.json|favicon\.ico)/?"
    r"|(?:assets|static|svelte)/.*"
    r"|gradio_api/(?:(?:user|login_check|app_id|info|openapi\.json|reset|cancel|upload|upload_progress|startup-events|"
    r"theme\.css|queue/join|queue/data)/?|(?:heartbeat|call|run)/.*|file=(?![a-zA-Z]+:).*))?"
)
_URL: Final = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LEAVE: Final = b"access-control-"  # begins the names of headers that say what other web sites may do
_SECURITY_HEADERS: Final = [
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        b"object-src 'none'; base-uri 'self'; form-action 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """An ASGI application around another one.

    Args:
        app: the application that it protects.
        folder: where uploads and results are; no other file is accepted as an input or given out by its path.
        max_bytes: largest upload, in bytes.
        is_local: whether only this machine can reach the server; it is then served under no other name.
    """

    def __init__(self, app: App, folder: Path, max_bytes: int, *, is_local: bool = False) -> None:
        self.app = app
        self.folder = folder.resolve()
        self.max_bytes = max_bytes
        self.is_local = is_local
        self._logins = LoginLimit()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http" or not _ALLOWED.fullmatch(scope["path"]):
            await _refuse(send, 404, "There is nothing here.")
            return
        if (foreign := reason_to_refuse(scope, is_local=self.is_local)) is not None:
            await _refuse(send, 403, foreign)
            return
        if scope["path"].startswith(FILE_PATH) and not is_inside(scope["path"].removeprefix(FILE_PATH), self.folder):
            await _refuse(send, 403, "Only uploads and results can be fetched.")
            return
        is_upload = scope["path"].rstrip("/") == UPLOAD_PATH
        limit = MAX_FORM_BYTES + (self.max_bytes if is_upload else 0)
        if _announced_bytes(scope) > limit:
            await _refuse(send, 413, f"The request is larger than {limit} bytes.")
            return
        if is_upload:
            await self.app(scope, _limited(receive, limit), _with_headers(send))
            return
        body = await _read_body(receive, limit)
        if body is None:
            await _refuse(send, 413, f"The request is larger than {limit} bytes.")
        elif (reason := _foreign_input(body, self.folder)) is not None:
            await _refuse(send, 400, reason)
        elif scope["path"].rstrip("/") == LOGIN_PATH and scope["method"] == "POST":
            await self._log_in(scope, _replayed(body, receive), _with_headers(send))
        else:
            await self.app(scope, _replayed(body, receive), _with_headers(send))

    async def _log_in(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a login on, unless this client has tried too often."""
        client = client_of(str((scope.get("client") or ("unknown",))[0]))
        wait = self._logins.try_again_in(client)
        if wait:
            await _refuse(send, 429, f"Too many wrong logins; try again in {wait:.0f} seconds.")
            return

        async def note(message: Message) -> None:
            """Send a message, and note whether the login was right, wrong, or none."""
            if message["type"] == "http.response.start" and message["status"] < HTTP_ERRORS:
                self._logins.succeeded(client)
            elif message["type"] == "http.response.start" and message["status"] != WRONG_PASSWORD:
                self._logins.take_back(client)
            await send(message)

        await self.app(scope, receive, note)


def _announced_bytes(scope: MutableMapping[str, Any]) -> int:
    """Return the length that a request announces; 0 if it does not."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body of a request, or ``None`` if it is above the limit."""
    body = b""
    while True:
        received = await receive()
        part: bytes = received.get("body", b"")
        body += part
        if len(body) > limit:
            return None
        if not received.get("more_body", False):
            return body


def _foreign_input(body: bytes, folder: Path) -> str | None:
    """Return why a body of JSON is refused, or ``None`` if all its files are uploads.

    Gradio looks at this only for pages that its own ``launch`` serves.
    """
    try:
        pending = [json.loads(body)]
    except RecursionError:
        return "The request is nested too deeply."
    except ValueError:  # no JSON: Gradio says what it expects
        return None
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if isinstance(path, str) and _URL.match(path):
                return "URLs are not accepted as inputs; upload the file."
            if isinstance(path, str) and not is_inside(path, folder):
                return "Only uploaded files are accepted as inputs."
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return None


def is_inside(path: str, folder: Path) -> bool:
    """Return whether a path, its links followed, is below a folder.

    Args:
        path: any text.
        folder: the folder, its links followed.
    """
    try:
        place = Path(path).resolve()
        with suppress(FileNotFoundError):
            place.lstat()  # resolve() passes over a name that is too long
        return place.is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):  # a null character, a name too long, a loop of links
        return False


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read already, and then waits for the end of the connection."""
    is_given = False

    async def replay() -> Message:
        """Return the body once."""
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _limited(receive: Receive, limit: int) -> Receive:
    """Return a ``receive`` that ends the connection once a body without an announced length is above the limit."""
    taken = 0

    async def take() -> Message:
        """Return the next part."""
        nonlocal taken
        received = await receive()
        taken += len(received.get("body", b""))
        return {"type": "http.disconnect"} if taken > limit else received

    return take


def _with_headers(send: Send) -> Send:
    """Return a ``send`` with the headers that keep browsers at home, and none that lets other web sites in."""

    async def change(message: Message) -> None:
        """Send a message."""
        if message["type"] == "http.response.start":
            own = [(name, value) for name, value in message.get("headers", []) if not name.startswith(_LEAVE)]
            message["headers"] = [*own, *_SECURITY_HEADERS]
        await send(message)

    return change


async def _refuse(send: Send, status: int, reason: str) -> None:
    """Answer with a reason, as Gradio's own errors look."""
    body = json.dumps({"detail": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_SECURITY_HEADERS]})
    await send({"type": "http.response.body", "body": body})


__all__ = ["MAX_FORM_BYTES", "Guard", "is_inside"]
