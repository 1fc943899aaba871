"""The mixed feature network as a classifier: what is left of MHAN without its attention.

Paper: S. Zhang et al., "A dual-direction attention mixed feature network for facial expression recognition",
Electronics 12 (2023) 3595, which has the backbone; the pooling and the classifier are those of MHAN. It is the baseline
that says what efficient local attention and the heads of MHAN are worth.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from transformers.utils.generic import can_return_tuple

from fer_zoo.layers import ConvNorm, MixedBottleneck, MixedFeatureNetwork
from fer_zoo.models.linear_classification import FerModelOutput, LinearImageClassification
from fer_zoo.models.mfn.configuration_mfn import MfnConfig
from fer_zoo.models.pretrained_model import FerPreTrainedModel


class MfnPreTrainedModel(FerPreTrainedModel):
    """Loading, saving and initialisation shared by the models of the mixed feature network."""

    config_class = MfnConfig
    config: MfnConfig
    base_model_prefix = "mfn"
    _no_split_modules: ClassVar[list[str]] = ["MixedBottleneck"]


class MfnModel(MfnPreTrainedModel):
    """The mixed feature network with a depthwise convolution over its whole map, without a classifier.

    Training needs at least two pictures a batch, as the norm after the pooling does.

    Args:
        config: the configuration.
    """

    def __init__(self, config: MfnConfig) -> None:
        super().__init__(config)
        channels = MixedFeatureNetwork.out_channels
        size = config.image_size // MixedFeatureNetwork.stride
        self.backbone = MixedFeatureNetwork(config.num_channels)
        self.pooler = ConvNorm(channels, channels, size, groups=channels)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> FerModelOutput:
        """Describe faces: a vector of 512 from a map of 512 x 7 x 7 for crops of 112 pixels.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            **kwargs: ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration.
        """
        pixel_values = self.check_pixel_values(pixel_values)
        features = self.backbone(pixel_values)
        return FerModelOutput(pooler_output=self.pooler(features).flatten(1), features=features)


class MfnForImageClassification(LinearImageClassification, MfnPreTrainedModel):
    """The mixed feature network with a classifier: the expression of an aligned face.

    Args:
        config: the configuration; ``num_labels`` or ``id2label`` sets the classes.
    """

    def __init__(self, config: MfnConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.mfn = MfnModel(config)
        self.classifier = nn.Linear(MixedFeatureNetwork.out_channels, config.num_labels)
        self.post_init()


__all__ = ["MfnForImageClassification", "MfnModel", "MfnPreTrainedModel"]
