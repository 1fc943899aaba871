"""Layers whose scale starts at zero, so that the branch they end adds nothing to a fresh network.

Paper: P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour", arXiv 1706.02677, Section 5.1, for
the last norm of a residual branch. They are types of their own because transformers calls ``_init_weights`` of a model
from outside its tree only for modules that hold parameters themselves: a parent cannot set the start of its last layer.
"""

from __future__ import annotations

from torch import nn


class ZeroStartLinear(nn.Linear):
    """A linear layer whose weight and bias start at zero.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import ZeroStartLinear
        >>> ZeroStartLinear(4, 2)(torch.ones(1, 4)).tolist()
        [[0.0, 0.0]]
    """

    def reset_parameters(self) -> None:
        """Set weight and bias to zero."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class ZeroStartBatchNorm2d(nn.BatchNorm2d):
    """A batch normalisation whose scale and shift start at zero.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import ZeroStartBatchNorm2d
        >>> ZeroStartBatchNorm2d(4)(torch.randn(2, 4, 3, 3)).abs().sum().item()
        0.0
    """

    def reset_parameters(self) -> None:
        """Set scale and shift to zero and forget the running statistics."""
        super().reset_parameters()
        nn.init.zeros_(self.weight)
