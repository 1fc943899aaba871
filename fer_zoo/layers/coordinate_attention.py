"""Coordinate attention: where along the height, and where along the width.

Paper: Q. Hou, D. Zhou, J. Feng, "Coordinate attention for efficient mobile network design", CVPR 2021 (arXiv
2103.02907), Section 3.2.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.inference_form import fold_norm
from fer_zoo.layers.kernels.fallback import can_fuse
from fer_zoo.layers.strip_means import StripMeans


class DirectionGates(nn.Module):
    """Turn a description of the rows and one of the columns into a gate for each row and each column.

    Both descriptions share one bottleneck, so that each direction sees the scale of the other (equations 6 and 7 of the
    paper).

    Args:
        channels: channels C of the feature map.
        reduced_channels: channels of the shared bottleneck.

    Shape: rows ``(B, C, H, 1)`` and columns ``(B, C, 1, W)`` to gates of the same two shapes, values in [0, 1].
    """

    def __init__(self, channels: int, reduced_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced_channels, 1)
        self.norm = nn.BatchNorm2d(reduced_channels)
        self.activation = nn.Hardswish()
        self.expand_height = nn.Conv2d(reduced_channels, channels, 1)
        self.expand_width = nn.Conv2d(reduced_channels, channels, 1)

    def forward(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates of the rows and of the columns."""
        joint = torch.cat([rows, columns.transpose(2, 3)], dim=2)  # (B, C, H + W, 1)
        joint = self.activation(self.norm(self.reduce(joint)))  # equation 6
        height, width = joint.split([rows.shape[2], columns.shape[3]], dim=2)
        row_gates = self.expand_height(height).sigmoid()  # equation 7, g_h
        column_gates = self.expand_width(width).sigmoid().transpose(2, 3)  # equation 7, g_w
        return row_gates, column_gates

    def inference_form(self) -> nn.Module:
        """Return a form that does not bring rows and columns together, as without a norm they are independent."""
        return SeparateDirectionGates(self)


class SeparateDirectionGates(nn.Module):
    """The inference form of :class:`DirectionGates`.

    Args:
        gates: what it is made from, in evaluation mode.

    Shape: rows ``(B, C, H, 1)`` and columns ``(B, C, 1, W)`` to gates of the same two shapes, values in [0, 1].
    """

    def __init__(self, gates: DirectionGates) -> None:
        super().__init__()
        self.reduce = nn.Sequential(fold_norm(gates.reduce, gates.norm), gates.activation)
        self.expand_height = gates.expand_height
        self.expand_width = gates.expand_width

    def forward(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates of the rows and of the columns."""
        return self.expand_height(self.reduce(rows)).sigmoid(), self.expand_width(self.reduce(columns)).sigmoid()


class CoordinateAttention(FusibleLayer):
    """Scale every position by a gate of its row and a gate of its column.

    Args:
        channels: channels C of the feature map.
        reduction: the bottleneck has ``max(8, channels // reduction)`` channels.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import CoordinateAttention
        >>> x = torch.randn(2, 64, 7, 7)
        >>> attended = CoordinateAttention(64)(x)
        >>> bool((attended.abs() <= x.abs()).all())  # the gates lie in [0, 1]
        True
    """

    def __init__(self, channels: int, *, reduction: int = 32) -> None:
        super().__init__()
        self.strip_means = StripMeans()
        self.gates = DirectionGates(channels, max(8, channels // reduction))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gates of rows and columns (equation 8)."""
        if can_fuse(self.implementation, x):
            from fer_zoo.layers.kernels.strip_gates import strip_gates
            from fer_zoo.layers.kernels.strip_means import strip_means

            return strip_gates(x, *self.gates(*strip_means(x)))
        row_gates, column_gates = self.gates(*self.strip_means(x))
        return cast(Tensor, x * column_gates * row_gates)
