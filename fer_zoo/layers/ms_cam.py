"""Multi-scale channel attention (MS-CAM) and the two fusions built on it.

Paper: Y. Dai, F. Gieseke, S. Oehmcke, Y. Wu, K. Barnard, "Attentional feature fusion", WACV 2021 (arXiv 2009.14082),
Sections 3 and 4. HAN-PFF (Tao & Duan, Neural Networks 170 (2024) 337-348) names an attention feature fusion block
(AFFB) and an iterative feature fusion block (IFFB) without publishing them; here they are the two fusions of Dai et
al., with one difference: the result is doubled, so that equal inputs add up as in a plain sum.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.inference_form import fold_norm
from fer_zoo.layers.kernels.fallback import can_fuse


class PointwiseBottleneck(nn.Module):
    """Mix the channels of each position through a bottleneck: ``BN(PW(ReLU(BN(PW(x)))))``.

    Args:
        channels: channels C of the feature map, divisible by ``reduction``.
        reduction: the bottleneck has ``channels // reduction`` channels.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values of any size.

    Raises:
        InvalidOptionError: if the reduction does not divide the channels.
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        if channels % reduction:
            raise InvalidOptionError("reduction", reduction, f"a divisor of the {channels} channels")
        self.reduce = nn.Conv2d(channels, channels // reduction, 1)
        self.reduce_norm = nn.BatchNorm2d(channels // reduction)
        self.expand = nn.Conv2d(channels // reduction, channels, 1)
        self.expand_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed channels of ``x``."""
        hidden = self.reduce_norm(self.reduce(x)).relu()
        return cast(Tensor, self.expand_norm(self.expand(hidden)))

    def inference_form(self) -> nn.Module:
        """Return the two convolutions, which normalise too, with the activation between them."""
        reduce, expand = fold_norm(self.reduce, self.reduce_norm), fold_norm(self.expand, self.expand_norm)
        return nn.Sequential(reduce, nn.ReLU(), expand)


class MultiScaleChannelAttention(nn.Module):
    """Give a gate for every channel and position from its neighbourhood of one pixel and from the whole map (MS-CAM).

    Training needs at least two pictures a batch: the global branch normalises a single position.

    Args:
        channels: channels C of the feature map, divisible by ``reduction``.
        reduction: both bottlenecks have ``channels // reduction`` channels.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values in [0, 1].

    Raises:
        InvalidOptionError: if the reduction does not divide the channels.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import MultiScaleChannelAttention
        >>> MultiScaleChannelAttention(64)(torch.randn(2, 64, 7, 7)).shape
        torch.Size([2, 64, 7, 7])
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.local_branch = PointwiseBottleneck(channels, reduction=reduction)
        self.global_branch = PointwiseBottleneck(channels, reduction=reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Return the gates M of the feature map ``x`` (equation 3)."""
        local_scores, global_scores = self.scores(x)
        return (local_scores + global_scores).sigmoid()

    def scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the local scores L (equation 2), ``(B, C, H, W)``, and the global scores G, ``(B, C, 1, 1)``."""
        return self.local_branch(x), self.global_branch(x.mean(dim=(2, 3), keepdim=True))


class AttentionalFusion(FusibleLayer):
    """Fuse two feature maps by attention instead of a plain sum (AFF of the paper, AFFB of HAN-PFF).

    Args:
        channels: channels C of both feature maps, divisible by ``reduction``.
        reduction: the bottlenecks of the attention have ``channels // reduction`` channels.

    Shape: two of ``(B, C, H, W)`` to the fused map and the attention, both ``(B, C, H, W)``; the attention has values
    in [0, 1] and says how much of the first map is taken. With ``needs_attention=False`` it is None.

    Raises:
        InvalidOptionError: if the reduction does not divide the channels.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import AttentionalFusion
        >>> x = torch.randn(2, 64, 7, 7)
        >>> fused, attention = AttentionalFusion(64)(x, x)
        >>> torch.allclose(fused, 2 * x, atol=1e-5)
        True
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.attention = MultiScaleChannelAttention(channels, reduction=reduction)

    def forward(self, x: Tensor, y: Tensor, *, needs_attention: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return the fusion of ``x`` and ``y`` (twice equation 4) and, if wanted, the attention given to ``x``."""
        if is_pair(x, y) and can_fuse(self.implementation, x):
            return fuse_doubled(x, y, self.attention.scores(x + y), needs_attention=needs_attention)
        attention = self.attention(x + y)
        return 2 * blend(x, y, attention), attention if needs_attention else None


class IterativeAttentionalFusion(FusibleLayer):
    """Fuse two feature maps by attention to what a first such fusion made of them (iAFF of the paper, IFFB of HAN-PFF).

    Args:
        channels: channels C of both feature maps, divisible by ``reduction``.
        reduction: the bottlenecks of both attentions have ``channels // reduction`` channels.

    Shape: two of ``(B, C, H, W)`` to the fused map and the second attention, both ``(B, C, H, W)``; the attention has
    values in [0, 1] and says how much of the first map is taken. With ``needs_attention=False`` it is None.

    Raises:
        InvalidOptionError: if the reduction does not divide the channels.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import IterativeAttentionalFusion
        >>> low, high = torch.randn(2, 2, 64, 7, 7)
        >>> fused, attention = IterativeAttentionalFusion(64)(low, high)
        >>> fused.shape, attention.shape
        (torch.Size([2, 64, 7, 7]), torch.Size([2, 64, 7, 7]))
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.first_attention = MultiScaleChannelAttention(channels, reduction=reduction)
        self.second_attention = MultiScaleChannelAttention(channels, reduction=reduction)

    def forward(self, x: Tensor, y: Tensor, *, needs_attention: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return the fusion (equation 5, then twice equation 4) and, if it is wanted, the second attention."""
        if is_pair(x, y) and can_fuse(self.implementation, x):
            from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

            integrated, _ = fuse_by_scores(x, y, *self.first_attention.scores(x + y), needs_weights=False)
            return fuse_doubled(x, y, self.second_attention.scores(integrated), needs_attention=needs_attention)
        integrated = blend(x, y, self.first_attention(x + y))
        attention = self.second_attention(integrated)
        return 2 * blend(x, y, attention), attention if needs_attention else None


def is_pair(x: Tensor, y: Tensor) -> bool:
    """Return whether two maps are alike, as the kernels need them; the layers themselves also stretch the second."""
    return x.shape == y.shape and x.device == y.device


def blend(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return ``weight * x + (1 - weight) * y``, all of one shape."""
    return weight * x + (1 - weight) * y


def fuse_doubled(
    x: Tensor, y: Tensor, scores: tuple[Tensor, Tensor], *, needs_attention: bool
) -> tuple[Tensor, Tensor | None]:
    """Return twice the blend of ``x`` and ``y`` by local and global scores and, if it is wanted, its weight."""
    from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

    fused, attention = fuse_by_scores(x, y, *scores, scale=2.0, needs_weights=needs_attention)
    return fused, attention if needs_attention else None
