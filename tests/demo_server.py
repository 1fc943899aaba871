"""A real ``fer-zoo demo`` in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forked import Forked, command_line, command_line_at_debug, forked


@dataclass
class DemoServer:
    """``fer-zoo demo``, running.

    Attributes:
        url: where the page is.
        process: the server.
        folder: the folder that its temporary folder lies in.
    """

    url: str
    process: Forked
    folder: Path


@contextmanager
def demo_server(
    folder: Path, *arguments: str, password: str | None = None, logs_everything: bool = False
) -> Iterator[DemoServer]:
    """Run ``fer-zoo demo`` at a free port, with its temporary files below a folder; given when it is ready."""
    run = command_line_at_debug if logs_everything else command_line
    environment = {"TMPDIR": str(folder), "HF_HUB_OFFLINE": "1"}
    if password is not None:
        environment["FER_ZOO_DEMO_PASSWORD"] = password
    with forked(run, "demo", "--port", "0", *arguments, folder=folder, environment=environment) as process:
        line = next(process.lines(), "")
        assert line.startswith("fer-zoo demo: http"), (line, process.err.read_text(encoding="utf-8"))
        yield DemoServer(line.split()[2], process, folder)
