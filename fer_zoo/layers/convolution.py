"""A convolution with its normalisation, with and without an activation."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.layers.inference_form import fold_norm


class ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation, and no activation.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: one number, or (height, width).
        stride: step in both directions.
        padding: zeros added on each side, one number or (height, width).
        groups: number of channel groups; ``in_channels`` makes the convolution depthwise.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, H', W')``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise ``x``."""
        return cast(Tensor, self.norm(self.conv(x)))

    def inference_form(self) -> nn.Module:
        """Return one convolution that normalises too."""
        return fold_norm(self.conv, self.norm)


class ConvNormPReLU(ConvNorm):
    """:class:`ConvNorm` with "same" padding and a PReLU that has one slope per channel.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel, odd.
        stride: step in both directions.
        groups: number of channel groups.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import ConvNormPReLU
        >>> ConvNormPReLU(3, 64, 3, stride=2)(torch.randn(2, 3, 112, 112)).shape
        torch.Size([2, 64, 56, 56])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2, groups=groups)
        self.activation = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise and activate ``x``."""
        return cast(Tensor, self.activation(super().forward(x)))

    def inference_form(self) -> nn.Module:
        """Return a convolution that normalises too, with the activation."""
        return nn.Sequential(super().inference_form(), self.activation)
