"""Multi-scale channel attention and its fusions, against loops written here and values worked out by hand."""

import math
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import AttentionalFusion, IterativeAttentionalFusion, MultiScaleChannelAttention
from fer_zoo.layers.ms_cam import PointwiseBottleneck

Array = NDArray[np.float64]
Module = TypeVar("Module", bound=nn.Module)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled(module: Module) -> Module:
    """Return the module in eval mode and double precision, with random weights and running statistics."""
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape) + 0.5)
        elif value.is_floating_point():
            value.copy_(torch.randn(value.shape) / 2)
    return module.double().eval()


def slow_bottleneck(position: Array, state: dict[str, Array]) -> Array:
    """Mix the channels of one position, ``(C,)``, unit by unit."""
    values = position
    for layer in ("reduce", "expand"):
        weight, bias = state[f"{layer}.weight"][:, :, 0, 0], state[f"{layer}.bias"]
        mean, variance = state[f"{layer}_norm.running_mean"], state[f"{layer}_norm.running_var"]
        scale, shift = state[f"{layer}_norm.weight"], state[f"{layer}_norm.bias"]
        result = []
        for unit in range(len(weight)):
            value = bias[unit] + sum(weight[unit, c] * values[c] for c in range(len(values)))
            value = (value - mean[unit]) / math.sqrt(variance[unit] + 1e-5) * scale[unit] + shift[unit]
            result.append(max(value, 0.0) if layer == "reduce" else value)
        values = np.array(result)
    return values


def set_attention(attention: MultiScaleChannelAttention, score: float) -> None:
    """Make every gate the logistic function of a score."""
    for branch, shift in ((attention.local_branch, score), (attention.global_branch, 0.0)):
        nn.init.zeros_(branch.expand_norm.weight)
        nn.init.constant_(branch.expand_norm.bias, shift)


class TestMultiScaleChannelAttention:
    """The attention alone."""

    def test_equals_a_loop_over_positions(self) -> None:
        """A gate is the logistic function of the local scores of its position plus the scores of the mean position."""
        module = scrambled(MultiScaleChannelAttention(8))
        local, whole = (
            {name: value.numpy() for name, value in branch.state_dict().items()}
            for branch in (module.local_branch, module.global_branch)
        )
        x = torch.randn(2, 8, 3, 2, dtype=torch.float64)

        output = module(x).detach().numpy()

        expected = np.zeros_like(output)
        for b, h, w in np.ndindex(2, 3, 2):
            image = x[b].numpy()
            scores = slow_bottleneck(image[:, h, w], local) + slow_bottleneck(image.mean(axis=(1, 2)), whole)
            expected[b, :, h, w] = 1 / (1 + np.exp(-scores))
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-12)

    def test_values_lie_between_zero_and_one(self) -> None:
        """The gates are logistic."""
        gates = scrambled(MultiScaleChannelAttention(8))(torch.randn(2, 8, 4, 4, dtype=torch.float64) * 10)

        assert 0 <= gates.min() < gates.max() <= 1

    @pytest.mark.parametrize(("channels", "expected"), [(128, 17_344), (256, 67_456), (512, 265_984)])
    def test_parameters(self, channels: int, expected: int) -> None:
        """Two branches, each with two pointwise convolutions with bias and two norms, and a reduction of 4."""
        hidden = channels // 4
        branch = channels * hidden + hidden + 2 * hidden + hidden * channels + channels + 2 * channels

        count = sum(p.numel() for p in MultiScaleChannelAttention(channels).parameters())

        assert count == 2 * branch == expected

    def test_refuses_a_reduction_that_does_not_divide_the_channels(self) -> None:
        """The message says what was given and what is possible."""
        with pytest.raises(InvalidOptionError, match="Invalid value 4 for reduction: expected a divisor of the 6"):
            PointwiseBottleneck(6)


class TestFusions:
    """Both fusions."""

    @pytest.mark.parametrize("kind", [AttentionalFusion, IterativeAttentionalFusion])
    def test_fusing_a_map_with_itself_doubles_it(
        self, kind: type[AttentionalFusion | IterativeAttentionalFusion]
    ) -> None:
        """Whatever the attention says, ``2 * (M x + (1 - M) x)`` is ``2 x``."""
        x = torch.randn(2, 8, 4, 4, dtype=torch.float64)

        fused, _ = scrambled(kind(8))(x, x)

        torch.testing.assert_close(fused, 2 * x, rtol=0, atol=1e-12)

    @pytest.mark.parametrize(("score", "share"), [(-50.0, 0.0), (0.0, 0.5), (50.0, 1.0)])
    def test_attention_is_the_share_of_the_first_map(self, score: float, share: float) -> None:
        """Full attention gives twice the first map, none twice the second, and one half gives their sum."""
        module = AttentionalFusion(8).double().eval()
        set_attention(module.attention, score)
        x, y = torch.randn(2, 1, 8, 4, 4, dtype=torch.float64)

        fused, attention = module(x, y)

        torch.testing.assert_close(attention, torch.full_like(x, share), rtol=0, atol=1e-12)
        torch.testing.assert_close(fused, 2 * (share * x + (1 - share) * y), rtol=0, atol=1e-12)

    def test_attention_sees_the_sum_of_the_maps(self) -> None:
        """The attention of the simple fusion is that of the sum of both maps."""
        module = scrambled(AttentionalFusion(8))
        x, y = torch.randn(2, 1, 8, 4, 4, dtype=torch.float64)

        torch.testing.assert_close(module(x, y)[1], module.attention(x + y))

    def test_iterative_fusion_attends_to_a_first_fusion_that_is_not_doubled(self) -> None:
        """``Z = M1 x + (1 - M1) y`` with M1 of the sum, and the attention that counts is M2 of Z."""
        module = scrambled(IterativeAttentionalFusion(8))
        x, y = torch.randn(2, 1, 8, 4, 4, dtype=torch.float64)
        first = module.first_attention(x + y)
        second = module.second_attention(first * x + (1 - first) * y)

        fused, attention = module(x, y)

        torch.testing.assert_close(attention, second)
        torch.testing.assert_close(fused, 2 * (second * x + (1 - second) * y))

    def test_iterative_fusion_has_two_attentions_of_its_own(self) -> None:
        """At 512 channels it has 531,968 parameters, twice those of one attention."""
        assert sum(p.numel() for p in IterativeAttentionalFusion(512).parameters()) == 531_968
        assert sum(p.numel() for p in AttentionalFusion(512).parameters()) == 265_984

    @pytest.mark.parametrize("kind", [AttentionalFusion, IterativeAttentionalFusion])
    def test_every_parameter_receives_a_gradient(
        self, kind: type[AttentionalFusion | IterativeAttentionalFusion]
    ) -> None:
        """No parameter is left out of the forward pass."""
        module = scrambled(kind(32))  # enough hidden units that no layer has only silent ones
        x, y = torch.randn(2, 8, 32, 4, 4, dtype=torch.float64)

        module(x, y)[0].square().sum().backward()

        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
