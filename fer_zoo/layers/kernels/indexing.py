"""What the kernels share on the device: which tile a program takes, and where its values lie."""

# No postponed annotations in this file: Triton reads which parameters are constants from them.

import triton
import triton.language as tl


@triton.jit
def channel_block(block: tl.tensor, C: tl.constexpr, BLOCK_C: tl.constexpr) -> tl.tensor:
    """Return the sample, 64 bits wide, and the channels ``(BLOCK_C,)`` of a block of channels."""
    blocks: tl.constexpr = (C + BLOCK_C - 1) // BLOCK_C
    sample = (block // blocks).to(tl.int64)
    return sample, (block % blocks) * BLOCK_C + tl.arange(0, BLOCK_C)


@triton.jit
def map_tile(
    C: tl.constexpr, H: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_W: tl.constexpr
) -> tl.tensor:
    """Return the sample, the channels, rows and columns of this program's tile, which is as wide as the map."""
    row_blocks: tl.constexpr = (H + BLOCK_H - 1) // BLOCK_H
    sample, c = channel_block(tl.program_id(0) // row_blocks, C, BLOCK_C)
    h = (tl.program_id(0) % row_blocks) * BLOCK_H + tl.arange(0, BLOCK_H)
    return sample, c, h, tl.arange(0, BLOCK_W)


@triton.jit
def tile_offsets(
    c: tl.tensor, h: tl.tensor, w: tl.tensor, W: tl.constexpr, STRIDE_C: tl.constexpr, STRIDE_P: tl.constexpr
) -> tl.tensor:
    """Return where the values of a tile ``(channels, rows, columns)`` lie within their sample."""
    return c[:, None, None] * STRIDE_C + (h[None, :, None] * W + w[None, None, :]) * STRIDE_P


@triton.jit
def tile_mask(c: tl.tensor, h: tl.tensor, w: tl.tensor, C: tl.constexpr, H: tl.constexpr, W: tl.constexpr) -> tl.tensor:
    """Return which places of a tile are inside the map."""
    return (c[:, None, None] < C) & (h[None, :, None] < H) & (w[None, None, :] < W)


@triton.jit
def strip_offsets(c: tl.tensor, position: tl.tensor, LENGTH: tl.constexpr) -> tl.tensor:
    """Return where the values of strips ``(channels, positions)`` lie within their sample."""
    return c[:, None] * LENGTH + position[None, :]


@triton.jit
def strip_mask(c: tl.tensor, position: tl.tensor, C: tl.constexpr, LENGTH: tl.constexpr) -> tl.tensor:
    """Return which places of a block of strips are inside them."""
    return (c[:, None] < C) & (position[None, :] < LENGTH)


@triton.jit
def load_strip(
    pointer: tl.tensor, c: tl.tensor, position: tl.tensor, C: tl.constexpr, LENGTH: tl.constexpr
) -> tl.tensor:
    """Return a block of strips in float32, zero outside."""
    mask = strip_mask(c, position, C, LENGTH)
    return tl.load(pointer + strip_offsets(c, position, LENGTH), mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_strip(
    pointer: tl.tensor, value: tl.tensor, c: tl.tensor, position: tl.tensor, C: tl.constexpr, LENGTH: tl.constexpr
) -> None:
    """Write a block of strips."""
    tl.store(pointer + strip_offsets(c, position, LENGTH), value, mask=strip_mask(c, position, C, LENGTH))
