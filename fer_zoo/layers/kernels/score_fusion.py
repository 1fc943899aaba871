"""Fusing two feature maps by the scores of MS-CAM, and scaling one by its own scores.

``w = sigmoid(local + global)`` and ``scale * (w * x + (1 - w) * y)`` (equations 3 and 4 of Dai et al., WACV 2021) in
one pass, and ``x + x * sigmoid(scores)`` of local context attention in another.
"""

# No postponed annotations in this file: Triton and torch.library read them.

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from fer_zoo.layers.kernels.fallback import padded
from fer_zoo.layers.kernels.indexing import channel_block
from fer_zoo.layers.kernels.launch import launch, make_operator
from fer_zoo.layers.kernels.tiles import CHANNELS_LAST_BLOCK, ELEMENTS, MapLayout, count_blocks, lay_out_alike

BLOCK = 1024  # consecutive values of a program


@triton.jit
def fuse_kernel(
    x: tl.tensor,
    y: tl.tensor,
    local_scores: tl.tensor,
    global_scores: tl.tensor,
    output: tl.tensor,
    weights: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    SCALE: tl.constexpr,
    WRITES_WEIGHTS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Fuse a run of consecutive values of one sample."""
    blocks: tl.constexpr = (C * H * W + BLOCK - 1) // BLOCK
    sample = (tl.program_id(0) // blocks).to(tl.int64)
    i = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    mask = i < C * H * W
    c = (i // STRIDE_C) % C
    offsets = sample * (C * H * W) + i
    local_part = tl.load(local_scores + offsets, mask=mask, other=0.0).to(tl.float32)
    global_part = tl.load(global_scores + sample * C + c, mask=mask, other=0.0).to(tl.float32)
    weight = tl.sigmoid(local_part + global_part)
    first = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
    second = tl.load(y + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(output + offsets, SCALE * (weight * first + (1 - weight) * second), mask=mask)
    if WRITES_WEIGHTS:
        tl.store(weights + offsets, weight, mask=mask)


@triton.jit
def fuse_gradient_kernel(
    gradient: tl.tensor,
    weight_gradient: tl.tensor,
    x: tl.tensor,
    y: tl.tensor,
    local_scores: tl.tensor,
    global_scores: tl.tensor,
    x_gradient: tl.tensor,
    y_gradient: tl.tensor,
    local_gradient: tl.tensor,
    global_gradient: tl.tensor,
    C: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    STRIDE_C: tl.constexpr,
    STRIDE_P: tl.constexpr,
    SCALE: tl.constexpr,
    READS_WEIGHT_GRADIENT: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
) -> None:
    """Take all gradients of a block of channels, a block of positions at a time."""
    sample, c = channel_block(tl.program_id(0), C, BLOCK_C)
    global_part = tl.load(global_scores + sample * C + c, mask=c < C, other=0.0).to(tl.float32)[:, None]
    sums = tl.zeros((BLOCK_C,), tl.float32)
    for start in range(0, H * W, BLOCK_P):
        p = start + tl.arange(0, BLOCK_P)
        mask = (c[:, None] < C) & (p[None, :] < H * W)
        offsets = sample * (C * H * W) + c[:, None] * STRIDE_C + p[None, :] * STRIDE_P
        weight = tl.sigmoid(tl.load(local_scores + offsets, mask=mask, other=0.0).to(tl.float32) + global_part)
        change = SCALE * tl.load(gradient + offsets, mask=mask, other=0.0).to(tl.float32)
        first = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
        second = tl.load(y + offsets, mask=mask, other=0.0).to(tl.float32)
        tl.store(x_gradient + offsets, change * weight, mask=mask)
        tl.store(y_gradient + offsets, change * (1 - weight), mask=mask)
        slope = change * (first - second)
        if READS_WEIGHT_GRADIENT:
            slope += tl.load(weight_gradient + offsets, mask=mask, other=0.0).to(tl.float32)
        score_gradient = slope * weight * (1 - weight)  # zero outside, as the slope is
        tl.store(local_gradient + offsets, score_gradient, mask=mask)
        sums += tl.sum(score_gradient, axis=1)
    tl.store(global_gradient + sample * C + c, sums, mask=c < C)


@triton.jit
def excite_kernel(x: tl.tensor, scores: tl.tensor, output: tl.tensor, SIZE: tl.constexpr, BLOCK: tl.constexpr) -> None:
    """Scale a run of consecutive values of one sample."""
    blocks: tl.constexpr = (SIZE + BLOCK - 1) // BLOCK
    i = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    offsets = (tl.program_id(0) // blocks).to(tl.int64) * SIZE + i
    mask = i < SIZE
    value = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
    score = tl.load(scores + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(output + offsets, value + value * tl.sigmoid(score), mask=mask)


@triton.jit
def excite_gradient_kernel(
    gradient: tl.tensor,
    x: tl.tensor,
    scores: tl.tensor,
    x_gradient: tl.tensor,
    score_gradient: tl.tensor,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Take both gradients of a run of consecutive values of one sample."""
    blocks: tl.constexpr = (SIZE + BLOCK - 1) // BLOCK
    i = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    offsets = (tl.program_id(0) // blocks).to(tl.int64) * SIZE + i
    mask = i < SIZE
    change = tl.load(gradient + offsets, mask=mask, other=0.0).to(tl.float32)
    value = tl.load(x + offsets, mask=mask, other=0.0).to(tl.float32)
    gate = tl.sigmoid(tl.load(scores + offsets, mask=mask, other=0.0).to(tl.float32))
    tl.store(x_gradient + offsets, change * (1 + gate), mask=mask)
    tl.store(score_gradient + offsets, change * value * gate * (1 - gate), mask=mask)


def score_fusion_forward(
    x: Tensor, y: Tensor, local_scores: Tensor, global_scores: Tensor, scale: float, writes_weights: bool
) -> tuple[Tensor, Tensor]:
    """Launch the fusion; without weights the second output is empty."""
    (x, y, local_scores), layout = lay_out_alike(x, y, local_scores)
    dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), local_scores.dtype)
    output = torch.empty_like(x, dtype=dtype)
    weights = torch.empty_like(local_scores) if writes_weights else x.new_empty((0,))
    launch(
        fuse_kernel,
        x.shape[0] * count_blocks(layout.channels * layout.height * layout.width, BLOCK),
        *(x, y, local_scores, global_scores.contiguous(), output, weights),
        **layout.constants,
        SCALE=scale,
        WRITES_WEIGHTS=writes_weights,
        BLOCK=BLOCK,
    )
    return output, weights


