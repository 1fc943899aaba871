"""Writing a checkpoint: configuration, weights and image processor in one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from os import PathLike
from pathlib import Path

import torch
from transformers import PreTrainedModel

from fer_zoo.models.image_processing_fer import FerImageProcessor
from fer_zoo.whole_files import whole_folder

CARD = "README.md"

#: What the card of a copy ends with: it is that of the checkpoint, and tells of the old temperature.
CARD_HEADING = "## Calibration of this copy"
CARD_NOTE = (
    "The temperature was fitted anew, and is {temperature:.3f}. What is said above of the temperature, the calibration "
    "error and the likelihood is of the model before. Its answers are the same."
)


def save_checkpoint(
    model: PreTrainedModel,
    processor: FerImageProcessor,
    folder: str | PathLike[str],
    *,
    stored_dtype: torch.dtype | None = None,
) -> None:
    """Write what ``from_pretrained`` needs into a folder, whole or not at all if that is new or empty.

    Args:
        model: the model.
        processor: the image processor that goes with it.
        folder: where to write; made if it does not exist.
        stored_dtype: type of the weights in the file, for example ``torch.float16`` for half the size. The
            configuration keeps the type of the model, so the weights come up as that whatever the file holds. What is
            too large for the type keeps its own.
    """
    state = model.state_dict()
    if stored_dtype is not None:
        state = {name: _stored(value, stored_dtype) for name, value in state.items()}
    with whole_folder(folder) as partial:
        model.save_pretrained(partial, state_dict=state)
        processor.save_pretrained(partial)


def _stored(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor in another type, or as it is where that has no such numbers."""
    if not value.is_floating_point():
        return value
    converted = value.to(dtype)
    return converted if torch.equal(converted.isfinite(), value.isfinite()) else value


def copy_with_temperature(
    folder: str | PathLike[str],
    destination: str | PathLike[str],
    temperature: float,
    *,
    leave_out: Collection[str] = (),
) -> None:
    """Copy a checkpoint with another temperature in its configuration; other files stay as they are, byte for byte.

    The model card, where there is one, says at its end that its figures on calibration are of the model before. The
    checkpoints that an interrupted training run would go on from are left out: they are large, and no part of it.

    Args:
        folder: the checkpoint.
        destination: a new or empty folder.
        temperature: above 0.
        leave_out: names of files of the checkpoint that are true of the old temperature alone.
    """
    source = Path(folder)
    with whole_folder(destination) as partial:
        for found in sorted(source.rglob("*")):  # all before the first copy: the copy may lie in the checkpoint
            name = found.relative_to(source)
            if found.is_file() and "checkpoints" not in name.parts and str(name) not in leave_out:
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, partial / name)
        path = partial / "config.json"
        config = json.loads(path.read_text(encoding="utf-8")) | {"temperature": temperature}
        text = json.dumps(config, indent=2, sort_keys=True) + "\n"  # as transformers writes it
        path.write_text(text, encoding="utf-8")
        card = partial / CARD
        if card.is_file():
            earlier, *_ = card.read_bytes().split(f"\n{CARD_HEADING}\n".encode())  # the card may be that of a copy
            note = f"\n\n{CARD_HEADING}\n\n{CARD_NOTE.format(temperature=temperature)}\n"
            card.write_bytes(earlier.rstrip() + note.encode())


__all__ = ["CARD", "copy_with_temperature", "save_checkpoint"]
