"""A page in a browser, with what it said and asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass
class Visit:
    """A page in a browser, with what it said and asked for.

    Attributes:
        page: the page.
        problems: errors on the console, and exceptions.
        requests: the URL of every request.
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
