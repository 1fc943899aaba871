"""The magnitude of the Sobel gradient and its average over windows, in one pass over the feature map.

The same as :class:`fer_zoo.layers.SobelGradient` (border repeated, ``sqrt(gx^2 + gy^2 + 1e-8)``) and then
``avg_pool2d(..., stride, ceil_mode=True)``: a window that sticks out is averaged over what it has. The backward writes
the gradients of both directions to float32 maps and then gathers them; at the border, places that were repeated get a
share for each time they were read.
"""

# No postponed annotations in this file: Triton and torch.library read them.

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.indexing import map_tile, tile_mask, tile_offsets
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import MapLayout, block_sizes, count_blocks, count_tiles, count_warps, lay_out


@triton.jit
def load_repeated(
    x: tl.tensor,
    c: tl.tensor,
    h: tl.tensor,
    w: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
) -> tl.tensor:
    """Return a tile in float32, with the border of the map repeated outside."""
    h = tl.minimum(tl.maximum(h, 0), H - 1)
    w = tl.minimum(tl.maximum(w, 0), W - 1)
    offsets = tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    mask = (c[:, None, None] < C) & (h[None, :, None] >= 0) & (w[None, None, :] >= 0)
    return tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def sobel(
    x: tl.tensor,
    c: tl.tensor,
    h: tl.tensor,
    w: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
) -> tl.tensor:
    """Return the gradients along x and along y of a tile."""
    upper_left = load_repeated(x, c, h - 1, w - 1, C, H, W, STRIDE_C, STRIDE_P)
    upper_right = load_repeated(x, c, h - 1, w + 1, C, H, W, STRIDE_C, STRIDE_P)
    lower_left = load_repeated(x, c, h + 1, w - 1, C, H, W, STRIDE_C, STRIDE_P)
    lower_right = load_repeated(x, c, h + 1, w + 1, C, H, W, STRIDE_C, STRIDE_P)
    upper = load_repeated(x, c, h - 1, w, C, H, W, STRIDE_C, STRIDE_P)
    lower = load_repeated(x, c, h + 1, w, C, H, W, STRIDE_C, STRIDE_P)
    left = load_repeated(x, c, h, w - 1, C, H, W, STRIDE_C, STRIDE_P)
    right = load_repeated(x, c, h, w + 1, C, H, W, STRIDE_C, STRIDE_P)
    along_x = (upper_right + 2 * right + lower_right) - (upper_left + 2 * left + lower_left)
    along_y = (lower_left + 2 * lower + lower_right) - (upper_left + 2 * upper + upper_right)
    return along_x, along_y


@triton.jit
def window_size(position: tl.tensor, LENGTH: tl.constexpr, STRIDE: tl.constexpr) -> tl.tensor:
    """Return how much of the windows at pooled positions lies inside the map, along one direction."""
    return tl.minimum(position * STRIDE + STRIDE, LENGTH) - position * STRIDE


