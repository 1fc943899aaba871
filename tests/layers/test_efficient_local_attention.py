"""Efficient local attention, against loops written here and values worked out by hand."""

import math
import re

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import EfficientLocalAttention

Array = NDArray[np.float64]


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled(module: EfficientLocalAttention) -> EfficientLocalAttention:
    """Return the module in double precision with random weights."""
    generator = torch.Generator().manual_seed(0)
    for value in module.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=generator))
    return module.double()


def slow_gate(strip: Array, module: EfficientLocalAttention) -> Array:
    """Turn a strip ``(C, L)`` into its gates: convolution, group norm and sigmoid, value by value."""
    kernel = module.conv.weight.detach().numpy()[:, 0]  # (C, K)
    scale, shift = module.norm.weight.detach().numpy(), module.norm.bias.detach().numpy()
    channels, length = strip.shape
    reach = kernel.shape[1] // 2
    convolved = np.zeros_like(strip)
    for c, place, step in np.ndindex(channels, length, kernel.shape[1]):
        neighbour = place + step - reach
        if 0 <= neighbour < length:
            convolved[c, place] += kernel[c, step] * strip[c, neighbour]
    gates = np.zeros_like(strip)
    members = channels // module.norm.num_groups
    for c, place in np.ndindex(channels, length):
        group = convolved[c // members * members : (c // members + 1) * members]
        normalised = (convolved[c, place] - group.mean()) / math.sqrt(group.var() + 1e-5)
        gates[c, place] = 1 / (1 + math.exp(-(normalised * scale[c] + shift[c])))
    return gates


@pytest.mark.parametrize("shape", [(2, 8, 7, 7), (1, 8, 3, 6)])
@pytest.mark.parametrize(("kernel_size", "num_groups"), [(5, 4), (3, 1), (7, 8)])
def test_equals_a_loop_over_channels_and_positions(
    shape: tuple[int, int, int, int], kernel_size: int, num_groups: int
) -> None:
    """The output is the input times the gate of its row times the gate of its column."""
    module = scrambled(EfficientLocalAttention(8, kernel_size=kernel_size, num_groups=num_groups))
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    output = module(x).detach().numpy()

    for image, result in zip(x.numpy(), output, strict=True):
        rows, columns = slow_gate(image.mean(axis=2), module), slow_gate(image.mean(axis=1), module)
        expected = np.zeros_like(image)
        for c, h, w in np.ndindex(*image.shape):
            expected[c, h, w] = image[c, h, w] * rows[c, h] * columns[c, w]
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-10)


def test_zero_kernels_leave_the_bias_of_the_norm() -> None:
    """A strip of zeros is normalised to zero, so that both gates are the sigmoid of the bias of their channel."""
    module = EfficientLocalAttention(4, num_groups=2)
    nn.init.zeros_(module.conv.weight)
    biases = torch.tensor([-2.0, 0.0, 1.0, 3.0])
    with torch.no_grad():
        module.norm.bias.copy_(biases)
    x = torch.randn(2, 4, 5, 6)

    output = module(x)

    torch.testing.assert_close(output, x * biases.sigmoid().square()[:, None, None])


def test_transposing_the_picture_transposes_the_output() -> None:
    """Height and width share the convolution and the norm, so that there is nothing to swap."""
    module = scrambled(EfficientLocalAttention(8, num_groups=4))
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)

    torch.testing.assert_close(module(x.mT).mT, module(x), rtol=0, atol=1e-12)


def test_a_gate_reaches_two_places_to_each_side() -> None:
    """Without the norm, a strip with a single one in its middle is the kernel of five, mirrored."""
    module = EfficientLocalAttention(1, num_groups=1)
    module.norm = nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    strip = torch.zeros(1, 1, 7)
    strip[0, 0, 3] = 1

    gates = module.gate(strip)

    torch.testing.assert_close(gates.logit()[0, 0], torch.tensor([0.0, 5, 4, 3, 2, 1, 0]), rtol=0, atol=1e-4)


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    """The norm is within a picture, in training too, so that a batch gives what its pictures give alone."""
    module = scrambled(EfficientLocalAttention(8, num_groups=4)).train()
    x = torch.randn(3, 8, 5, 5, dtype=torch.float64)

    torch.testing.assert_close(module(x), torch.cat([module(image[None]) for image in x]), rtol=0, atol=1e-12)


def test_values_never_grow() -> None:
    """As gates lie in [0, 1], no value gets larger and none changes its sign."""
    module = scrambled(EfficientLocalAttention(8, num_groups=4))
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64)

    output = module(x)

    assert output.shape == x.shape
    assert (output.abs() <= x.abs()).all()
    assert (output * x >= 0).all()


def test_the_default_is_variant_t() -> None:
    """A channel has one kernel of 5, a scale and a shift, and 32 groups share their statistics."""
    module = EfficientLocalAttention(512)

    assert sum(p.numel() for p in module.parameters()) == 512 * 5 + 2 * 512
    assert module.norm.num_groups == 32


def test_every_parameter_receives_a_gradient() -> None:
    """No parameter is left out of the forward pass."""
    module = scrambled(EfficientLocalAttention(8, num_groups=4))

    module(torch.randn(2, 8, 5, 5, dtype=torch.float64)).square().sum().backward()

    assert all(p.grad is not None and (p.grad != 0).all() for p in module.parameters())


@pytest.mark.parametrize(
    ("channels", "options", "message"),
    [
        (48, {}, "Invalid value 32 for num_groups: expected a divisor of the 48 channels."),
        (16, {"num_groups": 3}, "Invalid value 3 for num_groups: expected a divisor of the 16 channels."),
        (64, {"kernel_size": 4}, "Invalid value 4 for kernel_size: expected an odd number."),
    ],
)
def test_options_that_do_not_fit_are_refused(channels: int, options: dict[str, int], message: str) -> None:
    """The groups must share the channels evenly, and a kernel must have a middle."""
    with pytest.raises(InvalidOptionError, match=f"^{re.escape(message)}$"):
        EfficientLocalAttention(channels, **options)
