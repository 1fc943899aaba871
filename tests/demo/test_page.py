"""The page in a real browser: what is uploaded, and what is read off it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from demo_server import DemoServer
from demo_visit import Visit
from numpy.typing import NDArray
from playwright.sync_api import Page

Write = Callable[[str, NDArray[np.uint8]], str]
Open = Callable[..., Visit]

#: Width and height of the window, and which colours the visitor prefers.
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


def upload(page: Page, path: str | Path, tab: str = "picture") -> str:
    """Upload a file and return the message that the page then shows."""
    page.set_input_files(f"#{tab}-input input[type=file]", path)
    return page.inner_text(f"#{tab}-status .fz-message")


def read_charts(page: Page, tab: str = "picture") -> list[dict[str, float]]:
    """Return the bar charts of the page: the percentage of each expression, for every face."""
    charts = []
    for card in page.locator(f"#{tab}-charts .fz-card").all():
        rows = zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts(), strict=True)
        charts.append({label: float(share.rstrip("%")) for label, share in rows})
    return charts


def brightness(page: Page) -> float:
    """Return how bright the background of the page is, from 0 to 255."""
    color = page.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    return sum(map(int, re.findall(r"\d+", color)[:3])) / 3


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_uploaded_picture_is_analysed_in_every_look(
    look: str, server: DemoServer, visit: Open, write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The smile is found, drawn and charted; nothing fails, comes from elsewhere or reaches beyond the window."""
    seen = visit(server.url, **LOOKS[look])

    said = upload(seen.page, write_picture("smile.png", astronaut))

    assert said == "Found 1 face in smile.png."
    (chart,) = read_charts(seen.page)
    assert next(iter(chart)) == "happiness"
    assert chart["happiness"] == pytest.approx(100.0, abs=0.11)
    assert sum(chart.values()) == pytest.approx(100, abs=0.5)
    drawn = seen.page.locator("#picture-faces img")
    drawn.wait_for()
    assert drawn.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [512, 512]
    assert seen.problems == []
    own = urlsplit(server.url).netloc
    assert {urlsplit(url).netloc for url in seen.requests if urlsplit(url).scheme in {"http", "https"}} == {own}
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert (brightness(seen.page) > 128) == (look != "dark")
    assert seen.page.screenshot(path=tmp_path / f"{look}.png", full_page=True)


def test_faces_of_a_group_have_a_card_each(server: DemoServer, visit: Open, group_path: Path) -> None:
    """There are six faces, each with its chart and its picture; the first three are unfolded."""
    page = visit(server.url).page

    said = upload(page, group_path)

    assert said == "Found 6 faces in t1.jpg."
    assert page.locator(".fz-card").count() == 6
    assert page.locator(".fz-card[open]").count() == 3
    sizes = page.locator(".fz-card img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(size > 1 for size in sizes)


def test_picture_without_a_face(
    server: DemoServer, visit: Open, write_picture: Write, landscape: NDArray[np.uint8]
) -> None:
    """The page says so and gives advice, without a chart."""
    seen = visit(server.url)

    said = upload(seen.page, write_picture("landscape.png", landscape))

    assert said.startswith("No face was found. Try a picture in which faces are larger")
    assert seen.page.locator(".fz-card").count() == 0
    assert seen.problems == []


def test_broken_file(server: DemoServer, visit: Open, tmp_path: Path) -> None:
    """The message names the file, not the server's path, and says what is wrong."""
    page = visit(server.url).page
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")

    said = upload(page, tmp_path / "broken.png")

    assert said.startswith("Cannot read image 'broken.png'")
    assert str(server.folder) not in said
    assert not page.locator("#picture-faces").is_visible()


def test_picture_with_too_many_pixels(server: DemoServer, visit: Open, write_picture: Write) -> None:
    """A small file that would unfold to 16 million pixels is refused by its header."""
    path = write_picture("bomb.png", np.zeros((4000, 4000, 3), np.uint8))

    said = upload(visit(server.url).page, path)

    assert said == (
        "Cannot read image 'bomb.png': it has 4000 x 4000 pixels, above the limit of 4000000; make it smaller."
    )


def test_examples_explanations_and_detectors(server: DemoServer, visit: Open) -> None:
    """An example is analysed at a click, and again when the visitor chooses otherwise."""
    seen = visit(server.url)
    page = seen.page

    page.get_by_role("button", name="Two faces").click()
    assert page.inner_text("#picture-status .fz-message") == "Found 2 faces in two_faces.jpg."
    assert not page.locator("#picture-explanation img").is_visible()
    page.get_by_label("Grad-CAM").check()
    page.locator("#picture-explanation img").wait_for()
    heated = page.locator("#picture-explanation img").get_attribute("src")
    page.get_by_label("attention").check()
    page.wait_for_function("src => document.querySelector('#picture-explanation img').src !== src", arg=heated)
    page.get_by_label("Detector").click()
    page.get_by_role("option", name="whole_image").click()
    page.get_by_text("Found 1 face in two_faces.jpg.").wait_for()

    assert seen.problems == []


def test_webcam(server: DemoServer, visit: Open) -> None:
    """A photograph taken by the camera, which sees the astronaut, is analysed."""
    seen = visit(server.url)
    page = seen.page

    page.get_by_role("tab", name="Webcam").click()
    page.get_by_text("Click to Access Webcam").click()
    page.get_by_role("button", name="capture photo").click()
    said = page.inner_text("#webcam-status .fz-message")

    assert said.startswith("Found 1 face in ")
    (chart,) = read_charts(page, "webcam")
    assert next(iter(chart)) == "happiness"
    assert seen.problems == []
