"""Progress bars, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from fer_zoo.cli.progress import show_progress


class Terminal(io.StringIO):
    """A stderr that calls itself a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def test_a_terminal_shows_how_many_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pictures get a bar with both numbers."""
    monkeypatch.setattr("sys.stderr", stderr := Terminal())
    monkeypatch.setenv("TERM", "xterm")

    with show_progress() as on_progress:
        on_progress(7, 20)

    assert "pictures" in stderr.getvalue()
    assert "7/20" in stderr.getvalue()


def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log file has no bars."""
    monkeypatch.setattr("sys.stderr", stderr := io.StringIO())

    with show_progress() as on_progress:
        on_progress(7, 20)

    assert stderr.getvalue() == ""


def test_a_bar_leaves_the_output_to_where_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command prints under a bar goes to its stdout, which may be a file, and not to the terminal."""
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    before = sys.stdout

    with show_progress() as on_progress:
        on_progress(1, 10)
        inside = sys.stdout

    assert inside is before
