"""What the tests of the kernels share: inputs, and the comparison with the eager arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

#: Odd sizes, one of a single position, one that is no power of two anywhere, one with a batch of one.
SHAPES = ((2, 6, 7, 7), (1, 5, 14, 14), (2, 3, 1, 1), (1, 3, 28, 28), (1, 4, 5, 9))

ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": Tensor.contiguous,
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "strided": lambda x: torch.stack([x, x], dim=-1)[..., 0],
}


def draw(*shape: int, dtype: torch.dtype, device: str, seed: int = 0) -> Tensor:
    """Return normal random numbers that the dtype holds exactly, the same in every call."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.to(device, dtype)


def check_values(found: Tensor, expected: Tensor) -> None:
    """Compare an output with the same in float32.

    A kernel computes in float32 and rounds once. In float32 that leaves the order of additions, at most 784 of them; in
    half precision an error of half a unit in the last place is added, or of one unit where Triton's interpreter cuts
    numbers off to bfloat16.
    """
    relative = 1e-5 if found.dtype == torch.float32 else torch.finfo(found.dtype).eps
    torch.testing.assert_close(found.float(), expected.to(found.device), rtol=relative, atol=5e-6)


def check_function(
    fused: Callable[..., Tensor | Sequence[Tensor]],
    eager: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Sequence[Tensor],
) -> None:
    """Compare all outputs of a function of the kernels, and the gradients of all inputs, with the eager form.

    The eager form is computed in float32 from the same numbers, and the gradients that flow in are random.
    """
    ours = [value.detach().requires_grad_() for value in inputs]
    theirs = [value.detach().float().contiguous().requires_grad_() for value in inputs]

    found, expected = as_list(fused(*ours)), as_list(eager(*theirs))

    incoming = [
        draw(*output.shape, dtype=output.dtype, device=str(output.device), seed=7 + number)
        for number, output in enumerate(found)
    ]
    for output, reference in zip(found, expected, strict=True):
        assert output.dtype == inputs[0].dtype
        check_values(output, reference.detach())
    gradients = torch.autograd.grad(found, ours, incoming)
    references = torch.autograd.grad(expected, theirs, [gradient.float() for gradient in incoming])
    for value, gradient, reference in zip(ours, gradients, references, strict=True):
        assert (gradient.dtype, gradient.shape) == (value.dtype, value.shape)
        check_values(gradient, reference)


def as_list(outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """Return one or several outputs as a list."""
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
