"""``fer-zoo models``: the models, with and without weights."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.cli.options import EmbeddedModelArgument
from fer_zoo.hub import install
from fer_zoo.registry import list_models

models_app = typer.Typer(rich_markup_mode="rich")


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    licences: Annotated[
        bool, typer.Option("--licences", help="List whose terms apply to the parts of each model instead.")
    ] = False,
) -> None:
    """List the models with their measured figures, and those that have no weights yet."""
    if context.invoked_subcommand is None:
        Console().print(_licence_table() if licences else _figure_table())


@models_app.command("install")
def install_model(
    name: EmbeddedModelArgument,
) -> None:
    """Put an embedded model into the cache of the Hub, where plain transformers finds it without the network.

    The cache is that of HF_HUB_CACHE or HF_HOME. A model from the Hub that is there already is left as it is.
    """
    with errors_as_usage():
        snapshot = install(name)
    print(snapshot)


def _figure_table() -> Table:
    """Return the models, one line each."""
    table = Table("model", "what", "label set", "parameters", "measured", header_style="bold")
    for entry in list_models():
        figures = "\n".join(f"{name}: {value:.1f} %" for name, value in entry.figures.items())
        if not entry.is_embedded:
            figures = "no weights yet"
        table.add_row(entry.name, entry.summary, entry.label_set_name, f"{entry.num_parameters:,}", figures)
    return table


def _licence_table() -> Table:
    """Return the licences, one line for each part of a model."""
    table = Table("model", "part", "terms", "source and note", header_style="bold", show_lines=True)
    table.columns[-1].overflow = "fold"  # an address stays whole
    for entry in list_models():
        for licence in entry.licences or ():
            remarks = "\n".join(filter(None, (licence.source, licence.note)))
            table.add_row(entry.name, licence.part, licence.terms, remarks)
    return table


__all__ = ["models_app"]
