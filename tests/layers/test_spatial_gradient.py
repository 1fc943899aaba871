"""Spatial gradients, with values worked out by hand."""

from typing import cast

import pytest
import torch
from torch import nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import CentralDifference, GradientBranch, LearnableGradient, SobelGradient
from fer_zoo.layers.spatial_gradient import GradientOperator, replicate_border, sobel_kernels


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def test_the_border_is_repeated_in_any_memory_format() -> None:
    """One pixel on each side, corners too, with the gradient of torch's own padding."""
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    expected = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    (expected_gradient,) = torch.autograd.grad((expected * weight).sum(), x)

    padded = replicate_border(x)
    (gradient,) = torch.autograd.grad((padded * weight).sum(), x)

    assert torch.equal(padded, expected)
    torch.testing.assert_close(gradient, expected_gradient)


class TestSobelGradient:
    """The fixed operator."""

    def test_a_ramp_has_eight_times_its_slope(self) -> None:
        """Inside, the kernel weighs differences over two pixels by 1 + 2 + 1; at the repeated border they halve."""
        ramp = torch.arange(5.0).expand(1, 1, 5, 5)

        output = SobelGradient()(ramp)

        torch.testing.assert_close(output[0, 0], torch.tensor([4.0, 8, 8, 8, 4]).expand(5, 5))
        torch.testing.assert_close(SobelGradient()(ramp.mT)[0, 0], output[0, 0].mT)

    def test_a_single_point(self) -> None:
        """Around a point of height 1 the neighbours have a gradient of 2, the corners of sqrt(2), the point of 0."""
        point = torch.zeros(1, 1, 5, 5)
        point[0, 0, 2, 2] = 1

        output = SobelGradient()(point)[0, 0, 1:4, 1:4]

        root = 2**0.5
        torch.testing.assert_close(output, torch.tensor([[root, 2, root], [2, 1e-4, 2], [root, 2, root]]))

    def test_equals_a_convolution_with_the_kernels(self) -> None:
        """The shifted sums are the Sobel kernels on a map with a repeated border, channel by channel."""
        x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
        both = functional.conv2d(replicate_border(x), sobel_kernels(3).double(), groups=3)

        expected = (both[:, 0::2] ** 2 + both[:, 1::2] ** 2 + 1e-8).sqrt()

        torch.testing.assert_close(SobelGradient()(x), expected)

    def test_a_constant_map_has_no_gradient_even_at_its_border(self) -> None:
        """The border is repeated; only the 1e-8 under the root is left."""
        torch.testing.assert_close(SobelGradient()(torch.full((1, 2, 4, 4), 7.0)), torch.full((1, 2, 4, 4), 1e-4))

    def test_the_slope_of_the_root_is_finite_where_there_is_no_gradient(self) -> None:
        """A constant map gives finite derivatives in half precision too, where 1e-8 would be zero."""
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            x = torch.ones(1, 2, 4, 4, dtype=dtype, requires_grad=True)
            SobelGradient()(x).sum().backward()

            assert x.grad is not None
            assert x.grad.isfinite().all()

    def test_half_precision_does_not_overflow(self) -> None:
        """A gradient of 400 has a square beyond the largest half-precision number."""
        ramp = (50 * torch.arange(5.0)).half().expand(1, 1, 5, 5)

        output = SobelGradient()(ramp)

        assert output.dtype == torch.float16
        assert output[0, 0, 2].tolist() == [200, 400, 400, 400, 200]

    def test_the_form_for_inference_is_as_exact(self) -> None:
        """It keeps float64, and mixed precision does not make its squares overflow."""
        x = 100 * torch.rand(1, 2, 8, 8, dtype=torch.float64)
        form = SobelGradient().inference_form()

        torch.testing.assert_close(form(x), SobelGradient()(x))
        with torch.autocast("cpu", torch.float16):
            torch.testing.assert_close(form(x.float()), SobelGradient()(x.float()))

    def test_holds_nothing_that_could_be_lost_on_loading(self) -> None:
        """There are neither parameters nor buffers, stored or not."""
        module = SobelGradient()

        assert list(module.parameters()) == list(module.buffers()) == []


