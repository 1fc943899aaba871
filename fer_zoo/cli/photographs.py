"""A warning of data that are whole photographs, where a command takes every picture for a crop."""

from __future__ import annotations

import typer

from fer_zoo.cli.terminal import LAYOUT, printable
from fer_zoo.datasets import ExpressionDataset
from fer_zoo.doctor import find_photographs

CROP_FIRST = "Cut the faces out first: fer-zoo crop SRC DEST."
FIND_OR_CROP = "Find the faces with --detector center_face, or cut them out first: fer-zoo crop SRC DEST."


def warn_of_photographs(dataset: ExpressionDataset, advice: str = CROP_FIRST) -> None:
    """Print a warning on stderr if the pictures are photographs, judged by a few of them.

    Args:
        dataset: the pictures that are taken for crops.
        advice: what to do then, as a sentence.
    """
    hint = find_photographs(dataset)
    if hint is not None:
        typer.echo(f"warning: {printable(hint.message, keep=LAYOUT)} {advice}", err=True)


__all__ = ["CROP_FIRST", "FIND_OR_CROP", "warn_of_photographs"]
