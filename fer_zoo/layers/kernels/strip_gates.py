"""Scaling every position of a feature map by a gate of its row and one of its column.

The last step of coordinate attention (equation 8 of Hou et al., CVPR 2021) and of efficient local attention (equation 6
of Xu and Wan, arXiv 2403.01123). The eager form rounds after each of its two products, this one once.
"""

# No postponed annotations in this file: Triton and torch.library read them.

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.indexing import channel_block, load_strip, map_tile, store_strip, tile_mask, tile_offsets
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import block_sizes, count_blocks, count_tiles, count_warps, lay_out, lay_out_alike


@triton.jit
def gate_kernel(
    x: tl.tensor,
    row_gates: tl.tensor,
    column_gates: tl.tensor,
    output: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Scale one tile."""
    sample, c, h, w = map_tile(C, H, BLOCK_C, BLOCK_H, BLOCK_W)
    rows = load_strip(row_gates + sample * (C * H), c, h, C, H)
    columns = load_strip(column_gates + sample * (C * W), c, w, C, W)
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    mask = tile_mask(c, h, w, C, H, W)
    tile = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(output + offsets, tile * rows[:, :, None] * columns[:, None, :], mask=mask)


@triton.jit
def gate_gradient_kernel(
    gradient: tl.tensor,
    x: tl.tensor,
    row_gates: tl.tensor,
    column_gates: tl.tensor,
    x_gradient: tl.tensor,
    row_gradient: tl.tensor,
    column_gradient: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Take all three gradients of a block of channels, a block of rows at a time."""
    sample, c = channel_block(tl.program_id(0), C, BLOCK_C)
    w = tl.arange(0, BLOCK_W)
    columns = load_strip(column_gates + sample * (C * W), c, w, C, W)[:, None, :]
    column_sums = tl.zeros((BLOCK_C, BLOCK_W), tl.float32)
    for first_row in range(0, H, BLOCK_H):
        h = first_row + tl.arange(0, BLOCK_H)
        rows = load_strip(row_gates + sample * (C * H), c, h, C, H)[:, :, None]
        offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
        mask = tile_mask(c, h, w, C, H, W)
        tile = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
        change = tl.load(gradient + offsets, mask=mask, other=0.0).to(tl.float32)
        tl.store(x_gradient + offsets, change * rows * columns, mask=mask)
        weighted = change * tile
        store_strip(row_gradient + sample * (C * H), tl.sum(weighted * columns, axis=2), c, h, C, H)
        column_sums += tl.sum(weighted * rows, axis=1)
    store_strip(column_gradient + sample * (C * W), column_sums, c, w, C, W)


def strip_gates_forward(x: Tensor, row_gates: Tensor, column_gates: Tensor) -> Tensor:
    """Launch the scaling."""
    x, layout = lay_out(x)
    row_gates, column_gates = row_gates.contiguous(), column_gates.contiguous()
    dtype = torch.promote_types(x.dtype, torch.promote_types(row_gates.dtype, column_gates.dtype))
    output = torch.empty_like(x, dtype=dtype)
    blocks = block_sizes(layout)
    programs = count_tiles(x.shape[0], layout, blocks)
    tensors = (x, row_gates, column_gates, output)
    launch(gate_kernel, programs, *tensors, num_warps=count_warps(blocks), **layout.constants, **blocks)
    return output


def strip_gates_backward(
    gradient: Tensor, x: Tensor, row_gates: Tensor, column_gates: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Launch the gradients."""
    (x, gradient), layout = lay_out_alike(x, gradient)
    row_gates, column_gates = row_gates.contiguous(), column_gates.contiguous()
    outputs = (torch.empty_like(x), torch.empty_like(row_gates), torch.empty_like(column_gates))
    blocks = block_sizes(layout)
    programs = x.shape[0] * count_blocks(layout.channels, blocks["BLOCK_C"])
    tensors = (gradient, x, row_gates, column_gates, *outputs)
    launch(gate_gradient_kernel, programs, *tensors, num_warps=count_warps(blocks), **layout.constants, **blocks)
    return outputs


def keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    """Keep the inputs."""
    ctx.save_for_backward(*inputs)


def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the map and of both gates."""
    return launch_backward(gradient, *ctx.saved_tensors)


launch_backward = make_operator(strip_gates_backward)
launch_forward = make_operator(strip_gates_forward, keep=keep, backward=backward)


def strip_gates(x: Tensor, row_gates: Tensor, column_gates: Tensor) -> Tensor:
    """Return ``x * row_gates * column_gates``.

    Args:
        x: feature map, ``(B, C, H, W)``.
        row_gates: ``(B, C, H, 1)``.
        column_gates: ``(B, C, 1, W)``.

    Returns:
        ``(B, C, H, W)`` in the dtype that the three have in common.
    """
    return launch_forward(x, row_gates, column_gates)