class TestLearnableGradient:
    """The learned operator."""

    def test_starts_as_sobel(self) -> None:
        """Before training it gives the Sobel magnitude."""
        x = torch.randn(2, 3, 6, 7)

        torch.testing.assert_close(LearnableGradient(3)(x), SobelGradient()(x))

    def test_ignores_a_brightness_offset_whatever_it_learned(self) -> None:
        """The mean of each kernel is taken away, so random kernels do not see a constant either."""
        module = LearnableGradient(3).double()
        nn.init.normal_(module.weight)
        x = torch.randn(2, 3, 6, 7, dtype=torch.float64)

        torch.testing.assert_close(module(x + 5), module(x))

    def test_learns_two_kernels_for_each_channel(self) -> None:
        """There are 18 weights a channel, and all receive a gradient."""
        module = LearnableGradient(3)

        module(torch.randn(2, 3, 6, 6)).sum().backward()

        assert module.weight.shape == (6, 1, 3, 3)
        assert module.weight.grad is not None
        assert (module.weight.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


class TestCentralDifference:
    """The central difference convolution."""

    def test_equals_the_sum_over_neighbours(self) -> None:
        """Theta weighs differences to the centre, and the rest the plain values (equation 3 of the paper)."""
        module = CentralDifference(1, theta=0.7).double()
        x = torch.randn(1, 1, 3, 3, dtype=torch.float64)
        weight, center = module.conv.weight[0, 0], x[0, 0, 1, 1]

        expected = 0.7 * (weight * (x[0, 0] - center)).sum() + 0.3 * (weight * x[0, 0]).sum()

        torch.testing.assert_close(module(x)[0, 0, 1, 1], expected)

    def test_theta_of_zero_is_a_plain_convolution(self) -> None:
        """Nothing is taken away."""
        module = CentralDifference(3, theta=0.0)
        x = torch.randn(2, 3, 5, 6)

        assert torch.equal(module(x), module.conv(replicate_border(x)))

    def test_an_offset_counts_only_for_the_plain_part(self) -> None:
        """With theta 1 the offset is not seen; with 0.7 it comes through with 0.3 of the sum of the kernel."""
        x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
        for theta in (1.0, 0.7):
            module = CentralDifference(3, theta=theta).double()
            seen = (1 - theta) * 5 * module.conv.weight.sum(dim=(1, 2, 3)).view(1, 3, 1, 1)

            torch.testing.assert_close(module(x + 5), module(x) + seen)

    def test_a_wrapped_convolution_counts_as_a_whole(self) -> None:
        """What an adapter adds to the convolution is seen in both terms: with theta 1 constant maps give nothing."""

        class Doubled(nn.Module):
            """A convolution with something added, and no weight of its own to be looked at."""

            def __init__(self, conv: nn.Module) -> None:
                super().__init__()
                self.inner = conv

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                """Return twice what the convolution gives."""
                return cast(torch.Tensor, self.inner(x) + self.inner(x))

        module = CentralDifference(4, theta=1.0)
        module.conv = Doubled(module.conv)  # type: ignore[assignment]

        assert module(torch.ones(1, 4, 6, 6)).abs().max() < 1e-5

    def test_refuses_a_share_outside_its_range(self) -> None:
        """Theta is a share."""
        with pytest.raises(InvalidOptionError, match=r"Invalid value 1.5 for theta: expected a number from 0 to 1"):
            CentralDifference(3, theta=1.5)


class TestGradientBranch:
    """The whole branch."""

    @pytest.mark.parametrize("operator", ["sobel", "learnable"])
    def test_ignores_a_brightness_offset(self, operator: GradientOperator) -> None:
        """Adding a constant to the map changes nothing."""
        module = GradientBranch(3, 5, stride=2, operator=operator).double().eval()
        nn.init.ones_(module.norm.weight)
        x = torch.randn(2, 3, 7, 6, dtype=torch.float64)

        torch.testing.assert_close(module(x + 100), module(x))

    @pytest.mark.parametrize("operator", ["sobel", "learnable", "central_difference"])
    def test_adds_nothing_at_the_start(self, operator: GradientOperator) -> None:
        """The scale of the norm starts at zero."""
        module = GradientBranch(3, 5, operator=operator)

        assert module(torch.randn(2, 3, 4, 4)).abs().max() == 0

    @pytest.mark.parametrize(("stride", "shape"), [(1, (7, 6)), (2, (4, 3))])
    def test_shape(self, stride: int, shape: tuple[int, int]) -> None:
        """The size is divided by the stride and rounded up, as a strided convolution does it."""
        assert GradientBranch(3, 5, stride=stride)(torch.zeros(2, 3, 7, 6)).shape == (2, 5, *shape)

    def test_a_border_that_does_not_fill_a_window_is_averaged_on_its_own(self) -> None:
        """With an identity projection the last of five columns is pooled from one column."""
        module = GradientBranch(1, 1, stride=2).eval()
        nn.init.ones_(module.project.weight)
        nn.init.constant_(module.norm.weight, (1 + 1e-5) ** 0.5)
        ramp = torch.arange(5.0).expand(1, 1, 4, 5)

        torch.testing.assert_close(module(ramp)[0, 0], torch.tensor([[6.0, 8.0, 4.0]] * 2))

    @pytest.mark.parametrize(("operator", "more"), [("sobel", 0), ("learnable", 18 * 3), ("central_difference", 9 * 3)])
    def test_parameters(self, operator: GradientOperator, more: int) -> None:
        """The projection without bias and the norm, and what the operator learns."""
        module = GradientBranch(3, 5, operator=operator)

        assert sum(p.numel() for p in module.parameters()) == 3 * 5 + 2 * 5 + more

    def test_refuses_an_unknown_operator(self) -> None:
        """The message lists the operators."""
        with pytest.raises(InvalidOptionError, match="expected one of sobel, central_difference, learnable"):
            GradientBranch(3, 5, operator="scharr")  # type: ignore[arg-type]
