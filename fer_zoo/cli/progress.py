"""A bar that shows how many pictures are done, how fast, and how long the rest will take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

MANY = 4  # pictures; more than these get a bar


class RateColumn(ProgressColumn):
    """How many pictures are done in a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last half minute."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")


@contextmanager
def show_progress() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr while the block runs, if there is much to do and a terminal to show it on.

    Yields:
        a function to call with the number of pictures that are done and of all.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("pictures", total=None, visible=False)

        def show(done: int, total: int) -> None:
            if not progress.tasks[task].visible:  # what an earlier run did is no speed of this one
                progress.reset(task, completed=done, total=total, visible=total > MANY)
            progress.update(task, completed=done, total=total, visible=total > MANY)

        yield show


__all__ = ["show_progress"]
