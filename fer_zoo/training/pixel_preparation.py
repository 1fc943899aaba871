"""From bytes to pixel values: resizing, grey and normalisation of a whole batch, on the device."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torchvision.transforms import v2
from transformers.image_utils import pil_torch_interpolation_mapping

from fer_zoo.errors import InvalidOptionError
from fer_zoo.models import FerImageProcessor

#: What an image processor has to do for a model that is trained.
TRAINED_WITH = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "do_center_crop": False,
    "do_pad": False,
}


class PixelPreparation:
    """What the image processor of a model does to pictures, for batches on a device.

    Args:
        processor: the image processor of the model.

    Raises:
        InvalidOptionError: if the processor does anything but resize, divide by 255 and normalise, or leaves one of
            these out: the model would learn other pixel values than it meets later.
    """

    def __init__(self, processor: FerImageProcessor) -> None:
        for name, expected in TRAINED_WITH.items():
            found = getattr(processor, name, None) or False
            if found != expected:
                raise InvalidOptionError(f"processor.{name}", found, f"{expected}, which training goes by")
        self.size = (int(processor.size["height"]), int(processor.size["width"]))
        self.is_grey = processor.color_mode == "grey"
        self.interpolation = pil_torch_interpolation_mapping[processor.resample]
        self.to_grey = FerImageProcessor.to_grey
        self.mean = torch.tensor(processor.image_mean)
        self.std = torch.tensor(processor.image_std)

    def scale(self, images: Tensor) -> Tensor:
        """Resize pictures to what the model takes.

        Args:
            images: ``(B, 3, H, W)`` or, of grey pictures, ``(B, 1, H, W)``; uint8.

        Returns:
            ``(B, 3, height, width)``, values in [0, 1].
        """
        if self.is_grey and images.shape[1] > 1:
            images = torch.stack([self.to_grey(image) for image in images])[:, :1]
        resized = v2.functional.resize(images, list(self.size), interpolation=self.interpolation, antialias=True)
        return cast(Tensor, resized.expand(-1, 3, -1, -1).to(torch.float32) / 255)

    def fit(self, images: Tensor) -> Tensor:
        """Bring pictures that were scaled for another model to the colour and the size of this one.

        Args:
            images: ``(B, 3, H, W)``, values in [0, 1].

        Returns:
            ``(B, 3, height, width)``, values in [0, 1].
        """
        if self.is_grey:
            images = torch.stack([self.to_grey(image) for image in images])
        if tuple(images.shape[-2:]) != self.size:
            images = v2.functional.resize(images, list(self.size), interpolation=self.interpolation, antialias=True)
        return images.clamp(0, 1)

    def normalize(self, images: Tensor) -> Tensor:
        """Subtract the mean and divide by the standard deviation of each channel.

        Args:
            images: ``(B, 3, height, width)``, values in [0, 1].

        Returns:
            pixel values of the same shape.
        """
        mean, std = (values.to(images.device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std


__all__ = ["PixelPreparation"]
