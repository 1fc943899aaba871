"""``fer-zoo pull``: a model from the Hub into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_zoo import hub
from fer_zoo.cli.failures import errors_as_usage


def pull(
    repo_id: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository.")],
    destination: Annotated[
        Path | None, typer.Argument(help="A new or empty folder; by default one with the name of the repository.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; main by default.")] = None,
) -> None:
    """Fetch a model from the Hub into a folder, checked against the checksums that the Hub reports.

    A private repository needs the token of 'hf auth login' or HF_TOKEN.
    """
    with errors_as_usage():
        folder = hub.pull(repo_id, destination or Path(repo_id).name, revision=revision)
    print(folder)


__all__ = ["pull"]
