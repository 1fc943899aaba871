"""The maximum of the attention maps of several heads, and the feature map scaled by it, without writing the maps.

A map of a head is ``row gates * column gates * channel gates`` (see :mod:`fer_zoo.layers.dual_direction`). Where maps
are equally strong at a place, they share its gradient evenly, as with ``torch.amax``; the eager form rounds the maps
to the dtype of the gates before it compares them, this one compares in float32, so ties are rarer in half precision.
"""

# No postponed annotations in this file: Triton and torch.library read them.

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.indexing import channel_block, load_strip, store_strip, tile_mask, tile_offsets
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import block_sizes, count_blocks, count_warps, lay_out, lay_out_alike

BACKWARD_ELEMENTS = 1024  # of a tile: the backward keeps many values of each


@triton.jit
def head_map(
    rows: tl.tensor,
    columns: tl.tensor,
    channels: tl.tensor,
    head: tl.tensor,
    c: tl.tensor,
    h: tl.tensor,
    w: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
) -> tl.tensor:
    """Return a tile of one head's map; ``head`` counts over pictures and heads."""
    row = load_strip(rows + head * (C * H), c, h, C, H)
    column = load_strip(columns + head * (C * W), c, w, C, W)
    channel = tl.load(channels + head * C + c, mask=c < C, other=0.0).to(tl.float32)
    return row[:, :, None] * column[:, None, :] * channel[:, None, None]


