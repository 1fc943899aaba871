"""Serving the page, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, Final

from fer_zoo.demo.analyzer import FaceAnalyzer
from fer_zoo.demo.folder import files_expire, private_folder
from fer_zoo.demo.guard import App, Guard
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.demo.origins import is_loopback
from fer_zoo.demo.packages import import_gradio
from fer_zoo.demo.page import ASSETS, create_page
from fer_zoo.errors import InvalidOptionError

LOOPBACK: Final = "127.0.0.1"
EVERY_ADDRESS: Final = "::"
DEFAULT_PORT: Final = 7860  # Gradio's own, and the one that Spaces look at
GRACE_SECONDS: Final = 3  # open pages hold a connection for events, which would keep the server from ending


def serve(
    analyzer: FaceAnalyzer,
    *,
    host: str = LOOPBACK,
    port: int = DEFAULT_PORT,
    login: tuple[str, str] | None = None,
    limits: DemoLimits | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the page until SIGINT or SIGTERM ends it; uploads and results are deleted then at the latest.

    Args:
        analyzer: the models and detectors that the page offers.
        host: address to listen at; by default only this machine can reach it.
        port: port to listen at; 0 for any that is free.
        login: user name and password that visitors must give; ``None`` for no login.
        limits: how much the page takes.
        on_ready: called with the URL of the page once it can be opened.

    Raises:
        MissingPackageError: if ``gradio`` is not installed.
        InvalidOptionError: if the address cannot be listened at, or a part of the login is empty.
    """
    limits = limits or DemoLimits()
    if login is not None and not all(login):
        raise InvalidOptionError("login", (login[0], "..."), "a user name and a password, both not empty")
    with _listen(host, port) as listening, private_folder() as folder, _sigterm_as_sigint():
        is_local = is_loopback(listening.getsockname()[0])
        # imports gradio, which makes a folder as it is imported
        app = create_app(analyzer, limits, folder, login, is_local=is_local)
        url = _url_of(listening)
        with files_expire(folder, limits.keep_seconds):
            _run(app, listening, lambda: on_ready(url) if on_ready is not None else None)


def create_app(
    analyzer: FaceAnalyzer,
    limits: DemoLimits,
    folder: Path,
    login: tuple[str, str] | None = None,
    *,
    is_local: bool = False,
) -> App:
    """Make the application that a server runs: the page, and the guard before it.

    Must be called and used inside :func:`~fer_zoo.demo.folder.private_folder`.

    Args:
        analyzer: the models and detectors that the page offers.
        limits: how much the page takes.
        folder: the private folder.
        login: user name and password that visitors must give; ``None`` for no login.
        is_local: whether only this machine can reach the server; it is then served under no other name.
    """
    gr = import_gradio()
    fonts = ["ui-sans-serif", "system-ui", "sans-serif"]  # of the system: none is fetched
    theme = gr.themes.Default(primary_hue="emerald", font=fonts, font_mono=["ui-monospace", "monospace"])
    app = gr.mount_gradio_app(
        import_module("fastapi").FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        create_page(analyzer, limits),
        path="/",
        auth=login,
        max_file_size=limits.max_bytes,
        show_error=False,  # what an unexpected error says is for the server's log alone
        run_history=False,
        footer_links=["api"],
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css=(ASSETS / "page.css").read_text(encoding="utf-8"),
    )
    return Guard(app, folder, limits.max_bytes, is_local=is_local)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InvalidOptionError: if the address is not one of this machine, or the port is taken or not allowed.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        is_every = address[0] == EVERY_ADDRESS and socket.has_dualstack_ipv6()  # of IPv4 as well
        return socket.create_server(address[:2], family=family, backlog=128, dualstack_ipv6=is_every)
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a name that cannot be one
        expected = f"an address of this machine with a port that is free ({error})"
        raise InvalidOptionError("host and port", f"{host}:{port}", expected) from error


def _url_of(listening: socket.socket) -> str:
    """Return the URL at which a browser on this machine opens the page."""
    host, port = listening.getsockname()[:2]
    if ip_address(host).is_unspecified:
        takes_four = listening.family == socket.AF_INET or not listening.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        )
        host = LOOPBACK if takes_four else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(app: App, listening: socket.socket, on_startup: Callable[[], None]) -> None:
    """Run uvicorn on a socket until a signal ends it."""
    uvicorn = import_module("uvicorn")
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS, server_header=False)
    server = uvicorn.Server(config)

    async def run() -> None:
        """Serve, and say when it has begun."""
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.05)
        if server.started:
            on_startup()
        await serving

    asyncio.run(run())


@contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    """Let SIGTERM end the server as Ctrl-C does, so that what it holds on disk is removed."""
    if current_thread() is not main_thread():
        yield
        return

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


__all__ = ["DEFAULT_PORT", "LOOPBACK", "create_app", "is_loopback", "serve"]
