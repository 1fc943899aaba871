"""Progressive fusion and its switches."""

import pytest
import torch
from torch import Tensor

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import AttentionalFusion, IterativeAttentionalFusion, ProgressiveFusion
from fer_zoo.layers.progressive_fusion import LastFusion, LevelFusion

CHANNELS = (4, 8, 12, 16)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def make_levels() -> list[Tensor]:
    """Return maps of 24, 12, 6 and 3 pixels."""
    return [torch.rand(2, channels, 24 // 2**level, 24 // 2**level) for level, channels in enumerate(CHANNELS)]


def count(fusion: LevelFusion = "attention", last_fusion: LastFusion = "iterative") -> int:
    """Count the parameters with the channels of ResNet-18."""
    module = ProgressiveFusion((64, 128, 256, 512), fusion=fusion, last_fusion=last_fusion)
    return sum(p.numel() for p in module.parameters())


def test_parameters_and_their_differences() -> None:
    """Three strided convolutions, two simple fusions and an iterative one, as in the design."""
    convolutions = 73_984 + 295_424 + 1_180_672

    assert count() == convolutions + 17_344 + 67_456 + 531_968
    assert count(last_fusion="attentional") == convolutions + 17_344 + 67_456 + 531_968 // 2
    assert count(fusion="sum") == convolutions


@pytest.mark.parametrize(
    ("last_fusion", "last"), [("iterative", IterativeAttentionalFusion), ("attentional", AttentionalFusion)]
)
def test_each_level_fuses_the_reduced_lower_one_with_its_own(last_fusion: LastFusion, last: type) -> None:
    """``Q_i = fuse(D_i Q_(i-1), F_i)``, and the first level stays as it is."""
    module = ProgressiveFusion(CHANNELS, last_fusion=last_fusion).eval()
    levels = make_levels()

    fused, attention_maps = module(levels)

    assert [type(fusion) for fusion in module.fusions] == [AttentionalFusion, AttentionalFusion, last]
    assert fused[0] is levels[0]
    for index in range(3):
        expected = module.fusions[index](module.reduce[index](fused[index]).relu(), levels[index + 1])
        torch.testing.assert_close((fused[index + 1], attention_maps[index]), expected)


def test_a_plain_sum_has_no_attention() -> None:
    """``Q_i = D_i Q_(i-1) + F_i``."""
    module = ProgressiveFusion(CHANNELS, fusion="sum").eval()
    levels = make_levels()

    fused, attention_maps = module(levels)

    assert attention_maps == ()
    for index in range(3):
        torch.testing.assert_close(fused[index + 1], module.reduce[index](fused[index]).relu() + levels[index + 1])


@pytest.mark.parametrize("fusion", ["attention", "sum"])
def test_shapes_stay(fusion: LevelFusion) -> None:
    """Every level keeps its shape, for odd sizes too, and the attention has the shape of its level."""
    levels = [torch.rand(2, 4, 7, 9), torch.rand(2, 8, 4, 5), torch.rand(2, 12, 2, 3)]

    fused, attention_maps = ProgressiveFusion(CHANNELS[:3], fusion=fusion)(levels)

    assert [level.shape for level in fused] == [level.shape for level in levels]
    assert [attention.shape for attention in attention_maps] in ([], [level.shape for level in levels[1:]])


def test_refuses_bad_options() -> None:
    """The messages list what is possible."""
    with pytest.raises(InvalidOptionError, match="fusion: expected one of attention, sum"):
        ProgressiveFusion(CHANNELS, fusion="mean")  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="last_fusion: expected one of iterative, attentional"):
        ProgressiveFusion(CHANNELS, last_fusion="sum")  # type: ignore[arg-type]
