"""One line for each epoch of a training run, as a table that grows."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.text import Text
from transformers import TrainerCallback

#: Titles and widths of the columns.
COLUMNS = (("epoch", 7), ("loss", 9), ("learning rate", 13), ("accuracy", 9), ("balanced", 9), ("time", 9))


class EpochTable(TrainerCallback):
    """Prints a line when an epoch has ended, after the evaluation if there is one.

    Accuracy and balanced accuracy are those of the pictures that the epoch is chosen by.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()
        self.logged: dict[str, float] = {}
        self.num_unreadable = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Print the head."""
        head = "  ".join(f"{title:>{width}}" for title, width in COLUMNS)
        self.console.print(Text(head, style="bold"))
        self.started = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Keep what was logged until the epoch has ended, and print its line after the evaluation."""
        self.logged.update(logs or {})
        if logs and "eval_loss" in logs:
            self.print_line()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Print the line of the epoch before, if no evaluation did."""
        self.print_line()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Print the last line, if no evaluation did."""
        self.print_line()

    def print_line(self) -> None:
        """Print what is known of the epoch."""
        logged, self.logged = self.logged, {}
        if "loss" not in logged and "eval_loss" not in logged:
            self.logged = logged
            return
        cells = (
            f"{logged['epoch']:.4g}" if "epoch" in logged else "",
            f"{logged['loss']:.4f}" if "loss" in logged else "",
            f"{logged['learning_rate']:.2e}" if "learning_rate" in logged else "",
            f"{logged['eval_accuracy']:.1%}" if "eval_accuracy" in logged else "",
            f"{logged['eval_balanced_accuracy']:.1%}" if "eval_balanced_accuracy" in logged else "",
            f"{time.monotonic() - self.started:,.0f} s",
        )
        line = "  ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True))
        skipped = int(logged.get("num_unreadable", self.num_unreadable) - self.num_unreadable)
        self.num_unreadable += skipped
        self.console.print(Text(line + (f"  {skipped} unreadable pictures left out" if skipped else "")))


__all__ = ["EpochTable"]
