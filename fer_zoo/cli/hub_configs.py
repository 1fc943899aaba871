"""``fer-zoo hub-configs``: the folder of configurations and model cards, for those who work on fer-zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.hub import find_drift, write_hub_configs


def hub_configs(
    folder: Annotated[Path, typer.Argument(help="The folder; the one of the repository by default.")] = Path(
        "hub_configs"
    ),
    write: Annotated[
        bool, typer.Option("--write/--check", help="Write the files over those that are there, or compare them.")
    ] = False,
) -> None:
    """Write or check the configuration and the model card of every published model.

    Exit status: 0 if the files are as the registry gives them, 1 if not (the differences are on stderr).
    """
    with errors_as_usage():
        if write:
            write_hub_configs(folder)
        drift = find_drift(folder)
    for line in drift:
        complain(f"{folder}: {line}")
    if drift:
        raise typer.Exit(FAILED_INPUT)
    print(f"{folder}: as the registry gives it")


__all__ = ["hub_configs"]
