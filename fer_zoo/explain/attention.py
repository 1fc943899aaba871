"""The maps that a model weighs its own features with."""

from __future__ import annotations

from inspect import Parameter, signature

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.models.evaluating import evaluating

EXPECTED = (
    "a model whose output has attention_maps, such as MhanForImageClassification, or HanPffForImageClassification with "
    "progressive_fusion='attention'"
)


def attention_maps(model: nn.Module, pixel_values: Tensor) -> NDArray[np.float32]:
    """Return the attention of a model for each place of the crops: the mean of its maps over their channels.

    MHAN has a map for each head. HAN-PFF has one for each progressive fusion, of 28, 14 and 7 pixels for the full
    model: how much of the lower levels is taken; the smaller ones are enlarged to the largest, bilinear.

    Args:
        model: a model whose forward pass takes ``output_attentions=True`` and returns ``attention_maps``.
        pixel_values: ``(B, 3, H, W)``, as the model's image processor makes them.

    Returns:
        ``(B, N, S, S)`` for N heads or levels, values in [0, 1] as the model uses them: they are not stretched.

    Raises:
        InvalidOptionError: if the model has no attention maps.
    """
    if not _takes_output_attentions(model):
        raise InvalidOptionError("model", type(model).__name__, EXPECTED)
    with evaluating(model), torch.no_grad():
        maps = getattr(model(pixel_values, output_attentions=True, return_dict=True), "attention_maps", None)
    if not maps:
        raise InvalidOptionError("model", type(model).__name__, EXPECTED)
    size = max(level.shape[-1] for level in maps)
    means = [level.float().mean(dim=1, keepdim=True) for level in maps]
    enlarged = [functional.interpolate(mean, size=(size, size), mode="bilinear") for mean in means]
    joined: NDArray[np.float32] = torch.cat(enlarged, dim=1).cpu().numpy()
    return joined


def _takes_output_attentions(model: nn.Module) -> bool:
    """Return whether the forward pass of a model can be asked for attention maps."""
    parameters = signature(model.forward).parameters.values()
    return any(p.name == "output_attentions" or p.kind is Parameter.VAR_KEYWORD for p in parameters)


__all__ = ["attention_maps"]
