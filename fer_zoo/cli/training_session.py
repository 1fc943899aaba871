"""A training run at the terminal: what is printed before, while and after a model learns."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fer_zoo.cli.photographs import warn_of_photographs
from fer_zoo.cli.train import is_first_process
from fer_zoo.cli.training_progress import EpochTable
from fer_zoo.evaluation.markdown import describe_pictures, describe_reservations, summarise
from fer_zoo.training import RunSettings, TrainingResult, TrainingRun, parse_assignment, read_settings
from fer_zoo.training.settings import Layer


def run_session(
    config: Path | None, assignments: Sequence[str], typed: Sequence[Layer], output: Path, mode: str
) -> None:
    """Prepare a run, train, and print what comes of it; of several processes only the first prints.

    Args:
        config: configuration file.
        assignments: what was given with ``--set``.
        typed: settings by the other options.
        output: folder of the run.
        mode: ``"auto"``, ``"resume"`` or ``"restart"``.
    """
    layers = [] if config is None else [read_settings(config)]
    layers += [parse_assignment(text) for text in assignments]
    settings = RunSettings.from_layers(*layers, *typed)
    console = Console(quiet=not is_first_process(), soft_wrap=True)
    command = shlex.join(["fer-zoo", *sys.argv[1:]])
    run = TrainingRun.prepare(settings, output, mode=mode, command=command)
    print_start(console, run)
    if is_first_process():
        warn_of_photographs(run.data.train)
    result = run.train([EpochTable(console)] if run.is_main_process else [])
    if result is not None:
        print_result(console, result, output)


def print_start(console: Console, run: TrainingRun) -> None:
    """Print what the run learns from, and where it goes on."""
    data = run.data
    parts = [f"{len(data.train):,} pictures to learn from"]
    if data.eval is not None:
        purpose = "to choose the epoch by" if run.arguments.load_best_model_at_end else "to watch it on"
        parts.append(f"{len(data.eval):,} {purpose}")
    if data.test is not None:
        parts.append(f"{len(data.test):,} to report on")
    twins = f" ({data.num_twins:,} twins left out)" if data.num_twins else ""
    console.print(Text(f"{data.train.name}: {', '.join(parts)}{twins}"))
    for checkpoint in run.passed_over:
        console.print(Text(f"{checkpoint}: only half written, passed over"))
    if run.checkpoint is not None:
        console.print(Text(f"goes on from {run.checkpoint}"))


def print_result(console: Console, result: TrainingResult, output: Path) -> None:
    """Print the figures, and how the model is loaded."""
    if result.report is not None:
        figures = ", ".join(f"{name} {value}" for name, value in summarise(result.report))
        counts = result.report.counts
        console.print(Text(f"{counts.evaluated:,} pictures of {result.report.split}: {figures}"))
        if counts.evaluated < counts.pictures:
            console.print(Text(describe_pictures(counts)))
        for sentence in describe_reservations(result.report):
            console.print(Text(f"note: {sentence}"))
    if result.calibration is None:
        console.print(Text(f"not calibrated: {result.record.not_calibrated}"))
    else:
        console.print(Text(f"temperature {result.calibration.temperature:.3f}"))
    console.print(Text(f"pipe = fer_zoo.pipeline(model={str(output)!r})"))


__all__ = ["run_session"]
