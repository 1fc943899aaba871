"""Means of the rows and of the columns of a feature map in one read of it.

Coordinate attention (equation 4 of Hou et al., CVPR 2021) and efficient local attention (equations 2 and 3 of Xu and
Wan, arXiv 2403.01123) start with both.
"""

# No postponed annotations in this file: Triton and torch.library read them.

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.indexing import channel_block, load_strip, map_tile, store_strip, tile_mask, tile_offsets
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import MapLayout, block_sizes, count_blocks, count_tiles, count_warps, lay_out


@triton.jit
def mean_kernel(
    x: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Take the means of a block of channels, a block of rows at a time."""
    sample, c = channel_block(tl.program_id(0), C, BLOCK_C)
    w = tl.arange(0, BLOCK_W)
    x += sample * (C * H * W)
    column_sums = tl.zeros((BLOCK_C, BLOCK_W), tl.float32)
    for first_row in range(0, H, BLOCK_H):
        h = first_row + tl.arange(0, BLOCK_H)
        mask = tile_mask(c, h, w, C, H, W)
        tile = tl.load(x + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P), mask=mask, other=0.0).to(tl.float32)
        store_strip(rows + sample * (C * H), tl.sum(tile, axis=2) / W, c, h, C, H)
        column_sums += tl.sum(tile, axis=1)
    store_strip(columns + sample * (C * W), column_sums / H, c, w, C, W)


@triton.jit
def mean_gradient_kernel(
    row_gradient: tl.tensor,
    column_gradient: tl.tensor,
    x_gradient: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Spread the gradients of the means over a tile."""
    sample, c, h, w = map_tile(C, H, BLOCK_C, BLOCK_H, BLOCK_W)
    row_part = load_strip(row_gradient + sample * (C * H), c, h, C, H) / W
    column_part = load_strip(column_gradient + sample * (C * W), c, w, C, W) / H
    offsets = tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    value = row_part[:, :, None] + column_part[:, None, :]
    tl.store(x_gradient + sample * (C * H * W) + offsets, value, mask=tile_mask(c, h, w, C, H, W))


def strip_means_forward(x: Tensor) -> tuple[Tensor, Tensor]:
    """Launch the means."""
    x, layout = lay_out(x)
    rows = x.new_empty((x.shape[0], layout.channels, layout.height, 1))
    columns = x.new_empty((x.shape[0], layout.channels, 1, layout.width))
    blocks = block_sizes(layout)
    programs = x.shape[0] * count_blocks(layout.channels, blocks["BLOCK_C"])
    launch(mean_kernel, programs, x, rows, columns, num_warps=count_warps(blocks), **layout.constants, **blocks)
    return rows, columns


def strip_means_backward(row_gradient: Tensor, column_gradient: Tensor, is_channels_last: bool) -> Tensor:
    """Launch the gradient of the means."""
    row_gradient, column_gradient = row_gradient.contiguous(), column_gradient.contiguous()
    batch, channels, height = (row_gradient.shape[0], int(row_gradient.shape[1]), int(row_gradient.shape[2]))
    layout = MapLayout(channels, height, int(column_gradient.shape[3]), is_channels_last)
    x_gradient = torch.empty(
        (batch, *layout[:3]),
        dtype=row_gradient.dtype,
        device=row_gradient.device,
        memory_format=layout.memory_format,
    )
    blocks = block_sizes(layout)
    programs = count_tiles(batch, layout, blocks)
    tensors = (row_gradient, column_gradient, x_gradient)
    launch(mean_gradient_kernel, programs, *tensors, num_warps=count_warps(blocks), **layout.constants, **blocks)
    return x_gradient


def keep(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
    """Keep the order of the map in memory; its values are not needed."""
    ctx.is_channels_last = lay_out(inputs[0])[1].is_channels_last


def backward(ctx: Any, row_gradient: Tensor, column_gradient: Tensor) -> Tensor:
    """Return the gradient of the map."""
    return launch_backward(row_gradient, column_gradient, ctx.is_channels_last)


launch_backward = make_operator(strip_means_backward)
launch_forward = make_operator(strip_means_forward, keep=keep, backward=backward)


def strip_means(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of every row and of every column.

    Args:
        x: feature map, ``(B, C, H, W)``.

    Returns:
        ``x.mean(dim=3, keepdim=True)``, ``(B, C, H, 1)``, and ``x.mean(dim=2, keepdim=True)``, ``(B, C, 1, W)``.
    """
    return launch_forward(x)
