"""``fer-zoo train`` and ``fer-zoo recipes``: from a folder of faces to a calibrated, measured model."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from transformers.utils import logging

from fer_zoo.cli.failures import complain, errors_as_usage
from fer_zoo.cli.options import DeviceOption
from fer_zoo.datasets import DATASETS
from fer_zoo.errors import InvalidOptionError

STOPPED = 130  # as shells report a command that Ctrl-C has ended


def train(
    path: Annotated[
        Path | None, typer.Argument(help="Folder or table of the pictures; may stand in the configuration file.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help=f"What it is: {', '.join(DATASETS)}.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the registry (random weights), folder, or repository on the Hub.")
    ] = None,
    fine_tune: Annotated[
        bool | None, typer.Option(help="Start from the weights of the model, or from random ones.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Values of a paper or ours, see 'fer-zoo recipes'; by default fine-tune, or from-scratch."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A new or empty folder for checkpoints, model, card and report, or that of an interrupted run.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings in YAML, such as DIR/run.yaml.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting, such as training.sam_rho=0.05."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Learn from this; 'train' by default.")] = None,
    eval_split: Annotated[str | None, typer.Option(help="Choose the epoch by this; 'validation' by default.")] = None,
    eval_share: Annotated[
        float | None, typer.Option(help="Cut this share off for that instead; 0 for none, 0.1 without a split for it.")
    ] = None,
    test_split: Annotated[str | None, typer.Option(help="Report on this instead.")] = None,
    without_twins: Annotated[
        bool | None, typer.Option("--without-twins", help="Measure without pictures that training has too.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="How often training meets every picture.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after this many steps of the optimiser.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures that one process learns from together.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest of the schedule.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn.")] = None,
    unreadable: Annotated[
        str | None, typer.Option(help="Pictures that cannot be read: 'raise' an error, or 'skip' and count.")
    ] = None,
    device: DeviceOption = None,
    calibrate: Annotated[bool | None, typer.Option(help="Fit the temperature at the end.")] = None,
    float16: Annotated[bool | None, typer.Option("--float16", help="Store the weights with half the bytes.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint, also with more epochs, for example.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Delete what an earlier run left in DIR.")] = False,
    list_recipes: Annotated[bool, typer.Option("--list-recipes", help="Print the recipes and stop.")] = False,
) -> None:
    """Train a model on faces: crops of the kind that 'fer-zoo crop' makes, or a data set.

    The recipe is the ground, the configuration file lies on it, --set on that and the other options on top. The same
    command goes on where an interrupted one stopped. It works under torchrun and accelerate launch.

    Exit status: 0 if the run came to its end, 2 for wrong usage or unusable data, 130 if it was stopped.
    """
    if list_recipes:
        recipes()
        return
    typed = {
        "recipe": recipe,
        "calibrate": calibrate,
        "float16": float16,
        "data": {
            "path": None if path is None else str(path.resolve()),
            "kind": kind,
            "split": split,
            "eval_split": eval_split,
            "eval_share": eval_share,
            "test_split": test_split,
            "without_twins": without_twins,
        },
        "model": {"name": model, "fine_tune": fine_tune},
        "training": {
            "num_train_epochs": epochs,
            "max_steps": max_steps,
            "per_device_train_batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "unreadable": unreadable,
        },
    }
    if resume and restart:
        raise typer.BadParameter("choose one of --resume and --restart")
    mode = "resume" if resume else "restart" if restart else "auto"
    with errors_as_usage():
        if output is None:
            raise InvalidOptionError("--output", None, "a folder for the run")
    with stoppable(output, mode), errors_as_usage(), quiet_training():
        from fer_zoo.cli.training_session import run_session  # the other commands do without the trainer

        run_session(config, assignments or [], [given(typed), device_layer(device)], output, mode)


def recipes() -> None:
    """List the recipes of training."""
    from fer_zoo.training import RECIPES

    table = Table("recipe", "model", "label set", "what", "values from", header_style="bold")
    for recipe in RECIPES.values():
        table.add_row(recipe.name, recipe.model or "any", recipe.label_set_name or "any", recipe.summary, recipe.source)
    Console().print(table)


def is_first_process() -> bool:
    """Return whether this is the only process of the run, or the first that torchrun or accelerate started."""
    return int(os.environ.get("RANK", "0")) == 0


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return what was typed, without the options that were not."""
    kept = {name: given(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {name: value for name, value in kept.items() if value is not None}


def device_layer(device: str | None) -> dict[str, Any]:
    """Return the settings for a device."""
    if device is None:
        return {}
    kind, _, number = device.partition(":")
    if number:
        os.environ["ACCELERATE_TORCH_DEVICE"] = device  # how accelerate, which places the model, is told
    return {"training": {"use_cpu": kind == "cpu"}}


@contextmanager
def quiet_training() -> Iterator[None]:
    """Keep transformers from printing between our lines, and show our own warnings as notes."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    show = warnings.showwarning

    def show_note(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        """Print a warning on one line."""
        if is_first_process():
            typer.echo(f"note: {message}", err=True)

    try:
        warnings.showwarning = show_note
        yield
    finally:
        warnings.showwarning = show
        logging.set_verbosity(verbosity)


@contextmanager
def stoppable(output: Path, mode: str) -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, with a line that says how it goes on."""
    command = "the same command without --restart" if mode == "restart" else "the same command"

    def stop(number: int, frame: FrameType | None) -> None:
        """End the run."""
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        complain(f"stopped; {command} goes on from the last checkpoint in {output}")
        raise typer.Exit(STOPPED) from error
    finally:
        signal.signal(signal.SIGTERM, before)


__all__ = ["is_first_process", "recipes", "train"]
