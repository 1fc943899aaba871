"""Mixed depthwise convolution: kernels of several sizes side by side.

Paper: M. Tan, Q. V. Le, "MixConv: Mixed depthwise convolutional kernels", BMVC 2019 (arXiv 1907.09595), Section 3.1. As
in the mixed feature network of DDAMFN (Zhang et al., Electronics 12 (2023) 3595), no normalisation and no activation
follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError


class MixedDepthwiseConv2d(nn.Module):
    """Give each part of the channels a depthwise convolution of its own kernel size.

    Args:
        splits: channels of each part; their sum is the number of channels.
        kernel_sizes: side of the square kernel of each part, odd; the padding keeps the size at stride 1.
        stride: step in both directions.

    Shape: ``(B, sum(splits), H, W)`` to ``(B, sum(splits), ceil(H / stride), ceil(W / stride))``.

    Raises:
        InvalidOptionError: if there is not one odd kernel size for each split.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import MixedDepthwiseConv2d
        >>> mixed = MixedDepthwiseConv2d((32, 16, 16), (3, 5, 7), stride=2)
        >>> mixed(torch.randn(2, 64, 14, 14)).shape
        torch.Size([2, 64, 7, 7])
    """

    def __init__(self, splits: Sequence[int], kernel_sizes: Sequence[int], *, stride: int = 1) -> None:
        super().__init__()
        if len(splits) != len(kernel_sizes) or any(size % 2 == 0 for size in kernel_sizes):
            raise InvalidOptionError(
                "kernel_sizes", list(kernel_sizes), f"{len(splits)} odd numbers, one for each split"
            )
        self.splits = tuple(splits)
        self.stride = stride
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, size, stride, size // 2, groups=channels, bias=False)
            for channels, size in zip(splits, kernel_sizes, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve each part of the channels of ``x`` with its own kernels."""
        parts = x.split(self.splits, dim=1)
        return torch.cat([conv(part) for conv, part in zip(self.convs, parts, strict=True)], dim=1)

    @torch.no_grad()
    def inference_form(self) -> nn.Module:
        """Return one convolution with all kernels, the small ones with a border of zeros."""
        convs = cast(list[nn.Conv2d], list(self.convs))
        channels, size = sum(self.splits), max(conv.kernel_size[0] for conv in convs)
        merged = nn.Conv2d(channels, channels, size, self.stride, size // 2, groups=channels, bias=False)
        borders = [(size - conv.kernel_size[0]) // 2 for conv in convs]
        kernels = [functional.pad(conv.weight, (border,) * 4) for conv, border in zip(convs, borders, strict=True)]
        merged.weight = nn.Parameter(torch.cat(kernels))
        return merged
