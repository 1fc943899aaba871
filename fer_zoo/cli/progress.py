"""A bar that shows how many pictures are done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBar:
    """Shows how many pictures are done."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.task = None if progress is None else progress.add_task("pictures", total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show the numbers."""
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=done, total=total)


@contextmanager
def show_progress() -> Iterator[ProgressBar]:
    """Give a progress bar on stderr, which shows nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield ProgressBar(None)
        return
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield ProgressBar(progress)


__all__ = ["ProgressBar", "show_progress"]
