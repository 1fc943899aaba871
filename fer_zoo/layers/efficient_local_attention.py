"""Efficient local attention (ELA): strip pooling and a one-dimensional convolution instead of a bottleneck.

Paper: W. Xu, Y. Wan, "ELA: Efficient local attention for deep convolutional neural networks", arXiv 2403.01123, Section
3.2; the default here is its variant T (kernel 5, depthwise, 32 groups). As the authors do, height and width share one
convolution and one norm.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.kernels.fallback import can_fuse
from fer_zoo.layers.strip_means import StripMeans


class EfficientLocalAttention(FusibleLayer):
    """Scale every position by a gate of its row and a gate of its column, computed without reducing the channels.

    Args:
        channels: channels C of the feature map, divisible by ``num_groups``.
        kernel_size: length of the one-dimensional kernel, odd.
        num_groups: groups of the group normalisation.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``.

    Raises:
        InvalidOptionError: if the channels do not split into the groups, or the kernel is even.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import EfficientLocalAttention
        >>> attention = EfficientLocalAttention(64, num_groups=16)
        >>> attention(torch.randn(2, 64, 7, 7)).shape
        torch.Size([2, 64, 7, 7])
    """

    def __init__(self, channels: int, *, kernel_size: int = 5, num_groups: int = 32) -> None:
        super().__init__()
        if num_groups < 1 or channels % num_groups:
            raise InvalidOptionError("num_groups", num_groups, f"a divisor of the {channels} channels")
        if kernel_size % 2 == 0:
            raise InvalidOptionError("kernel_size", kernel_size, "an odd number")
        self.strip_means = StripMeans()
        self.conv = nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)
        self.norm = nn.GroupNorm(num_groups, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gates of rows and columns (equations 4 to 6)."""
        if can_fuse(self.implementation, x):
            return self.attend_fused(x)
        row_gates, column_gates = self.gates(*self.strip_means(x))
        return x * row_gates * column_gates

    def attend_fused(self, x: Tensor) -> Tensor:
        """Return the same by kernels: one where no gradient is recorded and a group is small enough, else two."""
        from fer_zoo.layers.kernels.launch import is_recorded
        from fer_zoo.layers.kernels.local_attention import fits_programs, local_attention
        from fer_zoo.layers.kernels.strip_gates import strip_gates
        from fer_zoo.layers.kernels.strip_means import strip_means

        inputs = (x, self.conv.weight, self.norm.weight, self.norm.bias)
        if not is_recorded(inputs) and fits_programs(x, self.norm.num_groups):
            return local_attention(*inputs, num_groups=self.norm.num_groups, epsilon=self.norm.eps)
        return strip_gates(x, *self.gates(*strip_means(x)))

    def gates(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Turn means of rows ``(B, C, H, 1)`` and of columns ``(B, C, 1, W)`` into gates of the same shapes."""
        return self.gate(rows.squeeze(3)).unsqueeze(3), self.gate(columns.squeeze(2)).unsqueeze(2)

    def gate(self, strip: Tensor) -> Tensor:
        """Turn a pooled strip ``(B, C, L)`` into gates of the same shape, values in [0, 1]."""
        return cast(Tensor, self.norm(self.conv(strip)).sigmoid())
