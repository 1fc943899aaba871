"""Which arithmetic a layer uses: PyTorch's own operations, or the kernels of :mod:`fer_zoo.layers.kernels`.

The choice is an attribute and no parameter or buffer, so a checkpoint knows nothing of it. Models set it from
``attn_implementation``, as :meth:`fer_zoo.models.FerPreTrainedModel.set_attn_implementation` tells.
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from fer_zoo.errors import InvalidOptionError

Implementation = Literal["eager", "fused"]


class FusibleLayer(nn.Module):
    """Base of the layers that have a fused form beside the eager one.

    Attributes:
        implementation: ``"eager"`` (the reference and the default), or ``"fused"``, which is eager again for inputs
            that :func:`fer_zoo.layers.kernels.fallback_reason` names a reason for.
    """

    implementation: Implementation = "eager"


def set_implementation(module: nn.Module, implementation: Implementation) -> None:
    """Choose the arithmetic of every layer of a module that has a choice, the module itself among them.

    Args:
        module: a layer or a model.
        implementation: ``"eager"`` or ``"fused"``.

    Raises:
        InvalidOptionError: if the implementation is neither.

    Example:
        >>> from fer_zoo.layers import EfficientLocalAttention, set_implementation
        >>> layer = EfficientLocalAttention(64)
        >>> set_implementation(layer, "fused")
        >>> layer.implementation
        'fused'
    """
    if implementation not in get_args(Implementation):
        raise InvalidOptionError("implementation", implementation, f"one of {', '.join(get_args(Implementation))}")
    for layer in module.modules():
        if isinstance(layer, FusibleLayer):
            layer.implementation = implementation
