"""Efficient local attention in one read and one write of its feature map, for inference.

Equations 4 to 6 of Xu and Wan, arXiv 2403.01123. A group normalisation keeps to the channels of its group, and so does
a depthwise convolution: one program takes one group of one picture, from the means of its strips to the scaled map.
"""

# No postponed annotations in this file: Triton and torch.library read them.

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.fallback import padded
from fer_zoo.layers.kernels.indexing import tile_mask, tile_offsets
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import count_warps, lay_out

MAX_TILE = 16384  # elements of the maps of a group that eight warps hold


@triton.jit
def local_gates(
    strip: tl.tensor,
    convolution: tl.tensor,
    scale: tl.tensor,
    shift: tl.tensor,
    c: tl.tensor,
    is_channel: tl.tensor,
    GROUP: tl.constexpr,
    LENGTH: tl.constexpr,
    BLOCK: tl.constexpr,
    KERNEL: tl.constexpr,
    EPSILON: tl.constexpr,
) -> tl.tensor:
    """Turn strips ``(channels, positions)`` of one group, zero outside, into gates.

    The convolution is a product with the band matrix of its weights, as registers cannot be shifted.
    """
    i = tl.arange(0, BLOCK)
    tap = i[None, None, :] - i[None, :, None] + KERNEL // 2
    mask = is_channel[:, None, None] & (tap >= 0) & (tap < KERNEL)
    band = tl.load(convolution + c[:, None, None] * KERNEL + tap, mask=mask, other=0.0).to(tl.float32)
    filtered = tl.sum(band * strip[:, None, :], axis=2)
    inside = is_channel[:, None] & (i[None, :] < LENGTH)
    mean = tl.sum(tl.sum(tl.where(inside, filtered, 0.0), axis=1), axis=0) / (GROUP * LENGTH)
    centred = tl.where(inside, filtered - mean, 0.0)
    variance = tl.sum(tl.sum(centred * centred, axis=1), axis=0) / (GROUP * LENGTH)
    factor = tl.load(scale + c, mask=is_channel, other=0.0).to(tl.float32)[:, None]
    offset = tl.load(shift + c, mask=is_channel, other=0.0).to(tl.float32)[:, None]
    return tl.sigmoid(centred / tl.sqrt(variance + EPSILON) * factor + offset)


@triton.jit
def local_attention_kernel(
    x: tl.tensor,
    convolution: tl.tensor,
    scale: tl.tensor,
    shift: tl.tensor,
    output: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    GROUP: tl.constexpr,
    KERNEL: tl.constexpr,
    EPSILON: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
) -> None:
    """Scale the maps of one group of channels of one picture."""
    groups: tl.constexpr = C // GROUP
    sample = (tl.program_id(0) // groups).to(tl.int64)
    channel = tl.arange(0, BLOCK_C)
    is_channel = channel < GROUP
    c = (tl.program_id(0) % groups) * GROUP + channel
    h, w = tl.arange(0, BLOCK_H), tl.arange(0, BLOCK_W)
    offsets = sample * (C * H * W) + tile_offsets(c, h, w, W, STRIDE_C, STRIDE_P)
    mask = tile_mask(channel, h, w, GROUP, H, W)
    tile = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
    rows = local_gates(
        tl.sum(tile, axis=2) / W, convolution, scale, shift, c, is_channel, GROUP, H, BLOCK_H, KERNEL, EPSILON
    )
    columns = local_gates(
        tl.sum(tile, axis=1) / H, convolution, scale, shift, c, is_channel, GROUP, W, BLOCK_W, KERNEL, EPSILON
    )
    tl.store(output + offsets, tile * rows[:, :, None] * columns[:, None, :], mask=mask)


def local_attention_forward(
    x: Tensor, convolution: Tensor, scale: Tensor, shift: Tensor, num_groups: int, epsilon: float
) -> Tensor:
    """Launch the attention."""
    x, layout = lay_out(x)
    dtype = torch.promote_types(x.dtype, scale.dtype)
    output = torch.empty_like(x, dtype=dtype)
    group = layout.channels // num_groups
    blocks = {"BLOCK_C": padded(group), "BLOCK_H": padded(layout.height), "BLOCK_W": padded(layout.width)}
    launch(
        local_attention_kernel,
        x.shape[0] * num_groups,
        *(x, convolution.contiguous(), scale, shift, output),
        num_warps=count_warps(blocks),
        **layout.constants,
        GROUP=group,
        KERNEL=int(convolution.shape[2]),
        EPSILON=epsilon,
        **blocks,
    )
    return output


launch_forward = make_operator(local_attention_forward)


def fits_programs(x: Tensor, num_groups: int) -> bool:
    """Return whether one program can hold the maps of one group, and the band matrices of its strips."""
    channels, height, width = (int(size) for size in x.shape[1:])
    return padded(channels // num_groups) * padded(max(height, width)) ** 2 <= MAX_TILE


def local_attention(
    x: Tensor, convolution: Tensor, scale: Tensor, shift: Tensor, *, num_groups: int, epsilon: float
) -> Tensor:
    """Return a feature map scaled by efficient local attention; has no gradient.

    Args:
        x: feature map, ``(B, C, H, W)``.
        convolution: weight of the depthwise convolution along a strip, ``(C, 1, K)``, K odd.
        scale: weight of the group normalisation, ``(C,)``.
        shift: its bias, ``(C,)``.
        num_groups: its groups.
        epsilon: what it adds to the variance.

    Returns:
        ``(B, C, H, W)`` in the dtype that ``x`` and ``scale`` have in common.
    """
    return launch_forward(x, convolution, scale, shift, num_groups, epsilon)
