"""Kernels of the gradient branch against the eager one."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DTYPES, ORDERS, SHAPES, check_function, draw
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.layers import GradientBranch, SobelGradient, set_implementation
from fer_zoo.layers.spatial_gradient import EPSILON


def eager_pooling(x: Tensor, stride: int) -> Tensor:
    """Return the pooled magnitude as the layer computes it."""
    return functional.avg_pool2d(SobelGradient()(x), stride, ceil_mode=True)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pooled_gradient_is_that_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Values and gradients agree for windows that stick out of the map."""
    from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient

    x = ORDERS[order](draw(2, 3, 7, 7, dtype=dtype, device=device))

    check_function(lambda x: pool_sobel_gradient(x, 2, epsilon=EPSILON), lambda x: eager_pooling(x, 2), [x])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pooled_gradient_of_every_size_is_that_of_torch(shape: tuple[int, ...], stride: int, device: str) -> None:
    """Every side from 1 on, and windows larger than the map, come out right."""
    from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient

    x = draw(*shape, dtype=torch.float32, device=device)

    check_function(lambda x: pool_sobel_gradient(x, stride, epsilon=EPSILON), lambda x: eager_pooling(x, stride), [x])


def test_a_constant_map_has_no_gradient_at_its_border(device: str) -> None:
    """The border is repeated: the magnitude is the root of epsilon everywhere, and nothing flows back."""
    from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient

    x = torch.full((1, 2, 5, 5), 3.0, device=device, requires_grad=True)

    magnitude = pool_sobel_gradient(x, 1, epsilon=EPSILON)
    magnitude.sum().backward()

    assert x.grad is not None
    torch.testing.assert_close(magnitude, torch.full_like(magnitude, 1e-4))
    assert x.grad.abs().max().item() == 0.0


@pytest.mark.parametrize("stride", [1, 2])
def test_fused_gradient_branch_is_the_eager_one(stride: int, device: str) -> None:
    """The whole branch agrees in training mode, and so do the gradients of its input and of all its parameters."""
    torch.manual_seed(0)
    branch = GradientBranch(4, 6, stride=stride).to(device)
    nn.init.normal_(branch.norm.weight)
    x = draw(2, 4, 7, 7, dtype=torch.float32, device=device).requires_grad_()
    tensors = [x, *branch.parameters()]

    expected = branch(x)
    references = torch.autograd.grad(expected.pow(3).sum(), tensors)
    set_implementation(branch, "fused")
    found = branch(x)
    gradients = torch.autograd.grad(found.pow(3).sum(), tensors)

    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients, references, rtol=1e-3, atol=1e-3)


def test_other_operators_have_no_kernel_and_stay_eager(device: str) -> None:
    """A learnable gradient is computed as before, bit by bit."""
    torch.manual_seed(0)
    branch = GradientBranch(4, 6, operator="learnable").to(device).eval()
    nn.init.ones_(branch.norm.weight)
    x = draw(2, 4, 7, 7, dtype=torch.float32, device=device)

    expected = branch(x)
    set_implementation(branch, "fused")

    assert torch.equal(branch(x), expected)
