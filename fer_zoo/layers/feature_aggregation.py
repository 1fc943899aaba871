"""The feature aggregation block (FAB) of HAN-PFF, reconstructed.

Paper: H. Tao, Q. Duan, "Hierarchical attention network with progressive feature fusion for facial expression
recognition", Neural Networks 170 (2024) 337-348, doi 10.1016/j.neunet.2023.11.033.

Fact: a block has four branches with complementary features, among them a local convolution followed by local context
attention, global context, and spatial gradients; low- and high-level features are both used; the branches are fused.

Choice: the local convolution is a stage of ResNet-18, the fourth branch is a shortcut that carries the lower level, and
the fusion is a sum or a concatenation. The form of each branch is told in its own file.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.convolution import ConvNorm
from fer_zoo.layers.global_context import GlobalContext
from fer_zoo.layers.local_context_attention import LocalContextAttention
from fer_zoo.layers.residual import ResidualBlock, make_shortcut
from fer_zoo.layers.spatial_gradient import GradientBranch, GradientOperator

BranchFusion = Literal["sum", "concat"]


class FeatureAggregationBlock(GradientCheckpointingLayer):
    """Describe a map by its local patterns, its global context and its edges, and keep what it was.

    ``F = ReLU(l + g + t + b)`` for the sum, ``F = ReLU(BN(PW([l; g; t])) + b)`` for the concatenation.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output, divisible by 4 with local context attention.
        stride: step of the block.
        use_local_context_attention: whether the local branch l is followed by local context attention.
        use_global_context: whether there is a global branch g.
        gradient_operator: operator of the gradient branch t; without one there is no such branch.
        theta: of the central difference.
        fusion: ``"sum"``, or ``"concat"`` for a concatenation with a pointwise convolution and normalisation.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``, values at least 0.

    Raises:
        InvalidOptionError: if an option has a value that is not listed above.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import FeatureAggregationBlock
        >>> block = FeatureAggregationBlock(64, 128, stride=2, gradient_operator="learnable")
        >>> block(torch.randn(2, 64, 14, 14)).shape
        torch.Size([2, 128, 7, 7])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        use_local_context_attention: bool = True,
        use_global_context: bool = True,
        gradient_operator: GradientOperator | None = "sobel",
        theta: float = 0.7,
        fusion: BranchFusion = "sum",
    ) -> None:
        super().__init__()
        if fusion not in get_args(BranchFusion):
            raise InvalidOptionError("fusion", fusion, f"one of {', '.join(get_args(BranchFusion))}")
        self.local_blocks = nn.Sequential(
            ResidualBlock(in_channels, out_channels, stride=stride), ResidualBlock(out_channels, out_channels)
        )
        self.local_attention = LocalContextAttention(out_channels) if use_local_context_attention else nn.Identity()
        self.global_context = GlobalContext(in_channels, out_channels) if use_global_context else None
        self.gradient = None
        if gradient_operator is not None:
            self.gradient = GradientBranch(
                in_channels, out_channels, stride=stride, operator=gradient_operator, theta=theta
            )
        self.shortcut = make_shortcut(in_channels, out_channels, stride=stride)
        num_branches = 1 + (self.global_context is not None) + (self.gradient is not None)
        self.fuse = ConvNorm(num_branches * out_channels, out_channels) if fusion == "concat" else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the fusion of all branches."""
        local_features = self.local_attention(self.local_blocks(x))
        branches = [local_features]
        if self.global_context is not None:
            branches.append(self.global_context(x).expand_as(local_features))
        if self.gradient is not None:
            branches.append(self.gradient(x))
        fused = sum_of(branches) if self.fuse is None else self.fuse(torch.cat(branches, dim=1))
        return cast(Tensor, (fused + self.shortcut(x)).relu())


def sum_of(tensors: list[Tensor]) -> Tensor:
    """Return the sum of tensors of one shape."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
