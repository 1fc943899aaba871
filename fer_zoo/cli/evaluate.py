"""``fer-zoo evaluate``: how well a model does on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fer_zoo import evaluation
from fer_zoo.cli.command_line import describe_command
from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.options import (
    BatchSizeOption,
    DeviceOption,
    FlipOption,
    KindArgument,
    LabelSetOption,
    ModelArgument,
    PathArgument,
    SplitOption,
    TwinsOption,
    UnreadableOption,
    WorkersOption,
)
from fer_zoo.cli.photographs import FIND_OR_CROP, warn_of_photographs
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.selection import select_pictures
from fer_zoo.cli.terminal import encode_json
from fer_zoo.detection import DETECTORS
from fer_zoo.errors import ImageReadError, InvalidOptionError
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.evaluation.data import parse_unreadable
from fer_zoo.evaluation.markdown import describe_conditions, describe_reservations, percent, summarise


def evaluate(
    context: typer.Context,
    model: ModelArgument,
    kind: KindArgument,
    path: PathArgument,
    split: SplitOption = None,
    label_set: LabelSetOption = None,
    detector: Annotated[
        str | None,
        typer.Option(help=f"Find and align faces first ({', '.join(DETECTORS)}); without, pictures are aligned crops."),
    ] = None,
    challenge: Annotated[
        Path | None, typer.Option(metavar="LIST", help="Only the pictures that this challenge list names.")
    ] = None,
    without_twins_of: TwinsOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the report as JSON and Markdown with pictures; an earlier one there is replaced."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Report coverage and accuracy without less sure answers.")
    ] = 0.0,
    flip: FlipOption = False,
    uncalibrated: Annotated[
        bool, typer.Option("--uncalibrated", help="Do not divide the logits by the temperature of the model.")
    ] = False,
    unreadable: UnreadableOption = "raise",
    batch_size: BatchSizeOption = 32,
    workers: WorkersOption = 0,
    device: DeviceOption = None,
) -> None:
    """Measure a model on a data set: accuracy with its interval, every class, calibration and abstention.

    Exit status: 0, also if pictures were skipped (the reasons are on stderr); 1 if a picture cannot be read and is not
    to be skipped; 2 for wrong usage.
    """
    try:
        with errors_as_usage(except_for=ImageReadError), show_progress() as on_progress:
            choice = parse_unreadable(unreadable)
            if output is not None and output.is_file():
                raise InvalidOptionError("--output", str(output), "a folder, this is a file")
            dataset, selection = select_pictures(
                kind,
                path,
                split,
                label_set=label_set,
                challenge=challenge,
                without_twins_of=without_twins_of,
                unreadable=choice,
            )
            if detector is None:
                warn_of_photographs(dataset, FIND_OR_CROP)
            report = evaluation.evaluate(
                model,
                dataset,
                detector=detector,
                device=device,
                calibrated=not uncalibrated,
                min_confidence=min_confidence,
                selection=selection,
                command=describe_command(context),
                batch_size=batch_size,
                num_workers=workers,
                flip=flip,
                unreadable=choice,
                on_progress=on_progress,
            )
    except ImageReadError as error:
        complain(error)
        raise typer.Exit(FAILED_INPUT) from error
    for reason in report.unreadable:
        complain(reason)
    if as_json:
        print(encode_json(report.to_dict(), indent=2))
    else:
        _print(report)
    if output is not None:
        with errors_as_usage():  # after the figures are printed, so that a full disk loses none
            report.save(output)


def _print(report: EvaluationReport) -> None:
    """Print the main figures and those of every class, what they leave out, and how they were measured."""
    console = Console()
    figures = Table("measured", "result", title=f"{report.model} on {report.dataset}, {report.split}")
    for row in summarise(report):
        figures.add_row(*row)
    classes = Table("class", "pictures", "precision", "recall", "F1")
    for column in classes.columns[1:]:
        column.justify = "right"
    for values in report.metrics.per_class:
        shares = map(percent, (values.precision, values.recall, values.f1))
        classes.add_row(values.label, f"{values.support:,}", *shares)
    console.print(figures, classes)
    for sentence in describe_reservations(report):
        print(f"note: {sentence}")
    for line in describe_conditions(report):
        print(line)


__all__ = ["evaluate"]
