"""Configuration of the mixed feature network."""

# No postponed annotations in this file: @strict checks no type that is given as a string.

from huggingface_hub.dataclasses import strict

from fer_zoo.models.configuration import MixedFeatureConfig


@strict
class MfnConfig(MixedFeatureConfig):
    """Configuration of :class:`~fer_zoo.models.MfnModel`.

    The labels come from a :class:`~fer_zoo.labels.LabelSet`: pass its ``id2label``.

    Args:
        image_size: height and width of the aligned crop in pixels, a positive multiple of 16; the feature map has a
            sixteenth of it.
        num_channels: channels of the crop, at least 1.
        label_smoothing: share of the target in the cross entropy that is spread over all classes, in [0, 1]; 0.1 as in
            MHAN's recipe for RAF-DB.
        temperature: what the logits are divided by where calibrated ones are asked for, above 0.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.

    Example:
        >>> from fer_zoo.models import MfnConfig
        >>> MfnConfig(label_smoothing=0.0).image_size
        112
    """

    model_type = "mfn"

    label_smoothing: float | int = 0.1


__all__ = ["MfnConfig"]
