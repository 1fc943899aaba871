"""Layers that start at zero."""

import torch
from torch import nn

from fer_zoo.layers import ZeroStartBatchNorm2d, ZeroStartLinear


def test_linear_starts_at_zero_and_learns() -> None:
    """The output is zero, and the weights have a gradient all the same."""
    module = ZeroStartLinear(3, 2)

    output = module(torch.ones(1, 3))
    output.sum().backward()

    assert output.tolist() == [[0, 0]]
    assert module.weight.grad is not None
    assert module.weight.grad.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_norm_starts_at_zero_and_learns() -> None:
    """The output is zero, the statistics start as usual, and the scale has a gradient."""
    torch.manual_seed(0)
    module = ZeroStartBatchNorm2d(2)
    assert module.running_mean is not None
    assert module.running_var is not None
    statistics = module.running_mean.tolist(), module.running_var.tolist()
    x = torch.randn(2, 2, 3, 3)

    output = module(x)
    (output * x).sum().backward()

    assert statistics == ([0, 0], [1, 1])
    assert output.abs().max() == 0
    assert module.weight.grad is not None
    assert (module.weight.grad > 0).all()


def test_resetting_brings_the_zero_back() -> None:
    """What torch calls to start a layer again gives zero too."""
    for module in (ZeroStartLinear(3, 2), ZeroStartBatchNorm2d(2)):
        nn.init.ones_(module.weight)

        module.reset_parameters()

        assert module.weight.abs().max() == 0
