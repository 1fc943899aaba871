"""Compiles the kernels for a GPU without one: started as a program of its own, where Triton does not interpret.

The functions of :mod:`fer_zoo.layers.kernels` run on tensors without memory (``device="meta"``), and whatever they
launch is compiled by Triton and assembled by its ptxas instead. So the arguments, the block sizes and the constants are
those of real launches. One line of JSON a launch tells the kernel, its constants and its types.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

TYPES = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}
TARGET = GPUTarget("cuda", 90, 32)  # Hopper

seen: dict[str, str] = {}


def compile_launch(kernel: Any, arguments: tuple[Tensor, ...], constants: dict[str, Any]) -> None:
    """Compile what a launch would have run, once for each set of types and constants."""
    num_warps = constants.pop("num_warps")
    names = list(inspect.signature(kernel.fn).parameters)
    signature = {name: TYPES[tensor.dtype] for name, tensor in zip(names, arguments, strict=False)}
    assert [*signature, *constants] == names
    key = json.dumps([kernel.fn.__name__, num_warps, list(signature.values()), constants])
    if key in seen:
        return
    if "constexprs" in inspect.signature(ASTSource).parameters:  # since Triton 3.3 constants have a type too
        attributes: Any = {(index,): [["tt.divisibility", 16]] for index in range(len(signature))}
        source = ASTSource(kernel, {**signature, **dict.fromkeys(constants, "constexpr")}, constants, attributes)
    else:
        source = ASTSource(kernel, signature, constants)
    compiled = triton.compile(source, target=TARGET, options={"num_warps": num_warps})
    assert len(compiled.asm["cubin"]) > 0
    seen[key] = compiled.asm["ptx"]
    print(key, flush=True)


def launch_nothing(kernel: Any, grid: tuple[int, ...]) -> Callable[..., None]:
    """Take the place of ``kernel[grid]``."""
    assert all(type(size) is int and 0 < size < 2**31 for size in grid)
    return lambda *arguments, **constants: compile_launch(kernel, arguments, constants)


triton.runtime.jit.KernelInterface.__getitem__ = launch_nothing
triton.runtime.jit.JITFunction.__getitem__ = launch_nothing


def sum_of(outputs: tuple[Tensor, ...]) -> Tensor:
    """Return the sum of all values of all outputs."""
    return torch.stack([output.sum() for output in outputs]).sum()


def run_all(dtype: torch.dtype, batch: int, memory_format: torch.memory_format) -> None:
    """Call every function of the kernels, and its backward, on maps of the sizes that the models have."""
    from fer_zoo.layers.kernels.dual_direction import attend_strongest
    from fer_zoo.layers.kernels.local_attention import local_attention
    from fer_zoo.layers.kernels.score_fusion import excite, fuse_by_scores
    from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient
    from fer_zoo.layers.kernels.strip_gates import strip_gates
    from fer_zoo.layers.kernels.strip_means import strip_means

    def empty(*shape: int) -> Tensor:
        return torch.empty(batch, *shape, dtype=dtype, device="meta", requires_grad=True)

    def vectors(channels: int) -> tuple[Tensor, Tensor, Tensor]:
        norm = torch.empty(2, channels, dtype=dtype, device="meta")
        return torch.empty(channels, 1, 5, dtype=dtype, device="meta"), norm[0], norm[1]

    def image(channels: int, size: int) -> Tensor:
        map_ = torch.empty(batch, channels, size, size, dtype=dtype, device="meta")
        return map_.contiguous(memory_format=memory_format).requires_grad_()

    x = image(128, 28)
    strip_gates(x, *strip_means(x)).sum().backward()
    x = image(512, 7)
    local_attention(x.detach(), *vectors(512), num_groups=32, epsilon=1e-5)
    gates = (empty(3, 512, 7), empty(3, 512, 7), empty(3, 512))
    attend_strongest(x, *gates)[0].sum().backward()
    sum_of(attend_strongest(x, *gates, needs_maps=True)).backward()
    maps = (image(256, 14), image(256, 14), image(256, 14), empty(256, 1, 1))
    fuse_by_scores(*maps, scale=2.0, needs_weights=False)[0].sum().backward()
    sum_of(fuse_by_scores(*maps, scale=2.0)).backward()
    excite(image(256, 14), image(256, 14)).sum().backward()
    pool_sobel_gradient(image(64, 56), 1, epsilon=1e-8).sum().backward()
    pool_sobel_gradient(image(64, 56), 2, epsilon=1e-8).sum().backward()


if __name__ == "__main__":
    for dtype in TYPES:
        run_all(dtype, 3, torch.contiguous_format)
    run_all(torch.bfloat16, 3, torch.channels_last)
