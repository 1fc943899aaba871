"""Convolution with its norm, against loops written here and values worked out by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fer_zoo.layers import ConvNorm, ConvNormPReLU

Array = NDArray[np.float64]


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def scrambled(module: ConvNorm) -> ConvNorm:
    """Return the module in eval mode and double precision, with random weights and running statistics."""
    generator = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator))
    return module.double().eval()


def weigh(module: nn.Conv2d, value: float) -> None:
    """Set every weight of a convolution to one value."""
    nn.init.constant_(module.weight, value)


def convolved(x: Array, weight: Array, *, stride: int, padding: tuple[int, int]) -> Array:
    """Convolve one picture ``(C, H, W)`` position by position; the groups follow from the shape of the weight."""
    out_channels, channels_a_group, height, width = weight.shape
    outputs_a_group = out_channels // (x.shape[0] // channels_a_group)
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows = (padded.shape[1] - height) // stride + 1
    columns = (padded.shape[2] - width) // stride + 1
    result = np.zeros((out_channels, rows, columns))
    for channel, row, column in np.ndindex(*result.shape):
        first = channel // outputs_a_group * channels_a_group
        top, left = row * stride, column * stride
        window = padded[first : first + channels_a_group, top : top + height, left : left + width]
        result[channel, row, column] = (window * weight[channel]).sum()
    return result


def normalised(y: Array, norm: nn.BatchNorm2d) -> Array:
    """Apply the running statistics, the scale and the shift of a norm to ``(C, H, W)``."""
    state = {name: value.numpy()[:, None, None] for name, value in norm.state_dict().items() if value.ndim}
    result: Array = (y - state["running_mean"]) / np.sqrt(state["running_var"] + 1e-5) * state["weight"] + state["bias"]
    return result


class TestConvNorm:
    """Convolution and norm."""

    @pytest.mark.parametrize(
        ("kernel_size", "padding", "stride", "groups"),
        [(1, 0, 1, 1), (3, 1, 2, 1), (3, 1, 1, 2), ((1, 5), (0, 2), 1, 4), ((5, 1), 0, 2, 4)],
    )
    def test_equals_a_loop_over_positions(
        self, kernel_size: int | tuple[int, int], padding: int | tuple[int, int], stride: int, groups: int
    ) -> None:
        """Each output is the weighted sum of its window, normalised with the running statistics of its channel."""
        module = scrambled(ConvNorm(4, 8, kernel_size, stride=stride, padding=padding, groups=groups))
        x = torch.randn(2, 4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        weight = module.conv.weight.detach().numpy()
        sides = padding if isinstance(padding, tuple) else (padding, padding)

        output = module(x).detach().numpy()

        expected = [
            normalised(convolved(image, weight, stride=stride, padding=sides), module.norm) for image in x.numpy()
        ]
        np.testing.assert_allclose(output, np.stack(expected), rtol=0, atol=1e-10)

    def test_padding_is_zero_by_default(self) -> None:
        """A kernel as large as the map leaves one value, the sum of the map for weights of one."""
        module = ConvNorm(1, 1, 3).eval()
        weigh(module.conv, 1.0)

        output = module(torch.arange(9.0).view(1, 1, 3, 3))

        assert output.shape == (1, 1, 1, 1)
        assert output.item() == pytest.approx(36 / (1 + 1e-5) ** 0.5)

    def test_the_convolution_has_no_bias(self) -> None:
        """The parameters are the kernels, and a scale and a shift for each output channel."""
        module = ConvNorm(4, 6, 3, groups=2)

        assert module.conv.bias is None
        assert sum(parameter.numel() for parameter in module.parameters()) == 6 * 2 * 9 + 2 * 6

    def test_training_mode_normalises_each_channel_over_the_batch(self) -> None:
        """The values 1, 3 and 5, 7 of two pictures have mean 4 and variance 5: less 4, they are divided by its root."""
        module = ConvNorm(1, 1).train()
        weigh(module.conv, 1.0)

        output = module(torch.tensor([[[[1.0, 3.0]]], [[[5.0, 7.0]]]]))

        assert output.flatten().tolist() == pytest.approx([value / 5**0.5 for value in (-3, -1, 1, 3)], abs=1e-5)

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No parameter is left out of the forward pass."""
        module = scrambled(ConvNorm(4, 4, 3, padding=1, groups=4))

        module(torch.rand(2, 4, 5, 5, dtype=torch.float64)).square().sum().backward()

        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


class TestConvNormPReLU:
    """Convolution, norm and PReLU."""

    def test_each_channel_has_its_own_slope(self) -> None:
        """Negative values are multiplied with the slope of their channel, positive values pass."""
        module = ConvNormPReLU(1, 2).eval()
        weigh(module.conv, 1.0)
        nn.init.constant_(module.norm.weight, (1 + 1e-5) ** 0.5)
        with torch.no_grad():
            module.activation.weight.copy_(torch.tensor([0.1, 0.5]))

        output = module(torch.tensor([[[[-2.0, 3.0]]]]))

        assert output[0, 0, 0].tolist() == pytest.approx([-0.2, 3.0])
        assert output[0, 1, 0].tolist() == pytest.approx([-1.0, 3.0])

    def test_equals_a_loop_over_positions(self) -> None:
        """The padding is half the kernel, and the slope acts after the norm."""
        module = scrambled(ConvNormPReLU(3, 6, 5, stride=2, groups=3))
        assert isinstance(module, ConvNormPReLU)
        x = torch.randn(1, 3, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        weight = module.conv.weight.detach().numpy()
        slopes = module.activation.weight.detach().numpy()[:, None, None]

        output = module(x).detach().numpy()

        linear = normalised(convolved(x.numpy()[0], weight, stride=2, padding=(2, 2)), module.norm)
        np.testing.assert_allclose(output[0], np.where(linear > 0, linear, slopes * linear), rtol=0, atol=1e-10)

    @pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
    @pytest.mark.parametrize(("stride", "size"), [(1, (7, 8)), (2, (4, 4)), (3, (3, 3))])
    def test_the_size_depends_on_the_stride_only(self, kernel_size: int, stride: int, size: tuple[int, int]) -> None:
        """A map of 7 x 8 keeps its size at stride 1, and is divided by the stride and rounded up otherwise."""
        module = ConvNormPReLU(2, 3, kernel_size, stride=stride).eval()

        assert module(torch.zeros(1, 2, 7, 8)).shape == (1, 3, *size)

    def test_has_one_slope_a_channel(self) -> None:
        """The parameters are the kernels, and a scale, a shift and a slope for each output channel."""
        module = ConvNormPReLU(3, 64, 3)

        assert sum(parameter.numel() for parameter in module.parameters()) == 64 * 3 * 9 + 3 * 64

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No parameter is left out of the forward pass."""
        module = scrambled(ConvNormPReLU(4, 4, 3))

        module(torch.randn(2, 4, 5, 5, dtype=torch.float64)).square().sum().backward()

        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
