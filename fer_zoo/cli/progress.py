"""A bar that shows how many pictures are done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

MANY = 4  # pictures; more than these get a bar


@contextmanager
def show_progress() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr while the block runs, if there is much to do and a terminal to show it on.

    Yields:
        a function to call with the number of pictures that are done and of all.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=None, visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=total > MANY)

        yield show


__all__ = ["show_progress"]
