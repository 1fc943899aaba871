"""Global context, against a loop written here."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from fer_zoo.layers import GlobalContext


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled(in_channels: int = 3, out_channels: int = 5) -> GlobalContext:
    """Return a module in double precision with random weights."""
    module = GlobalContext(in_channels, out_channels).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def test_adds_nothing_at_the_start() -> None:
    """The last layer starts at zero, so a fresh module gives zero for every map."""
    assert GlobalContext(8, 16)(torch.randn(2, 8, 4, 4)).abs().max() == 0


def test_equals_a_loop_over_positions() -> None:
    """Softmax over positions, weighted mean, linear, layer norm, ReLU, linear."""
    module = scrambled()
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    x = torch.randn(1, 3, 2, 4, dtype=torch.float64)

    output = module(x).detach().numpy()

    positions = [x[0, :, h, w].numpy() for h in range(2) for w in range(4)]
    scores = [state["position_scores.weight"][0, :, 0, 0] @ p + state["position_scores.bias"][0] for p in positions]
    total = sum(math.exp(score) for score in scores)
    context = sum(math.exp(score) / total * p for score, p in zip(scores, positions, strict=True))
    hidden = state["reduce.weight"] @ context + state["reduce.bias"]
    hidden = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-5) * state["norm.weight"] + state["norm.bias"]
    expected = state["expand.weight"] @ np.maximum(hidden, 0) + state["expand.bias"]
    assert output.shape == (1, 5, 1, 1)
    np.testing.assert_allclose(output[0, :, 0, 0], expected, rtol=0, atol=1e-12)


def test_weights_of_the_positions_sum_to_one() -> None:
    """The attention is a distribution over the positions of each map."""
    attention = scrambled().attention(torch.randn(2, 3, 4, 5, dtype=torch.float64))

    assert attention.shape == (2, 1, 4, 5)
    torch.testing.assert_close(attention.sum(dim=(1, 2, 3)), torch.ones(2, dtype=torch.float64))


def test_does_not_know_where_a_position_lies() -> None:
    """Shuffling the positions of a map changes nothing."""
    module = scrambled()
    x = torch.randn(1, 3, 4, 5, dtype=torch.float64)
    shuffled = x.flatten(2)[:, :, torch.randperm(20)].view_as(x)

    torch.testing.assert_close(module(shuffled), module(x))


@pytest.mark.parametrize(("in_channels", "out_channels", "hidden"), [(64, 64, 4), (64, 128, 8), (256, 512, 32)])
def test_the_bottleneck_is_a_sixteenth_but_not_below_four(in_channels: int, out_channels: int, hidden: int) -> None:
    """The bottleneck follows the channels of the output."""
    module = GlobalContext(in_channels, out_channels)

    expected = (in_channels + 1) + (in_channels * hidden + hidden) + 2 * hidden + (hidden + 1) * out_channels
    assert module.reduce.out_features == hidden
    assert sum(p.numel() for p in module.parameters()) == expected
