"""What all models share as models of transformers."""

from __future__ import annotations

import math
from typing import Any, Self, cast

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init


class FerPreTrainedModel(PreTrainedModel):
    """Base of all models: their input, their loss as the Trainer sees it, and how they are initialised."""

    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # the loss is a mean over the batch, which the Trainer must scale when it accumulates

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Self:
        """Load a checkpoint as every model of transformers does, but from safetensors alone.

        A pickle (``pytorch_model.bin``) is read only where the caller asks for it with ``use_safetensors=False``.

        Args:
            *args: folder or repository, and what else ``PreTrainedModel.from_pretrained`` takes.
            **options: its options.

        Raises:
            OSError: if there is no ``model.safetensors``.
        """
        return cast(Self, super().from_pretrained(*args, **{"use_safetensors": True, **options}))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise for training from scratch (He et al., "Delving deep into rectifiers", ICCV 2015).

        The fan-in is used because it is right for depthwise kernels too, whose fan-out counts channels that they do not
        feed.
        """
        super()._init_weights(module)
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            init.uniform_(module.weight, -bound, bound)
        elif isinstance(module, nn.PReLU):
            init.constant_(module.weight, 0.25)


__all__ = ["FerPreTrainedModel"]
