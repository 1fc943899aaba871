"""Global context: one vector for the whole map, gathered where a learned attention looks.

Paper: Y. Cao, J. Xu, S. Lin, F. Wei, H. Hu, "GCNet: Non-local networks meet squeeze-excitation networks and beyond",
ICCV Workshops 2019 (arXiv 1904.11492), Section 4.3. Two differences: the vector is returned instead of added to the
input, as the output may have other channels, and the last layer starts at zero so that a fresh block adds nothing.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.layers.zero_start import ZeroStartLinear


class GlobalContext(nn.Module):
    """Describe the whole map by one vector.

    Args:
        in_channels: channels of the feature map.
        out_channels: channels of the description.
        reduction: the bottleneck has ``max(out_channels // reduction, 4)`` channels.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, 1, 1)``, zero at the start.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import GlobalContext
        >>> GlobalContext(64, 128)(torch.randn(2, 64, 7, 7)).abs().sum().item()
        0.0
    """

    def __init__(self, in_channels: int, out_channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        hidden_channels = max(out_channels // reduction, 4)
        self.position_scores = nn.Conv2d(in_channels, 1, 1)
        self.reduce = nn.Linear(in_channels, hidden_channels)
        self.norm = nn.LayerNorm(hidden_channels)
        self.expand = ZeroStartLinear(hidden_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the description of the feature map ``x``."""
        context = (x.flatten(2) @ self.attention(x).flatten(2).mT).squeeze(2)  # (B, in_channels)
        hidden = self.norm(self.reduce(context)).relu()
        return cast(Tensor, self.expand(hidden))[:, :, None, None]

    def attention(self, x: Tensor) -> Tensor:
        """Return the weight of every position, ``(B, 1, H, W)``, values in [0, 1] that sum to 1 for each map."""
        scores = self.position_scores(x)
        return cast(Tensor, scores.flatten(2).softmax(dim=2).view_as(scores))
