"""Augmentation of whole batches on the device: every picture of a batch gets its own parameters.

The transforms of torchvision draw one set of parameters for all pictures of a batch, which is why the geometry and the
brightness of each picture are drawn here; mixing and RandAugment are torchvision's own. Everything works on the device
that the pictures are on, so that a graphics card does not wait for the processor.

Papers: random erasing after Zhong et al., AAAI 2020 (arXiv 1708.04896); RandAugment after Cubuk et al., CVPRW 2020
(arXiv 1909.13719); mixup after Zhang et al., ICLR 2018 (arXiv 1710.09412); CutMix after Yun et al., ICCV 2019 (arXiv
1905.04899).
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.losses import has_target

Range = tuple[float, float]

#: Width over height of random crops and of erased rectangles, as torchvision has them.
CROP_ASPECT: Range = (3 / 4, 4 / 3)
ERASE_ASPECT: Range = (0.3, 1 / 0.3)

BLUR_REACH = 3  # the kernel ends at three standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What happens to the pictures of a training batch; the defaults do nothing.

    Shares are probabilities in [0, 1] that a picture is changed. Ranges are (lowest, highest), drawn evenly.

    Attributes:
        flip: share that is mirrored.
        geometry: share that is rotated, scaled and moved.
        rotation: largest angle either way, degrees.
        scale: range of the size of the content, 1 being its own.
        translation: largest shift either way, as a share of the picture's size.
        crop_area: range of the share of the area that a random crop keeps; the crop is stretched to the picture's size
            with an aspect from 3:4 to 4:3. ``(1, 1)`` crops nothing.
        brightness: largest relative change of the brightness.
        contrast: largest relative change of the contrast around the picture's mean.
        gamma: largest change of the logarithm of the exponent of the tone curve.
        grey: share of the pictures that lose their colour.
        blur: share that is blurred.
        blur_sigma: range of the standard deviation of the blur, pixels.
        low_resolution: share that is made small and large again; how small is drawn once for each batch.
        low_resolution_scale: range of the small size, as a share of the picture's size.
        rand_augment: number of operations of RandAugment on each picture; 0 for none.
        erase: share from which a rectangle is erased; it becomes the mean colour of the normalisation.
        erase_area: range of its share of the area.
        mixup: parameter of the Beta distribution of mixup; 0 for none.
        cutmix: parameter of the Beta distribution of CutMix; 0 for none. With both, each batch gets one, drawn evenly.
        mix: share of the batches that are mixed.

    Raises:
        InvalidOptionError: if a value is out of its range.
    """

    flip: float = 0.0
    geometry: float = 0.0
    rotation: float = 0.0
    scale: Range = (1.0, 1.0)
    translation: float = 0.0
    crop_area: Range = (1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_sigma: Range = (0.1, 1.0)
    low_resolution: float = 0.0
    low_resolution_scale: Range = (0.3, 1.0)
    rand_augment: int = 0
    erase: float = 0.0
    erase_area: Range = (0.02, 0.25)
    mixup: float = 0.0
    cutmix: float = 0.0
    mix: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for name in ("flip", "geometry", "grey", "blur", "low_resolution", "erase", "mix"):
            self._check(name, "a share from 0 to 1", highest=1.0)
        for name in ("brightness", "contrast", "translation"):
            self._check(name, "a number from 0 to 1", highest=1.0)
        self._check("rotation", "an angle from 0 to 180 degrees", highest=180.0)
        for name in ("gamma", "mixup", "cutmix", "rand_augment"):
            self._check(name, "a number that is at least 0", highest=sys.float_info.max)
        if self.rand_augment != int(self.rand_augment) or isinstance(self.rand_augment, bool):
            raise InvalidOptionError("rand_augment", self.rand_augment, "a whole number that is at least 0")
        object.__setattr__(self, "rand_augment", int(self.rand_augment))
        for name, highest in (
            ("scale", math.inf),
            ("blur_sigma", math.inf),
            ("crop_area", 1.0),
            ("erase_area", 1.0),
            ("low_resolution_scale", 1.0),
        ):
            self._check_range(name, highest)

    def _check(self, name: str, expected: str, *, highest: float) -> None:
        """Refuse a number outside [0, highest]."""
        value = getattr(self, name)
        if not isinstance(value, int | float) or not 0 <= value <= highest:
            raise InvalidOptionError(name, value, expected)

    def _check_range(self, name: str, highest: float) -> None:
        """Refuse what is no pair of positive numbers in order; a list, as files have it, becomes a tuple."""
        value = getattr(self, name)
        expected = f"two numbers in order, above 0{f' and up to {highest:g}' if math.isfinite(highest) else ''}"
        limit = min(highest, sys.float_info.max)
        if not isinstance(value, list | tuple) or len(value) != 2 or not 0 < value[0] <= value[1] <= limit:  # noqa: PLR2004
            raise InvalidOptionError(name, value, expected)
        object.__setattr__(self, name, (float(value[0]), float(value[1])))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Augmentation:
        """Return the augmentation that a configuration file describes.

        Args:
            values: fields and their values; those left out have their defaults.

        Raises:
            UnknownNameError: if there is no such field.
            InvalidOptionError: if a value is out of its range.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownNameError("field of the augmentation", name, known)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain values, ready for JSON or YAML."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def augment(images: Tensor, augmentation: Augmentation, *, fill: Tensor | None = None) -> Tensor:
    """Change every picture of a batch in its own way.

    Args:
        images: ``(B, 3, H, W)``, values in [0, 1].
        augmentation: what to do.
        fill: ``(3,)``, the colour of erased rectangles, in [0, 1]; black by default.

    Returns:
        ``(B, 3, H, W)``, values in [0, 1].
    """
    if augmentation.rand_augment:
        images = rand_augment(images, augmentation.rand_augment)
    images = move(images, augmentation)
    if augmentation.low_resolution:
        images = coarsen(images, augmentation.low_resolution, augmentation.low_resolution_scale)
    if augmentation.blur:
        images = blur(images, augmentation.blur, augmentation.blur_sigma)
    images = relight(images, augmentation)
    if augmentation.erase:
        images = erase(images, augmentation.erase, augmentation.erase_area, fill)
    return images


def mix(pixel_values: Tensor, labels: Tensor, augmentation: Augmentation, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mix the pictures of a batch with one another, and their labels alike, by mixup or CutMix.

    Pictures without a label stay as they are: mixed with others they would have part of a label.

    Args:
        pixel_values: ``(B, C, H, W)``.
        labels: ``(B,)`` class numbers, or ``(B, K)`` votes or probabilities; -100 or no vote is no label.
        augmentation: what to do.
        num_classes: K.

    Returns:
        the pictures, and their labels: unchanged, or probabilities ``(B, K)`` where the batch was mixed.
    """
    choices: list[Any] = []
    if augmentation.mixup:
        choices.append(v2.MixUp(alpha=augmentation.mixup, num_classes=num_classes))
    if augmentation.cutmix:
        choices.append(v2.CutMix(alpha=augmentation.cutmix, num_classes=num_classes))
    if not choices or torch.rand(()) >= augmentation.mix:
        return pixel_values, labels
    if labels.ndim > 1:  # votes weigh a picture by how many people judged it, so each is made to count once
        labels = labels if labels.is_floating_point() else labels.float()
        labels = labels / labels.sum(dim=1, keepdim=True).clamp(min=torch.finfo(labels.dtype).tiny)
    choice, is_labelled = choices[int(torch.randint(len(choices), ()))], has_target(labels)
    if is_labelled.all():
        mixed, targets = choice(pixel_values, labels)
        return mixed, targets
    mixed = pixel_values.clone()
    targets = pixel_values.new_zeros(len(labels), num_classes)
    if is_labelled.any():
        mixed[is_labelled], found = choice(pixel_values[is_labelled], labels[is_labelled])
        targets[is_labelled] = found.to(targets)
    return mixed, targets


def move(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Flip, rotate, scale, shift and crop, in one bilinear sampling; what comes in from outside is black."""
    is_flipped = draw(images, augmentation.flip)
    if not augmentation.geometry and augmentation.crop_area == (1.0, 1.0):
        return torch.where(is_flipped.view(-1, 1, 1, 1), images.flip(-1), images)
    flip = torch.where(is_flipped, -1.0, 1.0)
    matrix = crop_matrices(images, augmentation.crop_area)
    matrix = geometry_matrices(images, augmentation) @ matrix
    matrix = torch.stack([matrix[:, 0] * flip.unsqueeze(1), matrix[:, 1]], dim=1)  # mirrored in the source
    grid = functional.affine_grid(matrix.to(images.dtype), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def geometry_matrices(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Return where each point of the result comes from, ``(B, 3, 3)``, in coordinates from -1 to 1."""
    size, is_moved = len(images), draw(images, augmentation.geometry)
    angle = torch.deg2rad(uniform(images, -augmentation.rotation, augmentation.rotation)) * is_moved
    scale = torch.where(is_moved, uniform(images, *augmentation.scale), 1.0)
    aspect = images.shape[-1] / images.shape[-2]
    matrix = torch.eye(3, device=images.device).repeat(size, 1, 1)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos() / scale
    matrix[:, 0, 1] = -angle.sin() / scale / aspect
    matrix[:, 1, 0] = angle.sin() / scale * aspect
    shift = [2 * uniform(images, -augmentation.translation, augmentation.translation) * is_moved for _ in range(2)]
    # of the result; where its points come from is turned and scaled
    matrix[:, :2, 2:] = matrix[:, :2, :2] @ torch.stack(shift, dim=1).unsqueeze(2)
    return matrix


def crop_matrices(images: Tensor, area: Range) -> Tensor:
    """Return where each point of a random crop comes from, ``(B, 3, 3)``, in coordinates from -1 to 1."""
    height, width = rectangles(images, area, CROP_ASPECT)
    matrix = torch.eye(3, device=images.device).repeat(len(images), 1, 1)
    matrix[:, 0, 0], matrix[:, 1, 1] = width, height
    matrix[:, 0, 2] = (1 - width) * uniform(images, -1, 1)
    matrix[:, 1, 2] = (1 - height) * uniform(images, -1, 1)
    return matrix


def rectangles(images: Tensor, area: Range, aspect: Range) -> tuple[Tensor, Tensor]:
    """Return heights and widths ``(B,)`` of random rectangles, as shares of the picture, none larger than it."""
    share = uniform(images, *area)
    ratio = uniform(images, math.log(aspect[0]), math.log(aspect[1])).exp()
    height, width = (share / ratio).sqrt(), (share * ratio).sqrt()
    # Where one side is longer than the picture, that side is the picture's and the other keeps the area.
    return torch.where(width > 1, share, height.clamp(max=1)), torch.where(height > 1, share, width.clamp(max=1))


def erase(images: Tensor, share: float, area: Range, fill: Tensor | None = None) -> Tensor:
    """Erase a rectangle from some pictures."""
    height, width = rectangles(images, area, ERASE_ASPECT)
    top, left = (1 - height) * uniform(images, 0, 1), (1 - width) * uniform(images, 0, 1)
    rows = (torch.arange(images.shape[-2], device=images.device) + 0.5) / images.shape[-2]
    columns = (torch.arange(images.shape[-1], device=images.device) + 0.5) / images.shape[-1]
    is_row = (rows >= top.unsqueeze(1)) & (rows < (top + height).unsqueeze(1))
    is_column = (columns >= left.unsqueeze(1)) & (columns < (left + width).unsqueeze(1))
    is_erased = is_row.unsqueeze(2) & is_column.unsqueeze(1) & draw(images, share).view(-1, 1, 1)
    colour = images.new_zeros(3) if fill is None else fill.to(images)
    return torch.where(is_erased.unsqueeze(1), colour.view(1, 3, 1, 1), images)


def relight(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Change tone curve, contrast and brightness, and take the colour from some pictures."""
    if augmentation.grey:
        is_grey = draw(images, augmentation.grey).view(-1, 1, 1, 1)
        images = torch.where(is_grey, v2.functional.rgb_to_grayscale(images, num_output_channels=3), images)
    if augmentation.gamma:
        exponent = uniform(images, -augmentation.gamma, augmentation.gamma).exp()
        images = images.clamp(0, 1) ** exponent.view(-1, 1, 1, 1)
    if augmentation.contrast:
        factor = uniform(images, 1 - augmentation.contrast, 1 + augmentation.contrast).view(-1, 1, 1, 1)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + factor * (images - mean)
    if augmentation.brightness:
        factor = uniform(images, 1 - augmentation.brightness, 1 + augmentation.brightness).view(-1, 1, 1, 1)
        images = factor * images
    return images.clamp(0, 1)


def blur(images: Tensor, share: float, sigma: Range) -> Tensor:
    """Blur some pictures, each by its own Gaussian."""
    size, channels, height, width = images.shape
    reach = min(math.ceil(BLUR_REACH * sigma[1]), height - 1, width - 1)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = (-0.5 * (offsets / uniform(images, *sigma).unsqueeze(1)) ** 2).exp()
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0).unsqueeze(1)
    padded = functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    groups = size * channels
    rows = functional.conv2d(padded.reshape(1, groups, height + 2 * reach, -1), kernel.unsqueeze(2), groups=groups)
    blurred = functional.conv2d(rows, kernel.unsqueeze(3), groups=groups).view(size, channels, height, width)
    return torch.where(draw(images, share).view(-1, 1, 1, 1), blurred, images)


def coarsen(images: Tensor, share: float, scale: Range) -> Tensor:
    """Make some pictures small and large again, as faces from afar are."""
    low, high = scale
    factor = low + (high - low) * float(torch.rand(()))
    small = [max(1, round(side * factor)) for side in images.shape[-2:]]
    coarse = functional.interpolate(images, small, mode="bilinear", antialias=True, align_corners=False)
    coarse = functional.interpolate(coarse, images.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)
    return torch.where(draw(images, share).view(-1, 1, 1, 1), coarse, images)


def rand_augment(images: Tensor, num_operations: int) -> Tensor:
    """Apply RandAugment of torchvision to each picture."""
    transform = v2.RandAugment(num_ops=num_operations)
    as_bytes = v2.functional.to_dtype(images, torch.uint8, scale=True)
    changed = torch.stack([transform(image) for image in as_bytes])
    return cast(Tensor, v2.functional.to_dtype(changed, images.dtype, scale=True))


def draw(images: Tensor, share: float) -> Tensor:
    """Return which pictures of a batch are chosen, ``(B,)`` bool, each with the same probability."""
    return torch.rand(len(images), device=images.device) < share


def uniform(images: Tensor, low: float, high: float) -> Tensor:
    """Return one evenly drawn number for each picture of a batch, ``(B,)``."""
    return low + (high - low) * torch.rand(len(images), device=images.device)


__all__ = ["Augmentation", "augment", "mix"]
