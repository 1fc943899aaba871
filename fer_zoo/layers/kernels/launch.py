"""Running a kernel: at once where nothing records, as an operator of PyTorch where autograd or a compiler does.

An operator (``torch.library.triton_op``) is what autograd, ``torch.compile`` and its CUDA graphs know how to handle,
but its way through the dispatcher costs more than a small kernel does. Inference without a compiler goes around it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from torch.library import triton_op, wrap_triton

from fer_zoo.layers.kernels.fallback import IS_INTERPRETED

P = ParamSpec("P")
R = TypeVar("R")


def launch(kernel: Any, programs: int, *arguments: Tensor, num_warps: int = 4, **constants: float) -> None:
    """Start a kernel on a grid of one dimension, the only one without a limit that a large batch could reach.

    Args:
        kernel: what ``triton.jit`` made.
        programs: size of the grid, which may be symbolic under a compiler.
        *arguments: the tensors it reads and writes.
        num_warps: groups of 32 threads a program.
        **constants: what it is compiled for.
    """
    if not IS_INTERPRETED and not are_plain(arguments):  # a compiler is at work: it takes note, and runs nothing
        wrap_triton(kernel)[(programs,)](*arguments, **constants, num_warps=num_warps)
        return
    device = arguments[0].device
    guard = torch.cuda.device(device) if device.type == "cuda" else nullcontext()  # Triton takes the current device
    with guard:
        kernel[(programs,)](*arguments, **constants, num_warps=num_warps)


def make_operator(
    function: Callable[P, R], *, keep: Callable[..., None] | None = None, backward: Callable[..., Any] | None = None
) -> Callable[P, R]:
    """Return a function that launches kernels as one that autograd and compilers understand.

    Args:
        function: allocates outputs and launches; its name names the operator.
        keep: ``keep(ctx, inputs, output)`` saves what the backward needs.
        backward: ``backward(ctx, *gradients)`` returns a gradient for each input.
    """
    operator: Any = triton_op(f"fer_zoo::{function.__name__}", function, mutates_args=())
    if backward is not None:
        operator.register_autograd(backward, setup_context=keep)

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tensors = tuple(argument for argument in args if isinstance(argument, Tensor))
        if torch.compiler.is_compiling() or not are_plain(tensors) or is_recorded(tensors):
            result: R = operator(*args, **kwargs)
            return result
        return function(*args, **kwargs)

    return run


def are_plain(tensors: tuple[Tensor, ...]) -> bool:
    """Return whether all tensors hold values, as those that a compiler traces with do not."""
    return all(type(tensor) in (Tensor, nn.Parameter) for tensor in tensors)


def is_recorded(tensors: tuple[Tensor, ...]) -> bool:
    """Return whether autograd wants to know what is done to the tensors."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
