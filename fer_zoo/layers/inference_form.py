"""The inference form of layers: what only training needs apart is computed once and for all.

A layer that has such a form follows :class:`HasInferenceForm`. The form computes the same up to rounding: a norm goes
into the weights before it, parallel kernels become one, and means are taken in the way that is fastest without
gradients.
"""

from __future__ import annotations

from typing import Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


@runtime_checkable
class HasInferenceForm(Protocol):
    """A layer with an inference form."""

    def inference_form(self) -> nn.Module:
        """Return the inference form: another layer, or this one after a change; its parts have theirs already."""
        ...


def take_inference_form(module: nn.Module) -> None:
    """Put the inference form of every layer in its place, the innermost first.

    Args:
        module: in evaluation mode; what it computes stays the same up to rounding.
    """
    for name, child in list(module.named_children()):
        take_inference_form(child)
        if isinstance(child, HasInferenceForm):
            setattr(module, name, child.inference_form().eval())


@torch.no_grad()
def fold_norm(layer: Weighted, norm: nn.Module) -> Weighted:
    """Return a convolution or linear layer that also does the batch normalisation that follows it.

    Args:
        layer: what comes before the norm.
        norm: a batch normalisation in evaluation mode.
    """
    if isinstance(layer, nn.Conv2d):
        return fuse_conv_bn_eval(layer, cast(nn.BatchNorm2d, norm))
    return fuse_linear_bn_eval(layer, cast(nn.BatchNorm1d, norm))


__all__ = ["HasInferenceForm", "fold_norm", "take_inference_form"]
