"""Writing a checkpoint: configuration, weights and image processor in one folder."""

from __future__ import annotations

from os import PathLike

import torch
from transformers import PreTrainedModel

from fer_zoo.models.image_processing_fer import FerImageProcessor


def save_checkpoint(
    model: PreTrainedModel,
    processor: FerImageProcessor,
    folder: str | PathLike[str],
    *,
    stored_dtype: torch.dtype | None = None,
) -> None:
    """Write what ``from_pretrained`` needs into a folder.

    Args:
        model: the model.
        processor: the image processor that goes with it.
        folder: where to write; made if it does not exist.
        stored_dtype: type of the weights in the file, for example ``torch.float16`` for half the size. The
            configuration keeps the type of the model, so the weights come up as that whatever the file holds.
    """
    state = model.state_dict()
    if stored_dtype is not None:
        state = {name: value.to(stored_dtype) if value.is_floating_point() else value for name, value in state.items()}
    model.save_pretrained(folder, state_dict=state)
    processor.save_pretrained(folder)


__all__ = ["save_checkpoint"]
