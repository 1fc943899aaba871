"""Local context attention: a gate for every channel and position from that position alone.

HAN-PFF (H. Tao, Q. Duan, "Hierarchical attention network with progressive feature fusion for facial expression
recognition", Neural Networks 170 (2024) 337-348, doi 10.1016/j.neunet.2023.11.033) states that a local convolution is
followed by local context attention (fact). Its form here is the local branch of MS-CAM (Y. Dai et al., "Attentional
feature fusion", WACV 2021, equation 2) with a residual connection (choice).
"""

from __future__ import annotations

from typing import cast

from torch import Tensor

from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.kernels.fallback import can_fuse
from fer_zoo.layers.ms_cam import PointwiseBottleneck


class LocalContextAttention(FusibleLayer):
    """Raise the values of a feature map by up to twice, judged by the channels of each position.

    Args:
        channels: channels C of the feature map, divisible by ``reduction``.
        reduction: the bottleneck has ``channels // reduction`` channels.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``.

    Raises:
        InvalidOptionError: if the reduction does not divide the channels.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import LocalContextAttention
        >>> x = torch.rand(2, 64, 7, 7)
        >>> y = LocalContextAttention(64)(x)
        >>> bool(((x <= y) & (y <= 2 * x)).all())
        True
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.scores = PointwiseBottleneck(channels, reduction=reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + x * sigmoid(BN(PW(ReLU(BN(PW(x))))))``."""
        if can_fuse(self.implementation, x):
            from fer_zoo.layers.kernels.score_fusion import excite

            return excite(x, self.scores(x))
        return cast(Tensor, x + x * self.scores(x).sigmoid())
