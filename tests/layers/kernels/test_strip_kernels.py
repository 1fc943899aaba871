"""Kernels of the strips against PyTorch's own operations: means of rows and columns, and their gates."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DTYPES, ORDERS, SHAPES, check_function, draw
from torch import Tensor

from fer_zoo.layers import CoordinateAttention, set_implementation


def eager_means(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means as the layers take them."""
    return x.mean(dim=3, keepdim=True), x.mean(dim=2, keepdim=True)


def eager_gates(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the scaled map as the layers compute it."""
    return x * rows * columns


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_means_of_rows_and_columns_are_those_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Values and gradients agree, whatever the order in memory."""
    from fer_zoo.layers.kernels.strip_means import strip_means

    x = ORDERS[order](draw(2, 6, 7, 7, dtype=dtype, device=device))

    check_function(strip_means, eager_means, [x])


@pytest.mark.parametrize("shape", SHAPES)
def test_means_of_every_size_are_those_of_torch(shape: tuple[int, ...], device: str) -> None:
    """Sizes that are no powers of two, single positions and single pictures come out right."""
    from fer_zoo.layers.kernels.strip_means import strip_means

    check_function(strip_means, eager_means, [draw(*shape, dtype=torch.float32, device=device)])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gated_maps_are_those_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Values and the gradients of the map and of both gates agree, whatever the order in memory."""
    from fer_zoo.layers.kernels.strip_gates import strip_gates

    x = ORDERS[order](draw(2, 6, 7, 7, dtype=dtype, device=device))
    rows = draw(2, 6, 7, 1, dtype=dtype, device=device, seed=1)
    columns = draw(2, 6, 1, 7, dtype=dtype, device=device, seed=2)

    check_function(strip_gates, eager_gates, [x, rows, columns])


@pytest.mark.parametrize("shape", SHAPES)
def test_gated_maps_of_every_size_are_those_of_torch(shape: tuple[int, int, int, int], device: str) -> None:
    """Sizes that are no powers of two, single positions and single pictures come out right."""
    from fer_zoo.layers.kernels.strip_gates import strip_gates

    batch, channels, height, width = shape
    x = draw(*shape, dtype=torch.float32, device=device)
    rows = draw(batch, channels, height, 1, dtype=torch.float32, device=device, seed=1)
    columns = draw(batch, channels, 1, width, dtype=torch.float32, device=device, seed=2)

    check_function(strip_gates, eager_gates, [x, rows, columns])


def test_tall_maps_are_taken_row_by_row(device: str) -> None:
    """A map too large for one tile is read in several, and its sums run over all of them."""
    from fer_zoo.layers.kernels.strip_gates import strip_gates
    from fer_zoo.layers.kernels.strip_means import strip_means

    x = draw(1, 1, 70, 65, dtype=torch.float32, device=device)
    rows = draw(1, 1, 70, 1, dtype=torch.float32, device=device, seed=1)
    columns = draw(1, 1, 1, 65, dtype=torch.float32, device=device, seed=2)

    check_function(strip_means, eager_means, [x])
    check_function(strip_gates, eager_gates, [x, rows, columns])


def test_channels_last_maps_stay_so(device: str) -> None:
    """The output and the gradient have the order of the input, so the next convolution need not turn them."""
    from fer_zoo.layers.kernels.strip_gates import strip_gates

    x = ORDERS["channels_last"](draw(2, 6, 7, 7, dtype=torch.float32, device=device)).requires_grad_()
    rows, columns = eager_means(x.detach())

    y = strip_gates(x, rows, columns)
    y.square().sum().backward()

    assert x.grad is not None
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_gates_of_higher_precision_decide_the_dtype(device: str) -> None:
    """Gates in float32, as autocast gives them, make the map float32, as they do with torch."""
    from fer_zoo.layers.kernels.strip_gates import strip_gates

    x = draw(1, 2, 3, 3, dtype=torch.bfloat16, device=device)
    rows, columns = eager_means(x.float())

    y = strip_gates(x, rows, columns)

    torch.testing.assert_close(y, eager_gates(x, rows, columns))


@pytest.mark.parametrize("training", [True, False])
def test_fused_coordinate_attention_is_the_eager_one(training: bool, device: str) -> None:
    """The whole layer agrees, and so do the gradients of its input and of all its parameters."""
    torch.manual_seed(0)
    layer = CoordinateAttention(12).to(device).train(training)
    x = draw(2, 12, 7, 5, dtype=torch.float32, device=device).requires_grad_()
    tensors = [x, *layer.parameters()]

    expected = layer(x)
    references = torch.autograd.grad(expected.square().sum(), tensors)
    set_implementation(layer, "fused")
    found = layer(x)
    gradients = torch.autograd.grad(found.square().sum(), tensors)

    assert "strip_gates" in type(found.grad_fn).__name__
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients, references, rtol=1e-4, atol=1e-5)
