"""A running server, a browser and its visits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from demo_server import DemoServer, demo_server
from demo_visit import Visit
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """Return a running server with limits that small files reach."""
    folder = tmp_path_factory.mktemp("demo")
    with demo_server(folder, "--max-megabytes", "3", "--max-megapixels", "4") as server:
        yield server


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]) -> Iterator[Browser]:
    """Return a headless Chromium; its camera sees the astronaut."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("The tests of the web page need Chromium: apt-get install chromium, or see CONTRIBUTING.md.")
    frame = BytesIO()
    Image.fromarray(astronaut).save(frame, "JPEG", quality=95)
    film = tmp_path_factory.mktemp("camera") / "astronaut.mjpeg"
    film.write_bytes(frame.getvalue() * 2)
    options = [*BROWSER_OPTIONS, f"--use-file-for-fake-video-capture={film}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens a URL in a fresh browser context and notes what happens on the page."""
    contexts = []

    def open_page(url: str, **options: Any) -> Visit:
        context = browser.new_context(permissions=["camera"], **options)
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.page.set_default_timeout(180_000)  # a shared machine may be slow
        seen.page.on("console", lambda line: seen.problems.append(line.text) if line.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(url)
        return seen

    yield open_page
    for context in contexts:
        context.close()