@triton.jit
def attend_kernel(
    features: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    channels: tl.tensor,
    output: tl.tensor,
    maps: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    HEADS: tl.constexpr,
    WRITES_MAPS: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Scale one tile by the strongest head."""
    sample, c = channel_block(tl.program_id(0), C, BLOCK_C)
    h, w = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_W)
    mask = tile_mask(c, h, w, C, H, W)
    strongest = tl.full((BLOCK_C, BLOCK_H, BLOCK_W), float("-inf"), tl.float32)
    for n in tl.static_range(HEADS):
        head = sample * HEADS + n
        attention = head_map(rows, columns, channels, head, c, h, w, C, H, W)
        strongest = tl.maximum(strongest, attention)
        if WRITES_MAPS:
            tl.store(maps + head * (C * H * W) + tile_offsets(c, h, w, W, H * W, 1), attention, mask=mask)
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    tile = tl.load(features + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(output + offsets, tile * strongest, mask=mask)


@triton.jit
def attend_gradient_kernel(
    gradient: tl.tensor,
    map_gradients: tl.tensor,
    features: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    channels: tl.tensor,
    feature_gradient: tl.tensor,
    row_gradients: tl.tensor,
    column_gradients: tl.tensor,
    channel_gradients: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    HEADS: tl.constexpr,
    READS_MAP_GRADIENTS: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Take the gradients of a block of channels: of its features and of all gates of all heads."""
    sample, c = channel_block(tl.program_id(0), C, BLOCK_C)
    h, w = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_W)
    mask = tile_mask(c, h, w, C, H, W)
    strongest = tl.full((BLOCK_C, BLOCK_H, BLOCK_W), float("-inf"), tl.float32)
    winners = tl.zeros((BLOCK_C, BLOCK_H, BLOCK_W), tl.float32)
    for n in tl.static_range(HEADS):
        attention = head_map(rows, columns, channels, sample * HEADS + n, c, h, w, C, H, W)
        winners = tl.where(attention > strongest, 1.0, tl.where(attention == strongest, winners + 1.0, winners))
        strongest = tl.maximum(strongest, attention)
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    tile = tl.load(features + offsets, mask=mask, other=0.0).to(tl.float32)
    change = tl.load(gradient + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(feature_gradient + offsets, change * strongest, mask=mask)
    share = change * tile / winners
    for n in tl.static_range(HEADS):
        head = sample * HEADS + n
        row = load_strip(rows + head * (C * H), c, h, C, H)[:, :, None]
        column = load_strip(columns + head * (C * W), c, w, C, W)[:, None, :]
        channel = tl.load(channels + head * C + c, mask=c < C, other=0.0).to(tl.float32)[:, None, None]
        map_gradient = tl.where(row * column * channel == strongest, share, 0.0)
        if READS_MAP_GRADIENTS:
            places = head * (C * H * W) + tile_offsets(c, h, w, W, H * W, 1)
            map_gradient += tl.load(map_gradients + places, mask=mask, other=0.0).to(tl.float32)
        row_gradient = tl.sum(map_gradient * column * channel, axis=2)
        store_strip(row_gradients + head * (C * H), row_gradient, c, h, C, H)
        column_gradient = tl.sum(map_gradient * row * channel, axis=1)
        store_strip(column_gradients + head * (C * W), column_gradient, c, w, C, W)
        channel_gradient = tl.sum(tl.sum(map_gradient * row * column, axis=2), axis=1)
        tl.store(channel_gradients + head * C + c, channel_gradient, mask=c < C)


def attend_forward(
    features: Tensor, rows: Tensor, columns: Tensor, channels: Tensor, writes_maps: bool
) -> tuple[Tensor, Tensor]:
    """Launch the scaling; without maps the second output is empty."""
    features, layout = lay_out(features)
    rows, columns, channels = rows.contiguous(), columns.contiguous(), channels.contiguous()
    heads, sizes = int(rows.shape[1]), (layout.channels, layout.height, layout.width)
    output = torch.empty_like(features, dtype=torch.promote_types(features.dtype, rows.dtype))
    maps = rows.new_empty((features.shape[0], heads, *sizes) if writes_maps else (0,))
    blocks = block_sizes(layout, keeps_map_whole=True)
    launch(
        attend_kernel,
        features.shape[0] * count_blocks(layout.channels, blocks["BLOCK_C"]),
        *(features, rows, columns, channels, output, maps),
        num_warps=count_warps(blocks),
        **layout.constants,
        HEADS=heads,
        WRITES_MAPS=writes_maps,
        **blocks,
    )
    return output, maps


def attend_backward(
    gradient: Tensor,
    map_gradients: Tensor | None,
    features: Tensor,
    rows: Tensor,
    columns: Tensor,
    channels: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Launch the gradients."""
    (features, gradient), layout = lay_out_alike(features, gradient)
    gates = (rows.contiguous(), columns.contiguous(), channels.contiguous())
    outputs = (torch.empty_like(features), *(torch.empty_like(gate) for gate in gates))
    blocks = block_sizes(layout, BACKWARD_ELEMENTS, keeps_map_whole=True)
    launch(
        attend_gradient_kernel,
        features.shape[0] * count_blocks(layout.channels, blocks["BLOCK_C"]),
        *(gradient, gradient if map_gradients is None else map_gradients.contiguous(), features, *gates, *outputs),
        num_warps=count_warps(blocks),
        **layout.constants,
        HEADS=int(rows.shape[1]),
        READS_MAP_GRADIENTS=map_gradients is not None,
        **blocks,
    )
    return outputs[0], outputs[1], outputs[2], outputs[3]


def keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep the tensors, and leave out gradients that nobody asked for."""
    ctx.save_for_backward(*inputs[:4])
    ctx.set_materialize_grads(False)


def backward(ctx: Any, gradient: Tensor | None, map_gradients: Tensor | None) -> tuple[Tensor | None, ...]:
    """Return the gradients of the features and of the gates."""
    features = ctx.saved_tensors[0]
    if gradient is None:  # the loss looks at the maps alone
        gradient = torch.zeros_like(features)
    return (*launch_backward(gradient, map_gradients, *ctx.saved_tensors), None)


launch_backward = make_operator(attend_backward)
launch_forward = make_operator(attend_forward, keep=keep, backward=backward)


def attend_strongest(
    features: Tensor, rows: Tensor, columns: Tensor, channels: Tensor, *, needs_maps: bool = False
) -> tuple[Tensor, Tensor]:
    """Scale a feature map by the strongest of N heads at every channel and position.

    Args:
        features: ``(B, C, H, W)``.
        rows: gates of the rows, ``(B, N, C, H)``.
        columns: gates of the columns, ``(B, N, C, W)``.
        channels: gates of the channels, ``(B, N, C)``.
        needs_maps: whether the maps are wanted too.

    Returns:
        ``features * (rows * columns * channels).amax(dim=1)``, ``(B, C, H, W)``, and the maps, ``(B, N, C, H, W)``,
        empty if they are not wanted.
    """
    return launch_forward(features, rows, columns, channels, needs_maps)
