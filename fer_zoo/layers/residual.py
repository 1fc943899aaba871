"""The basic residual block of ResNet-18.

Paper: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016 (arXiv 1512.03385),
Figure 5 (left), with the projecting shortcut of its option B.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.layers.convolution import ConvNorm


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 with a shortcut around them.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: step of the first convolution and of the shortcut.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``, values at least 0.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import ResidualBlock
        >>> ResidualBlock(64, 128, stride=2)(torch.randn(2, 64, 7, 7)).shape
        torch.Size([2, 128, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, out_channels, 3, stride=stride, padding=1)
        self.conv2 = ConvNorm(out_channels, out_channels, 3, padding=1)
        self.shortcut = make_shortcut(in_channels, out_channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the block (equations 1 and 2)."""
        return cast(Tensor, (self.conv2(self.conv1(x).relu()) + self.shortcut(x)).relu())


def make_shortcut(in_channels: int, out_channels: int, *, stride: int) -> nn.Module:
    """Return the identity where the shapes match, else a pointwise convolution with normalisation."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return ConvNorm(in_channels, out_channels, stride=stride)
