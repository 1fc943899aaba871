"""The command line: ``fer-zoo``. The only place that prints."""

from __future__ import annotations

from typing import Annotated

import typer
from transformers.utils import logging

from fer_zoo import __version__
from fer_zoo.cli.calibrate import calibrate
from fer_zoo.cli.convert import convert
from fer_zoo.cli.crop import crop
from fer_zoo.cli.data import data_app
from fer_zoo.cli.demo import demo
from fer_zoo.cli.doctor import doctor
from fer_zoo.cli.evaluate import evaluate
from fer_zoo.cli.explain import explain
from fer_zoo.cli.export import export
from fer_zoo.cli.hub_configs import hub_configs
from fer_zoo.cli.models import models_app
from fer_zoo.cli.predict import predict
from fer_zoo.cli.pull import pull
from fer_zoo.cli.push import push
from fer_zoo.cli.terminal import escape_what_cannot_be_encoded, join_lines
from fer_zoo.cli.train import recipes, train
from fer_zoo.cli.video import video

app = typer.Typer(
    name="fer-zoo", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
app.command()(predict)
app.command()(video)
app.command()(explain)
app.command()(crop)
app.command()(evaluate)
app.command()(calibrate)
app.command()(demo)
app.add_typer(models_app, name="models")
app.add_typer(data_app, name="data")
app.command()(train)
app.command()(recipes)
app.command()(export)
app.command()(convert)
app.command()(pull)
app.command()(push)
app.command()(hub_configs)
app.command()(doctor)

for commands in (app, models_app, data_app):
    for command in commands.registered_commands:  # the lines of a docstring are not those of a terminal
        command.help = join_lines(getattr(command.callback, "__doc__", None) or "")


def _print_version(asked: bool) -> None:
    """Print the version and stop, if that was asked for."""
    if asked:
        print(f"fer-zoo {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Facial expression recognition: detect, align and classify every face, offline."""
    escape_what_cannot_be_encoded()
    logging.disable_progress_bar()  # loading takes a moment; a bar of its own would stand in the output


__all__ = ["app"]
