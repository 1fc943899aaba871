"""``fer-zoo calibrate``: the temperature that makes the probabilities of a model mean what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fer_zoo import evaluation
from fer_zoo.cli.destinations import refuse_used_folder
from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.options import (
    BatchSizeOption,
    CalibrationSplitOption,
    DeviceOption,
    KindArgument,
    LabelSetOption,
    ModelArgument,
    PathArgument,
    TwinsOption,
    UnreadableOption,
    WorkersOption,
)
from fer_zoo.cli.photographs import warn_of_photographs
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.selection import find_calibration_split, select_pictures
from fer_zoo.errors import CheckpointError, ImageReadError
from fer_zoo.evaluation import Calibration
from fer_zoo.evaluation.data import parse_unreadable
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.evaluation.report import REPORT_FILES
from fer_zoo.export import is_exported
from fer_zoo.models.checkpoint import copy_with_temperature, save_checkpoint
from fer_zoo.registry import resolve_model


def calibrate(
    model: ModelArgument,
    kind: KindArgument,
    path: PathArgument,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="A new or empty folder for a copy of the model with its temperature.")
    ],
    split: CalibrationSplitOption = None,
    label_set: LabelSetOption = None,
    without_twins_of: TwinsOption = None,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the data for the figures after calibration.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    unreadable: UnreadableOption = "raise",
    batch_size: BatchSizeOption = 32,
    workers: WorkersOption = 0,
    device: DeviceOption = None,
) -> None:
    """Fit the temperature of a model on aligned crops that it was not trained on, and write a copy that has it.

    No answer changes by it. The figures after calibration are cross-fitted: each picture is judged at a temperature
    that was fitted without it. The copy has no report of an evaluation, as that was at the old temperature.

    Exit status: as for evaluate.
    """
    try:
        with errors_as_usage(except_for=ImageReadError), show_progress() as on_progress:
            choice = parse_unreadable(unreadable)
            _check_model(model)
            refuse_used_folder("--output", output)
            dataset, _ = select_pictures(
                kind,
                path,
                split or find_calibration_split(kind, path),
                label_set=label_set,
                without_twins_of=without_twins_of,
                unreadable=choice,
            )
            warn_of_photographs(dataset)
            classifier = load_classifier(model, device=device)
            found = evaluation.calibrate(
                classifier.model,
                dataset,
                processor=classifier.processor,
                num_folds=folds,
                batch_size=batch_size,
                num_workers=workers,
                unreadable=choice,
                on_progress=on_progress,
            )
            checkpoint = resolve_model(model)
            if Path(checkpoint).is_dir():
                copy_with_temperature(checkpoint, output, found.temperature, leave_out=REPORT_FILES)
            else:
                save_checkpoint(classifier.model, classifier.processor, output)
    except ImageReadError as error:
        complain(error)
        raise typer.Exit(FAILED_INPUT) from error
    for reason in found.unreadable:
        complain(reason)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found, output)


def _check_model(model: str) -> None:
    """Refuse the folder of an export, before the work.

    Raises:
        CheckpointError: if it is one.
    """
    if is_exported(model):
        raise CheckpointError(
            f"{model!r} is an export, and its network has its temperature inside. Calibrate the checkpoint that it was "
            "made from, and export the copy."
        )


def _print(found: Calibration, output: Path) -> None:
    """Print the figures before and after, and where the model is."""
    table = Table("", "before", "after")
    table.add_row("temperature", f"{found.temperature_before:.4f}", f"{found.temperature:.4f}")
    table.add_row("ECE", f"{found.ece_before:.2%}", f"{found.ece_after:.2%}")
    table.add_row("NLL", f"{found.nll_before:.4f}", f"{found.nll_after:.4f}")
    Console().print(table)
    print(f"{found.num_pictures:,} pictures; ECE and NLL after are cross-fitted in {found.num_folds} folds")
    if found.nll_after > found.nll_before:
        print(
            "NLL is higher on pictures that were left out of fitting: more pictures are needed to trust the temperature"
        )
    print(output)


__all__ = ["calibrate"]
