"""How commands show that they are getting on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

MANY = 4  # pieces of work; more than these get a progress bar


@contextmanager
def show_progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr while the block runs, if there is much to do and a terminal to show it on.

    Args:
        what: what is counted, such as "pictures".
        total: how many there are.

    Yields:
        a function to call after each.
    """
    if total <= MANY or not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


class Counter:
    """Shows how many pictures are done.

    Args:
        progress: where; ``None`` shows nothing.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.task = None if progress is None else progress.add_task("pictures", total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show the numbers."""
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=done, total=total)


@contextmanager
def count_pictures() -> Iterator[Counter]:
    """Show a progress bar on stderr for work that says itself how far it is; nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield Counter(None)
        return
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Counter(progress)


__all__ = ["Counter", "count_pictures", "show_progress"]
