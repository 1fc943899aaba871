"""Sharpness-aware minimisation against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fer_zoo.training.sam import at_the_worst_point, read_buffers, write_buffers


class Bowl(nn.Module):
    """``a x^2 + b y^2`` of two parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(3.0))
        self.y = nn.Parameter(torch.tensor(2.0))
        self.unused = nn.Parameter(torch.tensor(1.0))

    def forward(self) -> torch.Tensor:
        """Return the height: ``x^2 / 2 + y^2``."""
        return self.x**2 / 2 + self.y**2


def test_the_worst_point_is_rho_along_the_gradient() -> None:
    """The gradient at (3, 2) is (3, 4), of length 5: with rho 0.5 the worst point is (3.3, 2.4)."""
    bowl = Bowl()
    bowl().backward()

    with at_the_worst_point(bowl, 0.5):
        position = (bowl.x.item(), bowl.y.item())
        cleared = bowl.x.grad is None
        bowl().backward()

    assert position == pytest.approx((3.3, 2.4))
    assert cleared
    assert (bowl.x.item(), bowl.y.item(), bowl.unused.item()) == (3.0, 2.0, 1.0)
    assert bowl.x.grad is not None
    assert bowl.y.grad is not None
    assert (bowl.x.grad.item(), bowl.y.grad.item()) == pytest.approx((3.3, 4.8))


def test_the_factor_of_a_gradient_scaler_does_not_matter() -> None:
    """Gradients 1000 times as large lead to the same point."""
    bowl = Bowl()
    (1000 * bowl()).backward()

    with at_the_worst_point(bowl, 0.5):
        position = (bowl.x.item(), bowl.y.item())

    assert position == pytest.approx((3.3, 2.4))


def test_a_gradient_that_is_not_finite_moves_nothing() -> None:
    """After an overflow in half precision the weights stay, and stay finite."""
    bowl = Bowl()
    (bowl() * torch.inf).backward()

    with at_the_worst_point(bowl, 0.5):
        position = (bowl.x.item(), bowl.y.item())

    assert position == (3.0, 2.0)


def test_a_gradient_of_zero_moves_nothing() -> None:
    """At the bottom there is no direction up."""
    bowl = Bowl()
    (0 * bowl()).backward()

    with at_the_worst_point(bowl, 0.5):
        assert (bowl.x.item(), bowl.y.item()) == (3.0, 2.0)


def test_the_weights_come_back_after_an_error() -> None:
    """An error in the block leaves the weights where they were."""
    bowl = Bowl()
    bowl().backward()

    with pytest.raises(KeyboardInterrupt), at_the_worst_point(bowl, 0.5):
        raise KeyboardInterrupt

    assert (bowl.x.item(), bowl.y.item()) == (3.0, 2.0)


def test_buffers_are_put_back() -> None:
    """Running statistics that a pass moved are those of before."""
    norm = nn.BatchNorm1d(2)
    before = read_buffers(norm)
    norm(torch.rand(4, 2))
    moved = norm.state_dict()["running_mean"].clone()

    write_buffers(norm, before)

    assert bool((moved > 0).all())
    assert torch.equal(norm.state_dict()["running_mean"], torch.zeros(2))
    assert int(norm.state_dict()["num_batches_tracked"]) == 0
