"""The dual-direction attention head of MHAN.

Papers: X. Wang et al., "MHAN: Multi-head hybrid attention network for facial expression recognition", Pattern
Recognition 170 (2026) 112015, and its parent, the dual-direction attention of S. Zhang et al., "A dual-direction
attention mixed feature network for facial expression recognition", Electronics 12 (2023) 3595. Rows and columns are
described by learned depthwise kernels that span the whole map, where coordinate attention takes their mean, and
squeeze-and-excitation (Hu et al., CVPR 2018) weighs the channels.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.layers.convolution import ConvNorm
from fer_zoo.layers.coordinate_attention import DirectionGates


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