@triton.jit
def sobel_pool_kernel(
    x: tl.tensor,
    output: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    OUTPUT_STRIDE_C: tl.constexpr,
    STRIDE: tl.constexpr,
    EPSILON: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Take one tile of the pooled map."""
    rows: tl.constexpr = (H + STRIDE - 1) // STRIDE
    columns: tl.constexpr = (W + STRIDE - 1) // STRIDE
    sample, c, h, w = map_tile(C, rows, BLOCK_C, BLOCK_H, BLOCK_W)
    x += sample * (C * H * W)
    total = tl.zeros((BLOCK_C, BLOCK_H, BLOCK_W), tl.float32)
    for i in tl.static_range(STRIDE):
        for j in tl.static_range(STRIDE):
            along_x, along_y = sobel(x, c, h * STRIDE + i, w * STRIDE + j, C, H, W, STRIDE_C, STRIDE_P)
            inside = (h[None, :, None] * STRIDE + i < H) & (w[None, None, :] * STRIDE + j < W)
            total += tl.where(inside, tl.sqrt(along_x * along_x + along_y * along_y + EPSILON), 0.0)
    size = window_size(h, H, STRIDE)[None, :, None] * window_size(w, W, STRIDE)[None, None, :]
    mask = tile_mask(c, h, w, C, rows, columns)
    offsets = sample * (C * rows * columns) + tile_offsets(c, h, w, columns, OUTPUT_STRIDE_C, STRIDE_P)
    tl.store(output + offsets, total / tl.where(mask, size, 1).to(tl.float32), mask=mask)


@triton.jit
def direction_gradient_kernel(
    gradient: tl.tensor,
    x: tl.tensor,
    gradient_along_x: tl.tensor,
    gradient_along_y: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    OUTPUT_STRIDE_C: tl.constexpr,
    STRIDE: tl.constexpr,
    EPSILON: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Turn the gradient of the pooled magnitude into those of both directions, for one tile of the map."""
    rows: tl.constexpr = (H + STRIDE - 1) // STRIDE
    columns: tl.constexpr = (W + STRIDE - 1) // STRIDE
    sample, c, h, w = map_tile(C, H, BLOCK_C, BLOCK_H, BLOCK_W)
    mask = tile_mask(c, h, w, C, H, W)
    along_x, along_y = sobel(x + sample * (C * H * W), c, h, w, C, H, W, STRIDE_C, STRIDE_P)
    pooled = sample * (C * rows * columns) + tile_offsets(
        c, h // STRIDE, w // STRIDE, columns, OUTPUT_STRIDE_C, STRIDE_P
    )
    change = tl.load(gradient + pooled, mask=mask, other=0.0).to(tl.float32)
    size = window_size(h // STRIDE, H, STRIDE)[None, :, None] * window_size(w // STRIDE, W, STRIDE)[None, None, :]
    length = tl.sqrt(along_x * along_x + along_y * along_y + EPSILON)
    change = change / (tl.where(mask, size, 1).to(tl.float32) * length)
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    tl.store(gradient_along_x + offsets, change * along_x, mask=mask)
    tl.store(gradient_along_y + offsets, change * along_y, mask=mask)


@triton.jit
def smoothing_weight(position: tl.tensor, step: tl.constexpr, LENGTH: tl.constexpr) -> tl.tensor:
    """Return how much a place gets from its neighbour at ``step`` of what was smoothed by (1, 2, 1)."""
    weight = tl.full(position.shape, 1.0, tl.float32)
    if step == 0:
        weight += 1.0 + (position == 0).to(tl.float32) + (position == LENGTH - 1).to(tl.float32)
    return weight


@triton.jit
def difference_weight(position: tl.tensor, step: tl.constexpr, LENGTH: tl.constexpr) -> tl.tensor:
    """Return how much a place gets from its neighbour at ``step`` of what was the difference by (-1, 0, 1)."""
    weight = tl.full(position.shape, -1.0 * step, tl.float32)
    if step == 0:
        weight = (position == LENGTH - 1).to(tl.float32) - (position == 0).to(tl.float32)
    return weight


@triton.jit
def gather_gradient_kernel(
    gradient_along_x: tl.tensor,
    gradient_along_y: tl.tensor,
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
    """Collect for each place of a tile what its neighbours got from it."""
    sample, c, h, w = map_tile(C, H, BLOCK_C, BLOCK_H, BLOCK_W)
    total = tl.zeros((BLOCK_C, BLOCK_H, BLOCK_W), tl.float32)
    for i in tl.static_range(3):
        for j in tl.static_range(3):
            rows, columns = h + (i - 1), w + (j - 1)
            inside = (rows[None, :, None] >= 0) & (columns[None, None, :] >= 0)
            mask = inside & tile_mask(c, rows, columns, C, H, W)
            offsets = sample * (C * H * W) + tile_offsets(c, rows, columns, W, STRIDE_C, STRIDE_P)
            along_x = tl.load(gradient_along_x + offsets, mask=mask, other=0.0)
            along_y = tl.load(gradient_along_y + offsets, mask=mask, other=0.0)
            for_x = smoothing_weight(h, i - 1, H)[None, :, None] * difference_weight(w, j - 1, W)[None, None, :]
            for_y = difference_weight(h, i - 1, H)[None, :, None] * smoothing_weight(w, j - 1, W)[None, None, :]
            total += for_x * along_x + for_y * along_y
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    tl.store(x_gradient + offsets, total, mask=tile_mask(c, h, w, C, H, W))


def pool_layout(layout: MapLayout, stride: int) -> MapLayout:
    """Return the layout of the pooled map."""
    height, width = count_blocks(layout.height, stride), count_blocks(layout.width, stride)
    return layout._replace(height=height, width=width)


def sobel_pooling_forward(x: Tensor, stride: int, epsilon: float) -> Tensor:
    """Launch the pooled magnitude."""
    x, layout = lay_out(x)
    pooled = pool_layout(layout, stride)
    output = torch.empty((x.shape[0], *pooled[:3]), dtype=x.dtype, device=x.device, memory_format=pooled.memory_format)
    blocks = block_sizes(pooled)
    launch(
        sobel_pool_kernel,
        count_tiles(x.shape[0], pooled, blocks),
        *(x, output),
        num_warps=count_warps(blocks),
        **layout.constants,
        OUTPUT_STRIDE_C=pooled.constants["STRIDE_C"],
        STRIDE=stride,
        EPSILON=epsilon,
        **blocks,
    )
    return output


def sobel_pooling_backward(gradient: Tensor, x: Tensor, stride: int, epsilon: float) -> Tensor:
    """Launch the gradient, in two steps."""
    x, layout = lay_out(x)
    pooled = pool_layout(layout, stride)
    gradient = gradient.contiguous(memory_format=layout.memory_format)
    along_x = torch.empty_like(x, dtype=torch.float32)
    along_y, x_gradient = torch.empty_like(along_x), torch.empty_like(x)
    blocks = block_sizes(layout)
    programs, num_warps = count_tiles(x.shape[0], layout, blocks), count_warps(blocks)
    pooling = {"OUTPUT_STRIDE_C": pooled.constants["STRIDE_C"], "STRIDE": stride, "EPSILON": epsilon}
    shared, directions = layout.constants, (along_x, along_y)
    tensors = (gradient, x, *directions)
    launch(direction_gradient_kernel, programs, *tensors, num_warps=num_warps, **shared, **pooling, **blocks)
    launch(gather_gradient_kernel, programs, *directions, x_gradient, num_warps=num_warps, **shared, **blocks)
    return x_gradient


def keep(ctx: Any, inputs: tuple[Tensor, int, float], output: Tensor) -> None:
    """Keep the map."""
    ctx.save_for_backward(inputs[0])
    ctx.options = inputs[1:]


def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
    """Return the gradient of the map."""
    return launch_backward(gradient, *ctx.saved_tensors, *ctx.options), None, None


launch_backward = make_operator(sobel_pooling_backward)
launch_forward = make_operator(sobel_pooling_forward, keep=keep, backward=backward)


def pool_sobel_gradient(x: Tensor, stride: int, *, epsilon: float) -> Tensor:
    """Return the magnitude of the Sobel gradient, averaged over windows.

    Args:
        x: feature map, ``(B, C, H, W)``.
        stride: side and step of the windows; 1 averages nothing.
        epsilon: what is added under the root.

    Returns:
        ``(B, C, ceil(H / stride), ceil(W / stride))``, values at least 0.
    """
    return launch_forward(x, stride, epsilon)
