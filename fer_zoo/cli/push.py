"""``fer-zoo push``: an embedded or a trained model to the Hub."""

from __future__ import annotations

from typing import Annotated

import typer

from fer_zoo import hub
from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.cli.options import WITH_WEIGHTS


def push(
    name: Annotated[str, typer.Argument(help=f"Published model ({WITH_WEIGHTS}), or folder of a training run.")],
    repo_id: Annotated[str, typer.Option(metavar="OWNER/NAME", help="The repository; made if it does not exist.")],
    revision: Annotated[str | None, typer.Option(help="The branch; main by default.")] = None,
    private: Annotated[
        bool | None, typer.Option(help="Who may see a new repository; as its owner has set by default.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
) -> None:
    """Send a model to the Hub: weights, configuration, image processor and model card.

    The token is that of 'hf auth login' or HF_TOKEN.
    """
    with errors_as_usage():
        commit = hub.push(name, repo_id, revision=revision, private=private, message=message)
    print(commit.commit_url)


__all__ = ["push"]
