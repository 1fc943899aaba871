"""Mixed depthwise convolution, against separate convolutions and values worked out by hand."""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import MixedDepthwiseConv2d


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def picture(channels: int, height: int = 6, width: int = 7) -> Tensor:
    """Return a batch of two random maps, the same in every call."""
    return torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(0))


def kernels(module: MixedDepthwiseConv2d) -> list[nn.Parameter]:
    """Return the weights of each part."""
    return list(module.parameters())


class TestForward:
    """What comes out."""

    @pytest.mark.parametrize("stride", [1, 2])
    def test_equals_separate_convolutions_of_the_parts(self, stride: int) -> None:
        """Channels 0-2, 3-4 and 5 go through kernels of 3, 5 and 7, and come back in the same order."""
        module = MixedDepthwiseConv2d((3, 2, 1), (3, 5, 7), stride=stride)
        three, five, seven = kernels(module)
        x = picture(6)

        output = module(x)

        first = functional.conv2d(x[:, :3], three, stride=stride, padding=1, groups=3)
        second = functional.conv2d(x[:, 3:5], five, stride=stride, padding=2, groups=2)
        third = functional.conv2d(x[:, 5:], seven, stride=stride, padding=3, groups=1)
        assert torch.equal(output[:, :3], first)
        assert torch.equal(output[:, 3:5], second)
        assert torch.equal(output[:, 5:], third)

    def test_a_kernel_with_a_one_in_its_centre_changes_nothing(self) -> None:
        """With Dirac kernels of every size the unit is the identity."""
        module = MixedDepthwiseConv2d((2, 2, 2, 2), (3, 5, 7, 9))
        for kernel in kernels(module):
            nn.init.dirac_(kernel, groups=2)
        x = picture(8)

        assert torch.equal(module(x), x)

    def test_stride_two_keeps_every_second_row_and_column(self) -> None:
        """With Dirac kernels and stride 2 the pixels at even places remain."""
        module = MixedDepthwiseConv2d((2, 2), (3, 5), stride=2)
        for kernel in kernels(module):
            nn.init.dirac_(kernel, groups=2)
        x = picture(4)

        assert torch.equal(module(x), x[:, :, ::2, ::2])

    def test_each_part_reaches_as_far_as_its_kernel(self) -> None:
        """With weights of one, a single bright pixel becomes a square of 3 x 3 in one part and 5 x 5 in the other."""
        module = MixedDepthwiseConv2d((1, 1), (3, 5))
        for kernel in kernels(module):
            nn.init.ones_(kernel)
        x = torch.zeros(1, 2, 7, 7)
        x[:, :, 3, 3] = 1
        expected = torch.zeros(1, 2, 7, 7)
        expected[:, 0, 2:5, 2:5] = 1
        expected[:, 1, 1:6, 1:6] = 1

        assert torch.equal(module(x), expected)

    def test_channels_do_not_mix(self) -> None:
        """Changing one channel changes that channel of the output alone."""
        module = MixedDepthwiseConv2d((2, 3), (3, 5))
        x = picture(5)
        changed = x.clone()
        changed[:, 3] += 1

        same = (module(x) == module(changed)).all(dim=(0, 2, 3))

        assert same.tolist() == [True, True, True, False, True]

    @pytest.mark.parametrize(("stride", "size"), [(1, (7, 6)), (2, (4, 3)), (3, (3, 2))])
    def test_the_size_is_divided_by_the_stride_and_rounded_up(self, stride: int, size: tuple[int, int]) -> None:
        """Every kernel gives the same size, whatever its reach."""
        module = MixedDepthwiseConv2d((1, 2, 3, 4), (3, 5, 7, 9), stride=stride)

        assert module(torch.zeros(2, 10, 7, 6)).shape == (2, 10, *size)


class TestParameters:
    """What is learned, and which options are refused."""

    def test_a_channel_has_one_kernel_and_nothing_else(self) -> None:
        """There is no bias and no norm: 64 kernels of 9 weights, 32 of 25 and 32 of 49."""
        module = MixedDepthwiseConv2d((64, 32, 32), (3, 5, 7))

        assert sum(kernel.numel() for kernel in module.parameters()) == 64 * 9 + 32 * 25 + 32 * 49

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No kernel is left out of the forward pass."""
        module = MixedDepthwiseConv2d((2, 2, 2), (3, 5, 7))

        module(picture(6)).square().sum().backward()

        assert all(kernel.grad is not None and (kernel.grad != 0).all() for kernel in module.parameters())

    @pytest.mark.parametrize(
        ("splits", "kernel_sizes"),
        [((4, 4), (3, 4)), ((4, 4), (3,)), ((4, 4), (3, 5, 7)), ((4, 4), (0, 3))],
        ids=["even", "too few", "too many", "zero"],
    )
    def test_each_split_needs_one_odd_kernel_size(self, splits: tuple[int, ...], kernel_sizes: tuple[int, ...]) -> None:
        """Even sizes, which have no centre, and another number of sizes than of splits are refused."""
        message = f"Invalid value {list(kernel_sizes)} for kernel_sizes: expected 2 odd numbers, one for each split."

        with pytest.raises(InvalidOptionError, match=f"^{re.escape(message)}$"):
            MixedDepthwiseConv2d(splits, kernel_sizes)
