"""Sharpness-aware minimisation: the gradient is taken at the worst point near the weights.

Paper: P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-aware minimization for efficiently improving
generalization", ICLR 2021 (arXiv 2010.01412), Algorithm 1 and Equation 2 with p = 2. As in the authors' code, weight
decay is left to the optimiser and does not tilt the step up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

EPS = 1e-12  # keeps a gradient of zero from being divided by zero


@contextmanager
@torch.no_grad()
def at_the_worst_point(model: nn.Module, rho: float) -> Iterator[None]:
    """Move the weights up along their gradient by a length of ``rho`` while the block runs, then exactly back.

    The gradients are cleared on entry: the block computes those that the optimiser will use. If the gradient is not
    finite, as mixed precision may have it, the weights stay where they are.

    Args:
        model: its parameters have gradients; a common factor, such as that of a gradient scaler, does not matter.
        rho: the length of the step, at least 0.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    before = [parameter.detach().clone() for parameter in parameters]
    norm = gradient_norm(gradients)
    factor = torch.where(norm.isfinite(), rho / (norm + EPS), 0.0)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.add_(gradient.nan_to_num(0.0, 0.0, 0.0) * factor.to(gradient))
    model.zero_grad()
    try:
        yield
    finally:
        for parameter, value in zip(parameters, before, strict=True):
            parameter.copy_(value)


def gradient_norm(gradients: list[Tensor]) -> Tensor:
    """Return the length of all gradients taken as one vector, a scalar in float32."""
    norms = torch.stack([torch.linalg.vector_norm(gradient.to(torch.float32)) for gradient in gradients])
    return cast(Tensor, torch.linalg.vector_norm(norms))


def read_buffers(model: nn.Module) -> list[Tensor]:
    """Return copies of all buffers, such as running statistics."""
    return [buffer.detach().clone() for buffer in model.buffers()]


@torch.no_grad()
def write_buffers(model: nn.Module, values: list[Tensor]) -> None:
    """Put the buffers back to what :func:`read_buffers` returned."""
    for buffer, value in zip(model.buffers(), values, strict=True):
        buffer.copy_(value)


__all__ = ["at_the_worst_point", "read_buffers", "write_buffers"]
