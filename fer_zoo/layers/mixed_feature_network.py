"""The mixed feature network (MFN), the backbone of DDAMFN and of MHAN.

Paper: S. Zhang et al., "A dual-direction attention mixed feature network for facial expression recognition",
Electronics 12 (2023) 3595: a MobileFaceNet with mixed depthwise convolutions and coordinate attention in its
bottlenecks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.convolution import ConvNorm, ConvNormPReLU
from fer_zoo.layers.coordinate_attention import CoordinateAttention
from fer_zoo.layers.mixed_depthwise import MixedDepthwiseConv2d


class MixedBottleneck(GradientCheckpointingLayer):
    """Expand, filter with kernels of several sizes, attend, and project back.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        splits: channels of each part of the mixed depthwise convolution; their sum is the inner width.
        kernel_sizes: kernel side of each part.
        stride: step of the mixed depthwise convolution.
        residual: whether the input is added; needs equal channels and stride 1.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``.

    Gradients are the same with gradient checkpointing, but the batch norms then see each batch twice, so their running
    statistics move almost twice as fast.

    Raises:
        InvalidOptionError: if the input cannot be added to the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        splits: Sequence[int],
        kernel_sizes: Sequence[int],
        *,
        stride: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if residual and (in_channels, stride) != (out_channels, 1):
            raise InvalidOptionError("residual", residual, "equal channels in and out, and stride 1")
        inner_channels = sum(splits)
        self.expand = ConvNormPReLU(in_channels, inner_channels)
        self.mix = MixedDepthwiseConv2d(splits, kernel_sizes, stride=stride)
        self.attention = CoordinateAttention(inner_channels)
        self.project = ConvNorm(inner_channels, out_channels)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the block."""
        y = cast(Tensor, self.project(self.attention(self.mix(self.expand(x)))))
        return x + y if self.residual else y


class Stage(NamedTuple):
    """A reducing bottleneck and the residual ones that follow it, as a row of the paper's table."""

    out_channels: int
    reduce_splits: tuple[int, ...]
    reduce_kernel_sizes: tuple[int, ...]
    num_residual_blocks: int
    splits: tuple[int, ...]
    kernel_sizes: tuple[int, ...]


STAGES = (
    Stage(64, (64, 32, 32), (3, 5, 7), 9, (96, 32), (3, 5)),
    Stage(128, (128, 64, 64), (3, 5, 7), 16, (192, 64), (3, 5)),
    Stage(256, (256, 256, 256, 256), (3, 5, 7, 9), 6, (172, 170, 170), (3, 5, 7)),
)


class MixedStage(nn.Module):
    """Halve the map with one bottleneck, then refine it with residual ones.

    Args:
        in_channels: channels of the input.
        stage: the row of the table to build.

    Shape: ``(B, in_channels, H, W)`` to ``(B, stage.out_channels, ceil(H / 2), ceil(W / 2))``.
    """

    def __init__(self, in_channels: int, stage: Stage) -> None:
        super().__init__()
        channels = stage.out_channels
        self.reduce = MixedBottleneck(in_channels, channels, stage.reduce_splits, stage.reduce_kernel_sizes, stride=2)
        self.blocks = nn.Sequential(
            *(
                MixedBottleneck(channels, channels, stage.splits, stage.kernel_sizes, residual=True)
                for _ in range(stage.num_residual_blocks)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last block."""
        return cast(Tensor, self.blocks(self.reduce(x)))


class MixedFeatureNetwork(nn.Module):
    """Turn a picture of a face into a feature map of 512 channels at a sixteenth of its size.

    Args:
        num_channels: channels of the picture.

    Shape: ``(B, num_channels, H, W)`` to ``(B, 512, H / 16, W / 16)``.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import MixedFeatureNetwork
        >>> MixedFeatureNetwork().eval()(torch.randn(2, 3, 112, 112)).shape
        torch.Size([2, 512, 7, 7])
    """

    out_channels = 512
    stride = 16

    def __init__(self, num_channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvNormPReLU(num_channels, 64, 3, stride=2),
            ConvNormPReLU(64, 64, 3, groups=64),
        )
        widths = (64, *(stage.out_channels for stage in STAGES))
        self.stages = nn.Sequential(*(MixedStage(width, stage) for width, stage in zip(widths, STAGES, strict=False)))
        self.expand = ConvNormPReLU(widths[-1], self.out_channels)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the feature map of the pictures."""
        return cast(Tensor, self.expand(self.stages(self.stem(pixel_values))))
