"""The residual block, against that of torchvision."""

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from fer_zoo.layers import ResidualBlock


@pytest.mark.parametrize(("in_channels", "out_channels", "stride"), [(8, 8, 1), (8, 12, 1), (8, 12, 2), (8, 8, 2)])
@pytest.mark.parametrize("training", [False, True])
def test_equals_the_block_of_torchvision(in_channels: int, out_channels: int, stride: int, training: bool) -> None:
    """With the same weights in the same order the outputs are the same."""
    torch.manual_seed(0)
    block = ResidualBlock(in_channels, out_channels, stride=stride).train(training)
    downsample = None
    if stride > 1 or in_channels != out_channels:
        downsample = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )
    reference = BasicBlock(in_channels, out_channels, stride, downsample).train(training)
    values = [torch.rand_like(value) for value in block.state_dict().values() if value.is_floating_point()]
    for module in (block, reference):
        targets = [value for value in module.state_dict().values() if value.is_floating_point()]
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
    x = torch.randn(2, in_channels, 7, 6)

    torch.testing.assert_close(block(x), reference(x))
