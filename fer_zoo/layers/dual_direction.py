"""The dual-direction attention head of MHAN.

Papers: X. Wang et al., "MHAN: Multi-head hybrid attention network for facial expression recognition", Pattern
Recognition 170 (2026) 112015, and its parent, the dual-direction attention of S. Zhang et al., "A dual-direction
attention mixed feature network for facial expression recognition", Electronics 12 (2023) 3595. Rows and columns are
described by learned depthwise kernels that span the whole map, where coordinate attention takes their mean, and
squeeze-and-excitation (Hu et al., CVPR 2018) weighs the channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from fer_zoo.layers.convolution import ConvNorm
from fer_zoo.layers.coordinate_attention import DirectionGates
from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.kernels.fallback import can_fuse

MAX_FUSED_POSITIONS = 4096  # of a map, each side rounded up to a power of two: a kernel holds one whole


class DualDirectionHead(nn.Module):
    """Give an attention map with a value for every channel and position.

    Args:
        channels: channels C of the feature map.
        size: height and width S of the feature map.
        gate_reduction: the bottleneck of the gates has ``max(8, channels // gate_reduction)`` channels.
        squeeze_reduction: the bottleneck of squeeze-and-excitation has ``max(1, channels // squeeze_reduction)``
            channels.

    Shape: ``(B, C, S, S)`` to ``(B, C, S, S)``, values in [0, 1].
    """

    def __init__(self, channels: int, size: int, *, gate_reduction: int = 32, squeeze_reduction: int = 16) -> None:
        super().__init__()
        self.rows = ConvNorm(channels, channels, (1, size), groups=channels)
        self.columns = ConvNorm(channels, channels, (size, 1), groups=channels)
        self.gates = DirectionGates(channels, max(8, channels // gate_reduction))
        squeezed = max(1, channels // squeeze_reduction)
        self.squeeze = nn.Linear(channels, squeezed, bias=False)
        self.activation = nn.ReLU()
        self.excite = nn.Linear(squeezed, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attention map of the feature map ``x``."""
        row_gates, column_gates = self.gates(self.rows(x), self.columns(x))
        attention = column_gates * row_gates  # outer product, (B, C, S, S)
        channel_gates = self.excite(self.activation(self.squeeze(attention.mean(dim=(2, 3))))).sigmoid()
        return cast(Tensor, attention * channel_gates[:, :, None, None])

    def direction_gates(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gates whose product is the attention map, without the map.

        Returns:
            The gates of the rows ``(B, C, S)``, of the columns ``(B, C, S)`` and of the channels ``(B, C)``.
        """
        row_gates, column_gates = self.gates(self.rows(x), self.columns(x))
        rows, columns = row_gates.squeeze(3), column_gates.squeeze(2)
        mean = rows.mean(dim=2) * columns.mean(dim=2)  # of the outer product over all positions
        return rows, columns, self.excite(self.activation(self.squeeze(mean))).sigmoid()


class DualDirectionHeads(nn.ModuleList, FusibleLayer):
    """Several heads, of which the strongest wins at every channel and position.

    Args:
        heads: the heads, at least one.

    Shape: ``(B, C, S, S)`` to the map scaled by the strongest attention, ``(B, C, S, S)``, and the attention map of
    every head, or None where they are not wanted.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import DualDirectionHead, DualDirectionHeads
        >>> heads = DualDirectionHeads(DualDirectionHead(64, 7) for _ in range(2))
        >>> attended, maps = heads(torch.randn(2, 64, 7, 7))
        >>> attended.shape, len(maps)
        (torch.Size([2, 64, 7, 7]), 2)
    """

    def __init__(self, heads: Iterable[DualDirectionHead]) -> None:
        super().__init__(heads)

    def forward(self, x: Tensor, *, needs_maps: bool = True) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Return the scaled feature map, and the attention maps if they are wanted."""
        if can_fuse(self.implementation, x, max_positions=MAX_FUSED_POSITIONS):
            from fer_zoo.layers.kernels.dual_direction import attend_strongest

            gates = zip(*(cast(DualDirectionHead, head).direction_gates(x) for head in self), strict=True)
            attended, maps = attend_strongest(x, *(torch.stack(gate, dim=1) for gate in gates), needs_maps=needs_maps)
            return attended, maps.unbind(1) if needs_maps else None
        attention_maps = tuple(head(x) for head in self)
        attended = x * torch.stack(attention_maps).amax(dim=0)  # the strongest head wins at every channel and position
        return attended, attention_maps if needs_maps else None
