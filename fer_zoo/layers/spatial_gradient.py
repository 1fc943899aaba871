"""Spatial gradients: edges instead of brightness.

Papers: Z. Wang et al., "Deep spatial gradient and temporal depth learning for face anti-spoofing", CVPR 2020 (arXiv
2003.08061), Section 3, for the Sobel magnitude of feature maps; Z. Yu et al., "Searching central difference
convolutional networks for face anti-spoofing", CVPR 2020 (arXiv 2003.04092), equation 4, for the central difference.
HAN-PFF (Tao & Duan, Neural Networks 170 (2024) 337-348) states a branch of spatial gradients that is robust to
illumination (fact); the operators, the pooling and the projection are choices.

Maps are extended by repeating their border, so that a constant map has no gradient at its edge either. The Sobel
kernels are written out as sums of shifted maps: there is no buffer that loading a checkpoint could leave unset.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers.implementation import FusibleLayer
from fer_zoo.layers.inference_form import fold_norm
from fer_zoo.layers.kernels.fallback import can_fuse
from fer_zoo.layers.zero_start import ZeroStartBatchNorm2d
from fer_zoo.ranges import check_shares

GradientOperator = Literal["sobel", "central_difference", "learnable"]

SOBEL_X = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
EPSILON = 1e-8  # under the root, where the slope of the root would be infinite


class SobelGradient(nn.Module):
    """Magnitude of the Sobel gradient of each channel; has no parameters.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values at least 0. The arithmetic is at least float32, as the squares
    of half-precision numbers soon leave its range.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import SobelGradient
        >>> ramp = torch.arange(5.0).expand(1, 1, 5, 5)  # grows by 1 from column to column
        >>> SobelGradient()(ramp)[0, 0, 2].round().tolist()
        [4.0, 8.0, 8.0, 8.0, 4.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``sqrt(gx^2 + gy^2 + 1e-8)``."""
        padded = replicate_border(x.to(torch.promote_types(x.dtype, torch.float32)))
        columns = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]  # smoothed over three rows
        rows = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]  # smoothed over three columns
        return magnitude(columns[..., 2:] - columns[..., :-2], rows[:, :, 2:] - rows[:, :, :-2]).to(x.dtype)

    def inference_form(self) -> nn.Module:
        """Return a form that leaves the sums to depthwise convolutions."""
        return ConvolvedSobelGradient()


class ConvolvedSobelGradient(SobelGradient):
    """:class:`SobelGradient` by two depthwise convolutions, which libraries for inference have fast kernels for.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values at least 0.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``sqrt(gx^2 + gy^2 + 1e-8)``."""
        if torch.is_autocast_enabled(x.device.type):  # convolutions in half precision, whose squares overflow
            return super().forward(x)
        channels = x.shape[1]
        padded = replicate_border(x.to(torch.promote_types(x.dtype, torch.float32)))
        kernels = sobel_kernels(channels).to(padded)
        along_x = functional.conv2d(padded, kernels[0::2], groups=channels)
        return magnitude(along_x, functional.conv2d(padded, kernels[1::2], groups=channels)).to(x.dtype)


class LearnableGradient(nn.Module):
    """Magnitude of the gradient of each channel, by two learned kernels that start as the Sobel kernels.

    The mean of each kernel is taken away before use, so it stays a difference: a constant map has no gradient.

    Args:
        channels: channels C of the feature map.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values at least 0.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import LearnableGradient, SobelGradient
        >>> x = torch.randn(1, 4, 6, 6)
        >>> torch.allclose(LearnableGradient(4)(x), SobelGradient()(x), atol=1e-5)
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(sobel_kernels(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``sqrt(g1^2 + g2^2 + 1e-8)``."""
        kernels = self.weight - self.weight.mean(dim=(2, 3), keepdim=True)
        both = functional.conv2d(replicate_border(x), kernels, groups=x.shape[1])
        both = both.to(torch.promote_types(x.dtype, torch.float32))
        return magnitude(both[:, 0::2], both[:, 1::2]).to(x.dtype)


class CentralDifference(nn.Module):
    """Depthwise central difference convolution: a plain convolution less a part of its answer to a constant map.

    Args:
        channels: channels C of the feature map.
        theta: share of the difference, in [0, 1]; 0 is a plain convolution, and 1 ignores the brightness.

    Shape: ``(B, C, H, W)`` to ``(B, C, H, W)``, values of any size and sign.

    Raises:
        InvalidOptionError: if theta is not in [0, 1].

    Example:
        >>> import torch
        >>> from fer_zoo.layers import CentralDifference
        >>> CentralDifference(4, theta=1.0)(torch.ones(1, 4, 6, 6)).abs().max().item() < 1e-5
        True
    """

    def __init__(self, channels: int, *, theta: float = 0.7) -> None:
        super().__init__()
        check_shares(theta=theta)
        self.theta = theta
        self.conv = nn.Conv2d(channels, channels, 3, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the central difference of ``x`` (equation 4 of Yu et al.)."""
        answer_to_ones = self.conv(x.new_ones(1, x.shape[1], 3, 3))  # whatever hooks and adapters the layer has
        return cast(Tensor, self.conv(replicate_border(x)) - self.theta * answer_to_ones * x)


class GradientBranch(FusibleLayer):
    """Gradient of a feature map, pooled and projected: ``BN(PW(avgpool(gradient(x))))``.

    The scale of the norm starts at zero, so a fresh branch adds nothing.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: side and step of the average pooling; a border that does not fill a window is averaged on its own.
        operator: ``"sobel"``, ``"central_difference"`` or ``"learnable"``.
        theta: of the central difference.

    Shape: ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``.

    Raises:
        InvalidOptionError: if the operator is not known, or theta is not in [0, 1].

    Example:
        >>> import torch
        >>> from fer_zoo.layers import GradientBranch
        >>> GradientBranch(64, 128, stride=2)(torch.randn(2, 64, 7, 7)).shape
        torch.Size([2, 128, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        operator: GradientOperator = "sobel",
        theta: float = 0.7,
    ) -> None:
        super().__init__()
        if operator not in get_args(GradientOperator):
            raise InvalidOptionError("operator", operator, f"one of {', '.join(get_args(GradientOperator))}")
        self.gradient: nn.Module = SobelGradient()
        if operator == "central_difference":
            self.gradient = CentralDifference(in_channels, theta=theta)
        elif operator == "learnable":
            self.gradient = LearnableGradient(in_channels)
        self.stride = stride
        self.project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = ZeroStartBatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the projected gradient of ``x``."""
        return cast(Tensor, self.norm(self.project(self.pooled_gradient(x))))

    def pooled_gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of ``x``, averaged over windows."""
        if isinstance(self.gradient, SobelGradient) and can_fuse(self.implementation, x):
            from fer_zoo.layers.kernels.sobel_pooling import pool_sobel_gradient

            return pool_sobel_gradient(x, self.stride, epsilon=EPSILON)
        gradient: Tensor = self.gradient(x)
        return functional.avg_pool2d(gradient, self.stride, ceil_mode=True) if self.stride > 1 else gradient

    def inference_form(self) -> nn.Module:
        """Fold the norm into the projection."""
        self.project = fold_norm(self.project, self.norm)
        self.add_module("norm", nn.Identity())
        return self


def sobel_kernels(channels: int) -> Tensor:
    """Return the kernels along x and y for each channel, ``(2 * channels, 1, 3, 3)``, unnormalised."""
    along_x = torch.tensor(SOBEL_X)
    return torch.stack([along_x, along_x.T]).repeat(channels, 1, 1).unsqueeze(1)


def replicate_border(x: Tensor) -> Tensor:
    """Add one pixel on each side of ``(B, C, H, W)`` by repeating the border.

    Joined and not padded: torch has no deterministic gradient of its replicating pad on a GPU, and torch.compile takes
    the memory format of that gradient for another one.
    """
    wider = torch.cat((x[..., :1], x, x[..., -1:]), dim=3)
    return torch.cat((wider[:, :, :1], wider, wider[:, :, -1:]), dim=2)


def magnitude(x: Tensor, y: Tensor) -> Tensor:
    """Return the length of the vectors (x, y), at least 1e-4 so that the root has a slope everywhere."""
    return (x * x + y * y + EPSILON).sqrt()
