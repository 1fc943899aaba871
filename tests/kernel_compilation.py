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
