"""Progressive fusion: carry the features of each level up to the next and fuse them there.

Paper: H. Tao, Q. Duan, "Hierarchical attention network with progressive feature fusion for facial expression
recognition", Neural Networks 170 (2024) 337-348, doi 10.1016/j.neunet.2023.11.033.

Fact: an attention feature fusion block (AFFB) lets different features interact, and an iterative one (IFFB)
progressively aggregates high-level semantics. Choice: the blocks are those of Dai et al. (see
:mod:`fer_zoo.layers.ms_cam`), a strided convolution takes the lower level to the size of the upper one, and only the
last level has an IFFB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from torch import Tensor, nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.convolution import ConvNorm
from fer_zoo.layers.ms_cam import AttentionalFusion, IterativeAttentionalFusion

LevelFusion = Literal["attention", "sum"]
LastFusion = Literal["iterative", "attentional"]


class ProgressiveFusion(nn.Module):
    """Fuse each level with all that lie below it.

    ``Q_1 = F_1`` and ``Q_i = fuse(ReLU(BN(conv3x3(Q_(i-1)))), F_i)``.

    Args:
        channels: channels of each level, from the largest map to the smallest.
        fusion: ``"attention"``, or ``"sum"`` for a plain sum, which has no attention.
        last_fusion: attention of the last level: ``"iterative"`` (IFFB) or ``"attentional"`` (AFFB).

    Shape: maps that halve from level to level, ``(B, C_i, H_i, W_i)``, to maps of the same shapes and to the attention
    of all levels but the first, of the shapes of their maps, values in [0, 1]: how much of the lower level is taken.

    Raises:
        InvalidOptionError: if an option has a value that is not listed above.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import ProgressiveFusion
        >>> fused, attention_maps = ProgressiveFusion([8, 16])([torch.randn(2, 8, 14, 14), torch.randn(2, 16, 7, 7)])
        >>> [level.shape[1] for level in fused], len(attention_maps)
        ([8, 16], 1)
    """

    def __init__(
        self, channels: Sequence[int], *, fusion: LevelFusion = "attention", last_fusion: LastFusion = "iterative"
    ) -> None:
        super().__init__()
        if fusion not in get_args(LevelFusion):
            raise InvalidOptionError("fusion", fusion, f"one of {', '.join(get_args(LevelFusion))}")
        if last_fusion not in get_args(LastFusion):
            raise InvalidOptionError("last_fusion", last_fusion, f"one of {', '.join(get_args(LastFusion))}")
        upper = list(channels[1:])
        self.reduce = nn.ModuleList(
            ConvNorm(low, high, 3, stride=2, padding=1) for low, high in zip(channels, upper, strict=False)
        )
        self.fusions = nn.ModuleList()
        if fusion == "attention":
            last = IterativeAttentionalFusion if last_fusion == "iterative" else AttentionalFusion
            self.fusions.extend(AttentionalFusion(size) for size in upper[:-1])
            self.fusions.extend(last(size) for size in upper[-1:])

    def forward(
        self, levels: Sequence[Tensor], *, needs_attention: bool = True
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Return the fused maps of all levels and, if it is wanted, the attention of all but the first."""
        fused, attention_maps = [levels[0]], []
        for index, (reduce, level) in enumerate(zip(self.reduce, levels[1:], strict=True)):
            lower = reduce(fused[-1]).relu()
            if len(self.fusions):
                joined, attention = self.fusions[index](lower, level, needs_attention=needs_attention)
                attention_maps.extend([attention] if needs_attention else [])
            else:
                joined = lower + level
            fused.append(joined)
        return fused, tuple(attention_maps)