def score_fusion_backward(
    gradient: Tensor,
    weight_gradient: Tensor | None,
    x: Tensor,
    y: Tensor,
    local_scores: Tensor,
    global_scores: Tensor,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Launch the gradients."""
    given = gradient if weight_gradient is None else weight_gradient
    (x, y, local_scores, gradient, given), layout = lay_out_alike(x, y, local_scores, gradient, given)
    global_scores = global_scores.contiguous()
    inputs = (x, y, local_scores, global_scores)
    outputs = tuple(torch.empty_like(tensor) for tensor in inputs)
    blocks = position_blocks(layout)
    launch(
        fuse_gradient_kernel,
        x.shape[0] * count_blocks(layout.channels, blocks["BLOCK_C"]),
        *(gradient, given, *inputs, *outputs),
        **layout.constants,
        SCALE=scale,
        READS_WEIGHT_GRADIENT=weight_gradient is not None,
        **blocks,
    )
    return outputs[0], outputs[1], outputs[2], outputs[3]


def position_blocks(layout: MapLayout) -> dict[str, int]:
    """Return the channels and positions of a tile whose rows and columns do not matter."""
    positions = min(ELEMENTS, padded(layout.height * layout.width))
    if layout.is_channels_last:
        positions = min(positions, ELEMENTS // CHANNELS_LAST_BLOCK)
    return {"BLOCK_C": min(padded(layout.channels), ELEMENTS // positions), "BLOCK_P": positions}


def keep_fusion(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep the inputs, and leave out gradients that nobody asked for."""
    ctx.save_for_backward(*inputs[:4])
    ctx.scale = inputs[4]
    ctx.set_materialize_grads(False)


def fusion_backward(ctx: Any, gradient: Tensor | None, weight_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
    """Return the gradients of both maps and of the scores."""
    if gradient is None:  # the loss looks at the weights alone
        gradient = torch.zeros_like(ctx.saved_tensors[0])
    x, y, local_scores, global_scores = ctx.saved_tensors
    inputs = (x, y, local_scores, global_scores)
    return (*launch_fusion_backward(gradient, weight_gradient, *inputs, ctx.scale), None, None)


def excitation_forward(x: Tensor, scores: Tensor) -> Tensor:
    """Launch the scaling."""
    (x, scores), layout = lay_out_alike(x, scores)
    output = torch.empty_like(x, dtype=torch.promote_types(x.dtype, scores.dtype))
    size = layout.channels * layout.height * layout.width
    launch(excite_kernel, x.shape[0] * count_blocks(size, BLOCK), x, scores, output, SIZE=size, BLOCK=BLOCK)
    return output


def excitation_backward(gradient: Tensor, x: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Launch the gradients."""
    (x, scores, gradient), layout = lay_out_alike(x, scores, gradient)
    outputs = (torch.empty_like(x), torch.empty_like(scores))
    size = layout.channels * layout.height * layout.width
    tensors = (gradient, x, scores, *outputs)
    launch(excite_gradient_kernel, x.shape[0] * count_blocks(size, BLOCK), *tensors, SIZE=size, BLOCK=BLOCK)
    return outputs


def keep_excitation(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    """Keep the inputs."""
    ctx.save_for_backward(*inputs)


def excitation_gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the map and of the scores."""
    return launch_excitation_backward(gradient, *ctx.saved_tensors)


launch_fusion_backward = make_operator(score_fusion_backward)
launch_fusion = make_operator(score_fusion_forward, keep=keep_fusion, backward=fusion_backward)
launch_excitation_backward = make_operator(excitation_backward)
launch_excitation = make_operator(excitation_forward, keep=keep_excitation, backward=excitation_gradients)


def fuse_by_scores(
    x: Tensor, y: Tensor, local_scores: Tensor, global_scores: Tensor, *, scale: float = 1.0, needs_weights: bool = True
) -> tuple[Tensor, Tensor]:
    """Fuse two feature maps by the scores of MS-CAM.

    Args:
        x: ``(B, C, H, W)``.
        y: ``(B, C, H, W)``.
        local_scores: ``(B, C, H, W)``, of any size and sign.
        global_scores: ``(B, C, 1, 1)``, of any size and sign.
        scale: factor of the result.
        needs_weights: whether the weights are wanted too.

    Returns:
        ``scale * (w * x + (1 - w) * y)`` and ``w = sigmoid(local_scores + global_scores)``, both ``(B, C, H, W)``; w is
        empty if it is not wanted.
    """
    return launch_fusion(x, y, local_scores, global_scores, scale, needs_weights)


def excite(x: Tensor, scores: Tensor) -> Tensor:
    """Return ``x + x * sigmoid(scores)``, all of them ``(B, C, H, W)``."""
    return launch_excitation(x, scores)
