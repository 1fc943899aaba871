"""Channels as the last dimension in memory, but where that would crash."""

from __future__ import annotations

import torch
from torch import nn

from fer_zoo.errors import InvalidOptionError

FEWEST_CHANNELS = 16  # floats of a vector unit


def arrange_channels_last(model: nn.Module, device: torch.device) -> None:
    """Arrange the weights of a model with channels as the last dimension in memory.

    Args:
        model: the model.
        device: where it learns.

    Raises:
        InvalidOptionError: if it learns on the CPU and has a convolution of 1 x 1 with a stride and few channels:
            oneDNN writes gradients beyond their end then, and the program crashes (torch 2.15).
    """
    for name, layer in model.named_modules():
        if device.type == "cpu" and isinstance(layer, nn.Conv2d) and _crashes(layer):
            expected = (
                f"False on the CPU for a model with strided 1 x 1 convolutions of fewer than {FEWEST_CHANNELS} "
                f"channels, whose gradients crash there; {name!r} has {layer.in_channels}"
            )
            raise InvalidOptionError("channels_last", True, expected)
    model.to(memory_format=torch.channels_last)


def _crashes(layer: nn.Conv2d) -> bool:
    """Return whether the gradients of a convolution may be written where they do not belong."""
    is_strided_point = set(layer.kernel_size) == {1} and max(layer.stride) > 1
    return is_strided_point and layer.groups == 1 and layer.in_channels < FEWEST_CHANNELS


__all__ = ["arrange_channels_last"]
