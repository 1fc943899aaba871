"""The kernel of efficient local attention against the eager layer."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DTYPES, ORDERS, check_values, draw
from torch import nn

from fer_zoo.layers import EfficientLocalAttention, set_implementation


def make_layer(channels: int, num_groups: int, device: str, *, kernel_size: int = 5) -> EfficientLocalAttention:
    """Return a layer whose norm is not the identity, in eval mode."""
    torch.manual_seed(0)
    layer = EfficientLocalAttention(channels, kernel_size=kernel_size, num_groups=num_groups)
    nn.init.normal_(layer.norm.weight)
    nn.init.normal_(layer.norm.bias)
    return layer.to(device).eval()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_attended_maps_are_those_of_the_eager_layer(dtype: torch.dtype, order: str, device: str) -> None:
    """One kernel gives what the layer gives in float32, for weights and a map that the dtype holds exactly."""
    layer = make_layer(6, 2, device).to(dtype)
    x = ORDERS[order](draw(2, 6, 7, 7, dtype=dtype, device=device))
    set_implementation(layer, "fused")

    with torch.no_grad():
        found = layer(x)
        set_implementation(layer.float(), "eager")
        expected = layer(x.float())

    assert found.dtype == dtype
    check_values(found, expected)


@pytest.mark.parametrize(
    ("shape", "groups", "kernel_size"),
    [((1, 4, 1, 1), 2, 3), ((1, 6, 14, 14), 2, 7), ((2, 5, 28, 28), 5, 5), ((1, 12, 5, 9), 4, 1), ((1, 3, 2, 3), 1, 7)],
)
def test_every_size_is_that_of_the_eager_layer(
    shape: tuple[int, int, int, int], groups: int, kernel_size: int, device: str
) -> None:
    """Odd sizes, groups of any width, and kernels longer than the strip come out right."""
    layer = make_layer(shape[1], groups, device, kernel_size=kernel_size)
    x = draw(*shape, dtype=torch.float32, device=device)

    with torch.no_grad():
        expected = layer(x)
        set_implementation(layer, "fused")
        found = layer(x)

    check_values(found, expected)


def test_training_takes_the_kernels_of_the_strips(device: str) -> None:
    """Where gradients are recorded, the small network of the strips stays eager and all gradients agree."""
    layer = make_layer(6, 2, device)
    x = draw(2, 6, 7, 5, dtype=torch.float32, device=device).requires_grad_()
    tensors = [x, *layer.parameters()]

    expected = layer(x)
    references = torch.autograd.grad(expected.square().sum(), tensors)
    set_implementation(layer, "fused")
    found = layer(x)
    gradients = torch.autograd.grad(found.square().sum(), tensors)

    assert "strip_gates" in type(found.grad_fn).__name__
    check_values(found.detach(), expected.detach())
    torch.testing.assert_close(gradients, references, rtol=1e-4, atol=1e-5)


def test_groups_too_large_for_one_program_take_the_kernels_of_the_strips(device: str) -> None:
    """A group whose maps no program can hold is still what the eager layer gives."""
    from fer_zoo.layers.kernels.local_attention import fits_programs

    layer = make_layer(17, 1, device)  # takes up 32 channels of 32 x 32
    x = draw(1, 17, 3, 17, dtype=torch.float32, device=device)

    with torch.no_grad():
        expected = layer(x)
        set_implementation(layer, "fused")
        found = layer(x)

    assert not fits_programs(x, 1)
    check_values(found, expected)
