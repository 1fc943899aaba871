"""Compiles the kernels for a GPU without one: started as a program of its own, where Triton does not interpret.

The functions of :mod:`fer_zoo.layers.kernels` run on tensors without memory (``device="meta"``), and whatever they
launch is compiled by Triton and assembled by its ptxas instead. So the arguments, the block sizes and the constants are
those of real launches. Then ``torch.compile`` traces layers on tensors that pretend to lie on a GPU. The answers go to
the standard output, as one object of JSON.
"""

from __future__ import annotations

import inspect
import json
import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
import triton
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction, KernelInterface

from fer_zoo.layers import (
    AttentionalFusion,
    CoordinateAttention,
    DualDirectionHead,
    DualDirectionHeads,
    EfficientLocalAttention,
    GradientBranch,
    LocalContextAttention,
    kernels,
    set_implementation,
)
from fer_zoo.layers.kernels.dual_direction import attend_strongest
from fer_zoo.layers.kernels.local_attention import local_attention
from fer_zoo.layers.kernels.score_fusion import excite, fuse_by_scores
from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient
from fer_zoo.layers.kernels.strip_gates import strip_gates
from fer_zoo.layers.kernels.strip_means import strip_means

TYPES = {torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}
TARGET = GPUTarget("cuda", 90, 32)  # Hopper

seen: dict[str, str] = {}


class Hopper:
    """Stands for what torch and Triton know of the GPU that a tensor lies on."""

    major = 9

    def get_current_target(self) -> GPUTarget:
        """Return what Triton compiles for."""
        return TARGET


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


def launch_nothing(kernel: Any, grid: tuple[int, ...]) -> Callable[..., None]:
    """Take the place of ``kernel[grid]``."""
    assert all(type(size) is int and 0 < size < 2**31 for size in grid)
    return lambda *arguments, **constants: compile_launch(kernel, arguments, constants)


def list_kernels() -> list[str]:
    """Return the name of every kernel that there is, apart from what kernels call on the device."""
    names = set()
    for module in pkgutil.iter_modules(kernels.__path__):
        members = vars(import_module(f"{kernels.__name__}.{module.name}"))
        names |= {
            name for name, value in members.items() if isinstance(value, JITFunction) and name.endswith("_kernel")
        }
    return sorted(names)


def run_all(dtype: torch.dtype, batch: int, memory_format: torch.memory_format, *, variants: bool) -> None:
    """Call every function of the kernels, and its backward, on maps of the sizes that the models have.

    Args:
        dtype: of all tensors.
        batch: number of pictures.
        memory_format: of the maps.
        variants: whether to leave out what need not be computed too, which is another kernel each time.
    """

    def empty(*shape: int) -> Tensor:
        return torch.empty(batch, *shape, dtype=dtype, device="meta", requires_grad=True)

    def image(channels: int, size: int) -> Tensor:
        return empty(channels, size, size).detach().contiguous(memory_format=memory_format).requires_grad_()

    x = image(128, 28)
    strip_gates(x, *strip_means(x)).sum().backward()
    x, weight = image(512, 7), torch.empty(512, 1, 5, dtype=dtype, device="meta")
    local_attention(x.detach(), weight, weight[:, 0, 0], weight[:, 0, 0], num_groups=32, epsilon=1e-5)
    gates = (empty(2, 512, 7), empty(2, 512, 7), empty(2, 512))
    sum_of(attend_strongest(x, *gates, needs_maps=True)).backward()
    maps = (image(256, 14), image(256, 14), image(256, 14), empty(256, 1, 1))
    sum_of(fuse_by_scores(*maps, scale=2.0)).backward()
    excite(image(256, 14), image(256, 14)).sum().backward()
    pool_sobel_gradient(image(64, 56), 2, epsilon=1e-8).sum().backward()
    if variants:
        attend_strongest(x, *gates)[0].sum().backward()
        fuse_by_scores(*maps, scale=2.0, needs_weights=False)[0].sum().backward()
        pool_sobel_gradient(image(64, 28), 1, epsilon=1e-8).sum().backward()


def sum_of(outputs: tuple[Tensor, ...]) -> Tensor:
    """Return the sum of all values of all outputs."""
    return torch.stack([output.sum() for output in outputs]).sum()


def compile_all() -> None:
    """Compile every kernel for every dtype, for both orders of memory, and with all that can be left out."""
    run_all(torch.float32, 3, torch.contiguous_format, variants=False)
    run_all(torch.float16, 3, torch.contiguous_format, variants=True)
    run_all(torch.bfloat16, 3, torch.channels_last, variants=False)


def trace(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> list[str]:
    """Return the operators of this package in the one graph that ``torch.compile`` makes of a layer.

    Args:
        make: makes the layer.
        *shapes: of its inputs.
    """
    operators: list[str] = []

    def keep(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        operators.extend(str(node.target) for node in graph.graph.nodes if "fer_zoo" in str(node.target))
        return graph.forward

    with torch.device("meta"):
        layer = make().eval()
    set_implementation(layer, "fused")
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        inputs = [torch.empty(shape, device="cuda") for shape in shapes]
        torch.compile(layer.to_empty(device="cuda"), backend=keep, fullgraph=True)(*inputs)
    return operators


def trace_all() -> dict[str, list[str]]:
    """Trace every layer that has kernels."""
    setattr(torch.cuda, "get_device_properties", lambda device: Hopper)  # noqa: B010 - of other types
    triton.runtime.driver.set_active(Hopper())
    shape = (2, 64, 7, 7)
    return {
        "coordinate": trace(lambda: CoordinateAttention(64), shape),
        "local": trace(lambda: EfficientLocalAttention(64), shape),
        "heads": trace(lambda: DualDirectionHeads(DualDirectionHead(64, 7) for _ in range(2)), shape),
        "fusion": trace(lambda: AttentionalFusion(64), shape, shape),
        "context": trace(lambda: LocalContextAttention(64), shape),
        "gradient": trace(lambda: GradientBranch(64, 32, stride=2), shape),
    }


if __name__ == "__main__":
    KernelInterface.__getitem__ = JITFunction.__getitem__ = launch_nothing
    compile_all()
    launches = list(seen)
    for other_batch in (1, 16, 513):
        run_all(torch.float16, other_batch, torch.contiguous_format, variants=True)
    answer = {"kernels": list_kernels(), "launches": launches, "other_batches": list(seen)[len(launches) :]}
    traced = trace_all() if "--trace" in sys.argv else {}
    print(json.dumps({**answer, "traced": traced}))
