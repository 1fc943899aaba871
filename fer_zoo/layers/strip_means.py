"""Means of a feature map along its rows and along its columns, which coordinate attention and ELA look at."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class StripMeans(nn.Module):
    """Describe every row and every column of a feature map by its mean; has no parameters.

    Shape: ``(B, C, H, W)`` to rows ``(B, C, H, 1)`` and columns ``(B, C, 1, W)``.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import StripMeans
        >>> rows, columns = StripMeans()(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
        >>> rows.flatten().tolist(), columns.flatten().tolist()
        ([1.5, 3.5], [2.0, 3.0])
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means of the rows and of the columns."""
        return x.mean(dim=3, keepdim=True), x.mean(dim=2, keepdim=True)

    def inference_form(self) -> nn.Module:
        """Return a form that takes the means by pooling."""
        return PooledStripMeans()


class PooledStripMeans(StripMeans):
    """:class:`StripMeans` by average pooling: several times faster where the channels of a position lie together.

    Shape: ``(B, C, H, W)`` to rows ``(B, C, H, 1)`` and columns ``(B, C, 1, W)``.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means of the rows and of the columns."""
        height, width = (int(side) for side in x.shape[2:])  # numbers even where the computation is recorded
        return functional.avg_pool2d(x, (1, width)), functional.avg_pool2d(x, (height, 1))
