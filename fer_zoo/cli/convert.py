"""``fer-zoo convert``: from the checkpoint of a paper's authors to a folder that ``from_pretrained`` loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from fer_zoo.cli.destinations import refuse_used_folder
from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.errors import UnknownNameError
from fer_zoo.imaging import CROP_TEMPLATES
from fer_zoo.labels import LABEL_SETS, get_label_set
from fer_zoo.models import FerImageProcessor, convert_mhan
from fer_zoo.models.checkpoint import save_checkpoint


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of MHAN as its authors save it.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder for the model and its image processor.")],
    label_set: Annotated[str, typer.Option(help=f"What it was trained with: {', '.join(LABEL_SETS)}.")],
    color_mode: Annotated[str, typer.Option(help="Colour of the training pictures: rgb or grey.")] = "rgb",
    crop_template: Annotated[
        str, typer.Option(help=f"How the training pictures framed a face: {', '.join(CROP_TEMPLATES)}.")
    ] = "arcface",
    float16: Annotated[bool, typer.Option(help="Store the weights with half the bytes; they load as float32.")] = False,
) -> None:
    """Convert a checkpoint; no code that it may carry is run."""
    with errors_as_usage():
        refuse_used_folder("FOLDER", folder)
        if crop_template not in CROP_TEMPLATES:
            raise UnknownNameError("crop template", crop_template, CROP_TEMPLATES)
        processor = FerImageProcessor(color_mode=color_mode, crop_template=CROP_TEMPLATES[crop_template].to_dict())
        model, dropped_keys = convert_mhan(checkpoint, get_label_set(label_set))
        save_checkpoint(model, processor, folder, stored_dtype=torch.float16 if float16 else None)
    print(
        f"{folder}: {model.num_parameters():,} parameters. "
        f"{len(dropped_keys)} tensors that take part in no forward pass were dropped:"
    )
    for key in dropped_keys:
        print(f"  {key}")


__all__ = ["convert"]
