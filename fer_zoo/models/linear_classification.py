"""The plain classifier: one linear layer on the vector of a model, trained with the cross entropy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple

from fer_zoo.losses import classification_loss
from fer_zoo.models.temperature import apply_temperature


@dataclass
class FerModelOutput(ModelOutput):
    """What a model without extras returns; C is the number of its channels.

    Attributes:
        pooler_output: ``(B, C)``, the vector that is classified.
        features: ``(B, C, S, S)``, the feature map before pooling.
    """

    pooler_output: Tensor | None = None
    features: Tensor | None = None


@dataclass
class FerImageClassifierOutput(ModelOutput):
    """What a classifier without extras returns; C is the number of channels of its model.

    Attributes:
        loss: a scalar, the cross entropy; only if labels were given.
        logits: ``(B, K)``, unnormalised scores of the K classes.
        pooler_output: ``(B, C)``, the vector that is classified.
        features: ``(B, C, S, S)``, the feature map before pooling.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    pooler_output: Tensor | None = None
    features: Tensor | None = None


class LinearImageClassification:
    """The forward pass of a classifier that has a bare model and ``classifier``, a linear layer on its vector.

    It goes before the pretrained base of the model, as the generic classes of transformers do.
    """

    base_model: Any  # of PreTrainedModel
    classifier: Any
    config: Any

    @can_return_tuple
    def forward(self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any) -> FerImageClassifierOutput:
        """Classify faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes; with them the output carries the loss.
            **kwargs: ``calibrated=True`` divides the logits by the temperature of the configuration, which leaves the
                loss as it is; ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration, or the
                labels are neither class numbers nor votes.
        """
        outputs: FerModelOutput = self.base_model(pixel_values, **{**kwargs, "return_dict": True})
        logits = self.classifier(outputs.pooler_output)
        loss = None
        if labels is not None:
            loss = classification_loss(logits, labels, label_smoothing=self.config.label_smoothing)
        return FerImageClassifierOutput(
            loss=loss,
            logits=apply_temperature(logits, self.config, calibrated=kwargs.get("calibrated", False)),
            pooler_output=outputs.pooler_output,
            features=outputs.features,
        )


__all__ = ["FerImageClassifierOutput", "FerModelOutput", "LinearImageClassification"]
