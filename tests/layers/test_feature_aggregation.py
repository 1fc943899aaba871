"""The feature aggregation block and its switches."""

import copy
import functools
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import FeatureAggregationBlock


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def count(**options: Any) -> int:
    """Count the parameters of a block from 64 to 128 channels at stride 2."""
    return sum(p.numel() for p in FeatureAggregationBlock(64, 128, stride=2, **options).parameters())


def awake(**options: Any) -> FeatureAggregationBlock:
    """Return a small block in eval mode whose branches have left their zero start."""
    block = FeatureAggregationBlock(4, 8, stride=2, **options)
    block.eval()
    for name, parameter in block.named_parameters():
        if name.startswith(("global_context.expand", "gradient.norm")):
            nn.init.normal_(parameter)
    return block


@pytest.mark.parametrize(
    ("in_channels", "out_channels", "stride", "expected"),
    [(64, 64, 1, 155_133), (64, 128, 2, 552_889), (128, 256, 2, 2_206_577), (256, 512, 2, 8_816_353)],
)
def test_parameters_of_the_four_blocks(in_channels: int, out_channels: int, stride: int, expected: int) -> None:
    """The counts of the design."""
    block = FeatureAggregationBlock(in_channels, out_channels, stride=stride)

    assert sum(p.numel() for p in block.parameters()) == expected


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"use_local_context_attention": False}, -(128 * 32 + 32 + 2 * 32 + 32 * 128 + 128 + 2 * 128)),
        ({"use_global_context": False}, -(65 + 64 * 8 + 8 + 2 * 8 + 8 * 128 + 128)),
        ({"gradient_operator": None}, -(64 * 128 + 2 * 128)),
        ({"gradient_operator": "learnable"}, 18 * 64),
        ({"gradient_operator": "central_difference"}, 9 * 64),
        ({"fusion": "concat"}, 3 * 128 * 128 + 2 * 128),
        ({"fusion": "concat", "use_global_context": False}, 2 * 128 * 128 + 2 * 128 - 1753),
    ],
)
def test_a_switch_changes_its_own_parameters_alone(options: dict[str, Any], difference: int) -> None:
    """The count differs by the part that was taken away, added or exchanged."""
    assert count(**options) - count() == difference


def test_is_the_rectified_sum_of_its_branches() -> None:
    """``F = ReLU(l + g + t + b)``."""
    block = awake()
    x = torch.randn(2, 4, 7, 6)
    assert block.global_context is not None
    assert block.gradient is not None
    local_features = block.local_attention(block.local_blocks(x))

    expected = local_features + block.global_context(x) + block.gradient(x) + block.shortcut(x)

    torch.testing.assert_close(block(x), expected.relu())


def test_concatenation_mixes_three_branches_and_adds_the_shortcut() -> None:
    """``F = ReLU(BN(PW([l; g; t])) + b)``."""
    block = awake(fusion="concat")
    x = torch.randn(2, 4, 7, 6)
    assert block.global_context is not None
    assert block.gradient is not None
    assert block.fuse is not None
    local_features = block.local_attention(block.local_blocks(x))
    branches = [local_features, block.global_context(x).expand_as(local_features), block.gradient(x)]

    expected = block.fuse(torch.cat(branches, dim=1)) + block.shortcut(x)

    torch.testing.assert_close(block(x), expected.relu())


@pytest.mark.parametrize("off", [{"use_global_context": False}, {"gradient_operator": None}])
def test_a_fresh_block_does_not_miss_a_branch_that_starts_at_zero(off: dict[str, Any]) -> None:
    """Without the branch, and with all else equal, the output is the same; once the branch is awake it is not."""
    block, lesser = FeatureAggregationBlock(4, 8).eval(), FeatureAggregationBlock(4, 8, **off).eval()
    lesser.load_state_dict(block.state_dict(), strict=False)
    x = torch.randn(2, 4, 6, 6)

    torch.testing.assert_close(block(x), lesser(x))
    awoken = awake()
    lesser = FeatureAggregationBlock(4, 8, stride=2, **off).eval()
    lesser.load_state_dict(awoken.state_dict(), strict=False)
    assert (awoken(x) - lesser(x)).abs().max() > 1e-3


def test_without_local_attention_the_local_features_are_the_residual_blocks() -> None:
    """The switch leaves the identity."""
    block = FeatureAggregationBlock(
        4, 4, use_local_context_attention=False, use_global_context=False, gradient_operator=None
    ).eval()
    x = torch.rand(2, 4, 6, 6)

    torch.testing.assert_close(block(x), (block.local_blocks(x) + x).relu())


def test_values_are_not_negative() -> None:
    """The block ends with a ReLU."""
    assert awake()(torch.randn(2, 4, 6, 6)).min() == 0


@pytest.mark.parametrize("fusion", ["sum", "concat"])
def test_gradient_checkpointing_gives_the_same_gradients(fusion: str) -> None:
    """Computing the block a second time on the way back changes neither its output nor any gradient."""
    plain = awake(fusion=fusion).train()
    checkpointed = copy.deepcopy(plain)
    calls: list[str] = []
    checkpointed.local_blocks.register_forward_hook(lambda *_: calls.append("local"))
    checkpointed.gradient_checkpointing = True
    checkpointed._gradient_checkpointing_func = functools.partial(checkpoint, use_reentrant=False)
    x = torch.randn(3, 4, 6, 6)
    for block in (plain, checkpointed):
        block(x).square().sum().backward()

    assert calls == ["local", "local"]
    for (name, parameter), other in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        assert parameter.grad is not None, name
        torch.testing.assert_close(other.grad, parameter.grad)


def test_refuses_an_unknown_fusion() -> None:
    """The message lists the fusions."""
    with pytest.raises(InvalidOptionError, match="Invalid value 'mean' for fusion: expected one of sum, concat"):
        FeatureAggregationBlock(4, 8, fusion="mean")  # type: ignore[arg-type]
