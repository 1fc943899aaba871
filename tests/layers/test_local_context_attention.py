"""Local context attention."""

import torch
from torch import nn

from fer_zoo.layers import LocalContextAttention


def set_scores(module: LocalContextAttention, score: float) -> None:
    """Make every score the same number."""
    nn.init.zeros_(module.scores.expand_norm.weight)
    nn.init.constant_(module.scores.expand_norm.bias, score)


def test_a_score_of_zero_adds_half_of_the_input() -> None:
    """The gate is then sigmoid(0), one half."""
    module = LocalContextAttention(8).eval()
    set_scores(module, 0.0)
    x = torch.randn(2, 8, 3, 5)

    torch.testing.assert_close(module(x), 1.5 * x)


def test_extreme_scores_keep_or_double_the_input() -> None:
    """A closed gate leaves the input as it is, and an open one doubles it."""
    module = LocalContextAttention(8).eval()
    x = torch.randn(2, 8, 3, 5)

    set_scores(module, -100.0)
    torch.testing.assert_close(module(x), x)
    set_scores(module, 100.0)
    torch.testing.assert_close(module(x), 2 * x)


def test_a_position_knows_nothing_of_the_others() -> None:
    """In eval mode a change at one position changes the output there and nowhere else."""
    torch.manual_seed(0)
    module = LocalContextAttention(8).eval()
    x = torch.randn(1, 8, 3, 3)
    changed = x.clone()
    changed[:, :, 1, 2] += 1

    is_equal = (module(x) == module(changed)).all(dim=1)[0]

    assert is_equal.tolist() == [[True, True, True], [True, True, False], [True, True, True]]


def test_parameters() -> None:
    """Two pointwise convolutions with bias and two norms, with a reduction of 4."""
    count = sum(p.numel() for p in LocalContextAttention(64).parameters())

    assert count == (64 * 16 + 16) + 2 * 16 + (16 * 64 + 64) + 2 * 64
