"""Configuration of the residual networks."""

# No postponed annotations in this file: @strict checks no type that is given as a string.

from typing import Literal

from huggingface_hub.dataclasses import strict

from fer_zoo.models.configuration import FerConfig

NUM_CHANNELS = 3  # of the stem
MIN_IMAGE_SIZE = 32  # pixels of the crop for one position of the feature map


@strict
class FerResNetConfig(FerConfig):
    """Configuration of :class:`~fer_zoo.models.FerResNetModel`.

    The labels come from a :class:`~fer_zoo.labels.LabelSet`: pass its ``id2label``. The model type is
    ``fer_resnet`` because transformers has a ``resnet`` of its own, with other names for its weights.

    Args:
        depth: 18 or 50 layers.
        image_size: height and width of the aligned crop in pixels, at least 32; the feature map has a thirty-second of
            it, rounded up.
        num_channels: channels of the crop; 3, as the stem of torchvision has.
        label_smoothing: share of the target in the cross entropy that is spread over all classes, in [0, 1].
        temperature: what the logits are divided by where calibrated ones are asked for, above 0.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.

    Example:
        >>> from fer_zoo.models import FerResNetConfig
        >>> FerResNetConfig(depth=50).hidden_size
        2048
    """

    model_type = "fer_resnet"

    depth: Literal[18, 50] = 18
    image_size: int = 224

    @property
    def hidden_size(self) -> int:
        """Channels of the last feature map and length of the vector that is classified."""
        return {18: 512, 50: 2048}[self.depth]

    def validate_num_channels(self) -> None:
        """Refuse pictures that the stem is not made for."""
        if self.num_channels != NUM_CHANNELS:
            raise ValueError(f"num_channels must be {NUM_CHANNELS}, got {self.num_channels}.")

    def validate_image_size(self) -> None:
        """Refuse sizes that cannot be halved five times."""
        if self.image_size < MIN_IMAGE_SIZE:
            raise ValueError(f"image_size must be at least {MIN_IMAGE_SIZE}, got {self.image_size}.")


__all__ = ["FerResNetConfig"]
