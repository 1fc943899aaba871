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


__all__ = ["show_progress"]
