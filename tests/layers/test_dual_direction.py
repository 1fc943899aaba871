"""The dual-direction attention head, against a slow version written here and values worked out by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.layers import CoordinateAttention, DualDirectionHead

Array = NDArray[np.float64]

CHANNELS = 6
SIZE = 4


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled() -> DualDirectionHead:
    """Return a small head in eval mode and double precision, with random weights and running statistics."""
    module = DualDirectionHead(CHANNELS, SIZE, squeeze_reduction=2)
    generator = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator) / 2)
    return module.double().eval()


def feature_map() -> Tensor:
    """Return a batch of two random maps, the same in every call."""
    return torch.randn(2, CHANNELS, SIZE, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def sigmoid(values: Array) -> Array:
    """Return the logistic function of each value."""
    result: Array = 1 / (1 + np.exp(-values))
    return result


def normalised(values: Array, state: dict[str, Array], norm: str) -> Array:
    """Apply the running statistics, the scale and the shift of a norm to ``(C,)``."""
    centred = values - state[f"{norm}.running_mean"]
    result: Array = centred / np.sqrt(state[f"{norm}.running_var"] + 1e-5) * state[f"{norm}.weight"]
    return result + state[f"{norm}.bias"]


def slow_gate(description: Array, state: dict[str, Array], expand: str) -> Array:
    """Turn the description of one row or column, ``(C,)``, into its gate of each channel."""
    hidden = state["gates.reduce.weight"][:, :, 0, 0] @ description + state["gates.reduce.bias"]
    hidden = normalised(hidden, state, "gates.norm")
    hidden = hidden * np.clip(hidden + 3, 0, 6) / 6  # h-swish
    return sigmoid(state[f"gates.{expand}.weight"][:, :, 0, 0] @ hidden + state[f"gates.{expand}.bias"])


def slow_head(x: Array, state: dict[str, Array]) -> Array:
    """Return the attention map of one feature map ``(C, S, S)``, row by row and column by column."""
    row_kernel, column_kernel = state["rows.conv.weight"][:, 0, 0], state["columns.conv.weight"][:, 0, :, 0]  # (C, S)
    rows, columns = [], []
    for place in range(SIZE):
        row = np.array([sum(row_kernel[c, w] * x[c, place, w] for w in range(SIZE)) for c in range(CHANNELS)])
        rows.append(slow_gate(normalised(row, state, "rows.norm"), state, "expand_height"))
        column = np.array([sum(column_kernel[c, h] * x[c, h, place] for h in range(SIZE)) for c in range(CHANNELS)])
        columns.append(slow_gate(normalised(column, state, "columns.norm"), state, "expand_width"))
    attention = np.zeros_like(x)
    for c, h, w in np.ndindex(*x.shape):
        attention[c, h, w] = rows[h][c] * columns[w][c]
    squeezed = np.maximum(state["squeeze.weight"] @ attention.mean(axis=(1, 2)), 0)
    return attention * sigmoid(state["excite.weight"] @ squeezed)[:, None, None]


def test_equals_a_loop_over_rows_and_columns() -> None:
    """The map is the outer product of the gates times the gate of the channel, which is computed from that product."""
    module, x = scrambled(), feature_map()
    state = {name: value.numpy() for name, value in module.state_dict().items()}

    output = module(x).detach().numpy()

    np.testing.assert_allclose(output, np.stack([slow_head(image, state) for image in x.numpy()]), rtol=0, atol=1e-12)


def test_gates_that_know_nothing_give_an_eighth() -> None:
    """With zero weights the gates of row, column and channel are sigmoid(0), one half each."""
    module = DualDirectionHead(32, 7).eval()
    for parameter in (*module.gates.expand_height.parameters(), *module.gates.expand_width.parameters()):
        nn.init.zeros_(parameter)
    nn.init.zeros_(module.excite.weight)

    output = module(torch.randn(2, 32, 7, 7))

    assert torch.equal(output, torch.full((2, 32, 7, 7), 0.125))


def test_transposing_the_map_and_swapping_the_directions_transposes_the_output() -> None:
    """Height and width are treated alike, each with its own kernels, norm and last convolution."""
    module, swapped, x = scrambled(), scrambled(), feature_map()
    swapped.rows, swapped.columns = swapped.columns, swapped.rows
    gates = swapped.gates
    gates.expand_height, gates.expand_width = gates.expand_width, gates.expand_height
    for strip in (swapped.rows.conv, swapped.columns.conv):
        strip.weight = nn.Parameter(strip.weight.mT)

    torch.testing.assert_close(swapped(x.mT).mT, module(x), rtol=0, atol=1e-12)


def test_the_two_directions_have_weights_of_their_own() -> None:
    """A map and its transpose do not give transposed outputs with the same weights."""
    module, x = scrambled(), feature_map()

    assert (module(x.mT).mT - module(x)).abs().max() > 0.01


def test_averaging_kernels_make_it_coordinate_attention() -> None:
    """With means as descriptions and channel gates of one half, coordinate attention is twice map times input."""
    module, x = scrambled(), feature_map()
    for strip in (module.rows, module.columns):
        nn.init.constant_(strip.conv.weight, 1 / SIZE)
        strip.norm = nn.Identity()  # type: ignore[assignment]
    nn.init.zeros_(module.excite.weight)
    attention = CoordinateAttention(CHANNELS).eval()
    attention.gates = module.gates

    torch.testing.assert_close(2 * module(x) * x, attention(x), rtol=0, atol=1e-12)


def test_values_lie_between_zero_and_one() -> None:
    """The map has the shape of its input and is a product of gates, even for an input of large values."""
    module, x = scrambled(), feature_map() * 1000

    output = module(x)

    assert output.shape == x.shape
    assert 0 <= output.min() <= output.max() <= 1


def test_parameters_at_the_width_of_mhan() -> None:
    """At 512 channels and 7 x 7 the bottleneck of the gates has 16 channels and that of squeeze-and-excitation 32."""
    module = DualDirectionHead(512, 7)

    strips = 2 * (512 * 7 + 2 * 512)  # kernels, scale and shift
    gates = (512 * 16 + 16) + 2 * 16 + 2 * (16 * 512 + 512)
    excitation = 2 * 512 * 32
    assert sum(p.numel() for p in module.parameters()) == strips + gates + excitation


@pytest.mark.parametrize(("channels", "gate_reduction", "width"), [(64, 32, 8), (512, 32, 16), (64, 2, 32)])
def test_the_bottleneck_of_the_gates_has_at_least_eight_channels(
    channels: int, gate_reduction: int, width: int
) -> None:
    """The bottleneck is the channels over the reduction, but not below 8."""
    assert DualDirectionHead(channels, 7, gate_reduction=gate_reduction).gates.reduce.out_channels == width


def test_every_parameter_receives_a_gradient() -> None:
    """No parameter is left out of the forward pass."""
    module = scrambled()

    module(feature_map()).square().sum().backward()

    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
