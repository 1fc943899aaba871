"""What the configurations of all models share."""

# No postponed annotations in this file: @strict checks no type that is given as a string.

import math
from typing import Any, ClassVar, Self, cast

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig

from fer_zoo.errors import CheckpointError, FerZooError
from fer_zoo.models.loading_options import check_loading_options

# A configuration comes with a checkpoint from anywhere: none of its numbers may fill the memory.
MAX_LABELS = 10_000
LIMITS = {
    "hidden_sizes": 2048,
    "image_size": 4096,
    "local_attention_kernel_size": 4095,
    "num_attention_heads": 256,
    "num_channels": 1024,
    "vector_size": 2048,
}

SHOWN_VALUES = 20  # of a long list in an error
MIXED_FEATURE_STRIDE = 16  # pixels of the crop for one position of the map of the mixed feature network


@strict
class FerConfig(PreTrainedConfig):
    """Base of all configurations: the crop, the labels, and the outputs that evaluation leaves alone.

    Args:
        image_size: height and width of the aligned crop in pixels.
        num_channels: channels of the crop, at least 1.
        label_smoothing: share of the target in the cross entropy that is spread over all classes, in [0, 1].
        temperature: what the logits are divided by where calibrated ones are asked for, above 0; 1 changes nothing.
            :func:`fer_zoo.evaluation.calibrate` fits it.

    The classes are those of ``id2label``; ``label2id`` follows it, whatever is given with it.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above, or ``id2label``
            does not number the classes from 0 without a gap, with a different name for each.
    """

    keys_to_ignore_at_inference: ClassVar[list[str]] = ["features", "pooler_output"]

    image_size: int = 112
    num_channels: int = 3
    label_smoothing: float | int = 0.0
    temperature: float | int = 1.0

    def __setattr__(self, key: str, value: Any) -> None:
        """Set a field; ``label2id`` follows ``id2label``, where transformers leaves it as it was, or missing."""
        super().__setattr__(key, value)
        if key == "id2label" and isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
            self.label2id = {name: int(index) for index, name in value.items()}

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Self:
        """Make a configuration from what ``config.json`` holds.

        Args:
            config_dict: its values.
            **kwargs: those that differ, and options of transformers.

        Returns:
            the configuration; with ``return_unused_kwargs=True``, it and the options that are none of its fields.

        Raises:
            StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule.
            CheckpointError: if transformers can make nothing of the values, or they name another file of weights.
            InvalidOptionError: if torch has no such ``dtype``.
        """
        check_loading_options(kwargs)
        try:
            _refuse_other_weights(config_dict)
            made = super().from_dict(config_dict, **kwargs)
            config = made[0] if isinstance(made, tuple) else made
            config.id2label = config.id2label  # label2id may have come after it
            config.validate()  # transformers sets fields one by one once it has looked at them together
            return cast(Self, made)
        except (FerZooError, StrictDataclassError):
            raise
        except Exception as error:  # transformers uses many fields before it looks at them
            reason = f"{type(error).__name__}: {error}"
            raise CheckpointError(f"This is no configuration of {cls.model_type!r} ({reason}).") from error

    @property
    def num_labels(self) -> int:
        """How many classes there are."""
        return cast(int, super().num_labels)

    @num_labels.setter
    def num_labels(self, num_labels: int) -> None:
        """Name so many classes by numbers, unless there are as many already."""
        if num_labels is not None and not 0 <= num_labels <= MAX_LABELS:
            raise ValueError(f"num_labels must be in 0 to {MAX_LABELS}, got {num_labels}.")
        PreTrainedConfig.num_labels.fset(self, num_labels)

    @property
    def output_attentions(self) -> bool | None:
        """Whether the outputs carry attention maps unless a call says otherwise."""
        return self._output_attentions

    @output_attentions.setter
    def output_attentions(self, value: bool | None) -> None:
        """Set it without asking for ``attn_implementation="eager"``: maps are given by the fused kernels too."""
        self._output_attentions = value

    def validate_output_attentions(self) -> None:
        """Allow attention maps with every implementation, which transformers does with the eager one alone."""

    def validate_architectures(self) -> None:
        """Refuse names of classes that are none; transformers looks them up."""
        if self.architectures is not None and not all(isinstance(name, str) for name in self.architectures):
            raise ValueError(f"architectures must be names of classes, got {self.architectures}.")

    def validate_id2label(self) -> None:
        """Refuse classes that are not numbered from 0 without a gap, or whose names are not different texts."""
        classes = self.id2label or {}
        if {int(key) for key in classes} != set(range(len(classes))):
            raise ValueError(f"id2label must have the keys 0 to {len(classes) - 1}, got {_shortened(list(classes))}.")
        names = list(classes.values())
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"id2label must have different texts as names, got {_shortened(names)}.")

    def validate_limits(self) -> None:
        """Refuse sizes that no picture and no network has."""
        for name, limit in LIMITS.items():
            sizes = getattr(self, name, 0)
            if max([0, *sizes] if isinstance(sizes, list | tuple) else [sizes]) > limit:
                raise ValueError(f"{name} must be at most {limit}, got {sizes}.")

    def validate_num_channels(self) -> None:
        """Refuse pictures without a channel."""
        if self.num_channels < 1:
            raise ValueError(f"num_channels must be at least 1, got {self.num_channels}.")

    def validate_label_smoothing(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {self.label_smoothing}.")

    def validate_temperature(self) -> None:
        """Refuse a divisor that would turn the classes around or make all logits equal."""
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}.")


@strict
class MixedFeatureConfig(FerConfig):
    """Base of the configurations of models on the mixed feature network.

    Args:
        image_size: height and width of the aligned crop in pixels, a positive multiple of 16; the feature map has a
            sixteenth of it.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.
    """

    def validate_image_size(self) -> None:
        """Refuse sizes that the backbone cannot halve four times."""
        if self.image_size < MIXED_FEATURE_STRIDE or self.image_size % MIXED_FEATURE_STRIDE:
            raise ValueError(
                f"image_size must be a positive multiple of {MIXED_FEATURE_STRIDE}, got {self.image_size}."
            )


def _shortened(values: list[Any]) -> str:
    """Write the first values of a list."""
    return f"{str(values[:SHOWN_VALUES])[:-1]}, …]" if len(values) > SHOWN_VALUES else str(values)


def _refuse_other_weights(config_dict: dict[str, Any]) -> None:
    """Refuse values that name another file of weights: it could be a pickle.

    Raises:
        CheckpointError: if they do.
    """
    name = config_dict.get("transformers_weights")
    if name is not None:
        raise CheckpointError(
            f"The configuration names weights of its own: transformers_weights is {name!r}. They are read from "
            "'model.safetensors' alone; remove the entry."
        )


__all__ = ["FerConfig", "MixedFeatureConfig"]
