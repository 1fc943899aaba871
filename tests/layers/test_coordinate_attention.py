"""Coordinate attention, against loops written here and values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_zoo.layers import CoordinateAttention
from fer_zoo.layers.coordinate_attention import DirectionGates

Array = NDArray[np.float64]


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled(module: CoordinateAttention) -> CoordinateAttention:
    """Return the module in eval mode and double precision, with random weights and running statistics."""
    generator = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator) / 2)
    return module.double().eval()


def sigmoid(value: float) -> float:
    """Return the logistic function of a number."""
    return 1 / (1 + math.exp(-value))


def slow_gate(description: Array, state: dict[str, Array], expand: str) -> list[float]:
    """Turn the description of one row or column, ``(C,)``, into its gate of each channel."""
    hidden = []
    for unit in range(len(state["reduce.weight"])):
        value = state["reduce.bias"][unit]
        for channel, mean in enumerate(description):
            value += state["reduce.weight"][unit, channel, 0, 0] * mean
        value = (value - state["norm.running_mean"][unit]) / math.sqrt(state["norm.running_var"][unit] + 1e-5)
        value = value * state["norm.weight"][unit] + state["norm.bias"][unit]
        hidden.append(value * min(max(value + 3, 0), 6) / 6)  # h-swish
    weight, bias = state[f"{expand}.weight"][:, :, 0, 0], state[f"{expand}.bias"]
    return [sigmoid(bias[c] + sum(weight[c, u] * hidden[u] for u in range(len(hidden)))) for c in range(len(bias))]


def slow_attention(x: Array, state: dict[str, Array]) -> Array:
    """Scale one map ``(C, H, W)`` value by value."""
    channels, height, width = x.shape
    rows = [slow_gate(x[:, row, :].mean(axis=1), state, "expand_height") for row in range(height)]
    columns = [slow_gate(x[:, :, column].mean(axis=1), state, "expand_width") for column in range(width)]
    result = np.zeros_like(x)
    for c, h, w in np.ndindex(channels, height, width):
        result[c, h, w] = x[c, h, w] * rows[h][c] * columns[w][c]
    return result


class TestCoordinateAttention:
    """The whole unit."""

    @pytest.mark.parametrize("shape", [(2, 6, 5, 5), (1, 6, 3, 7), (2, 6, 1, 4)])
    def test_equals_a_loop_over_channels_and_positions(self, shape: tuple[int, int, int, int]) -> None:
        """The output is the input times the gate of its row times the gate of its column."""
        module = scrambled(CoordinateAttention(6))
        state = {name: value.numpy() for name, value in module.gates.state_dict().items()}
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

        output = module(x).detach().numpy()

        expected = np.stack([slow_attention(image, state) for image in x.numpy()])
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-12)

    def test_gates_that_know_nothing_give_a_quarter_of_the_input(self) -> None:
        """With zero weights and biases both gates are sigmoid(0), one half."""
        module = CoordinateAttention(16).eval()
        for expand in (module.gates.expand_height, module.gates.expand_width):
            nn.init.zeros_(expand.weight)
            nn.init.constant_(expand.bias, 0.0)  # type: ignore[arg-type]
        x = torch.randn(2, 16, 4, 5)

        assert torch.equal(module(x), x / 4)

    def test_transposing_the_picture_and_swapping_the_directions_transposes_the_output(self) -> None:
        """Height and width are treated alike, each with its own last convolution."""
        module, swapped = scrambled(CoordinateAttention(6)), scrambled(CoordinateAttention(6))
        gates = swapped.gates
        gates.expand_height, gates.expand_width = gates.expand_width, gates.expand_height
        x = torch.randn(2, 6, 3, 5, dtype=torch.float64)

        torch.testing.assert_close(swapped(x.mT).mT, module(x), rtol=0, atol=1e-12)

    def test_the_two_directions_have_weights_of_their_own(self) -> None:
        """A picture and its transpose do not give transposed outputs with the same weights."""
        module = scrambled(CoordinateAttention(6))
        x = torch.randn(2, 6, 4, 4, dtype=torch.float64)

        assert (module(x.mT).mT - module(x)).abs().max() > 0.01

    def test_values_never_grow(self) -> None:
        """As gates lie in [0, 1], no value gets larger and none changes its sign."""
        module = scrambled(CoordinateAttention(8))
        x = torch.randn(2, 8, 4, 4, dtype=torch.float64)

        output = module(x)

        assert (output.abs() <= x.abs()).all()
        assert (output * x >= 0).all()

    @pytest.mark.parametrize(
        ("channels", "reduction", "width"), [(64, 32, 8), (256, 32, 8), (512, 32, 16), (1024, 32, 32), (64, 4, 16)]
    )
    def test_the_bottleneck_has_at_least_eight_channels(self, channels: int, reduction: int, width: int) -> None:
        """The bottleneck is the channels over the reduction, but not below 8."""
        module = CoordinateAttention(channels, reduction=reduction)

        assert module.gates.reduce.out_channels == width
        assert sum(p.numel() for p in module.parameters()) == 3 * channels * width + 3 * width + 2 * channels

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No parameter is left out of the forward pass."""
        module = scrambled(CoordinateAttention(6))

        module(torch.randn(2, 6, 4, 5, dtype=torch.float64)).square().sum().backward()

        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


class TestDirectionGates:
    """The gates alone."""

    def test_gates_have_the_shapes_of_the_descriptions(self) -> None:
        """Rows stay (B, C, H, 1) and columns (B, C, 1, W), with values between 0 and 1."""
        gates = DirectionGates(4, 8).eval()

        rows, columns = gates(torch.randn(2, 4, 5, 1), torch.randn(2, 4, 1, 3))

        assert rows.shape == (2, 4, 5, 1)
        assert columns.shape == (2, 4, 1, 3)
        assert all(0 <= gate.min() <= gate.max() <= 1 for gate in (rows, columns))

    def test_in_eval_mode_a_gate_depends_on_its_own_row_alone(self) -> None:
        """Changing the description of row 1 changes the gates of row 1, of no other row and of no column."""
        gates = DirectionGates(4, 8).eval()
        rows, columns = torch.randn(1, 4, 3, 1), torch.randn(1, 4, 1, 3)
        changed = rows.clone()
        changed[:, :, 1] += 3

        before, after = gates(rows, columns), gates(changed, columns)

        assert (before[0] == after[0]).all(dim=1).flatten().tolist() == [True, False, True]
        assert torch.equal(before[1], after[1])

    def test_rows_and_columns_are_normalised_together(self) -> None:
        """In training the mean is that over rows and columns: 2 rows of 1 and 2 columns of 5 have the mean 3."""
        gates = DirectionGates(1, 1).train()
        nn.init.ones_(gates.reduce.weight)
        nn.init.constant_(gates.reduce.bias, 0.0)  # type: ignore[arg-type]

        gates(torch.full((1, 1, 2, 1), 1.0), torch.full((1, 1, 1, 2), 5.0))

        assert gates.norm.running_mean is not None
        assert gates.norm.running_mean.item() == pytest.approx(0.1 * 3)  # momentum 0.1, from 0
