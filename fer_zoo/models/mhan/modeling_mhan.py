"""MHAN, the multi-head hybrid attention network.

Paper: X. Wang, T. Han, S. Liu, M. S. Ajmal, L. Chen, Y. Zhang, Y. Liu, "MHAN: Multi-head hybrid attention network for
facial expression recognition", Pattern Recognition 170 (2026) 112015, doi 10.1016/j.patcog.2025.112015.

A mixed feature network gives a map of 512 x 7 x 7, efficient local attention refines it, several dual-direction heads
look at it, the element-wise maximum of their maps weighs it, and a depthwise convolution over the whole map gives the
vector that is classified. Left out against the authors' network are the 81,422 parameters that no gradient reaches:
norms and PReLUs inside the mixed depthwise units, a depthwise block in each head, and a norm on the logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from torch import Tensor, nn
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple

from fer_zoo.layers import (
    ConvNorm,
    DualDirectionHead,
    DualDirectionHeads,
    EfficientLocalAttention,
    MixedBottleneck,
    MixedFeatureNetwork,
)
from fer_zoo.losses import attention_consistency_loss, attention_diversity_loss, classification_loss
from fer_zoo.models.mhan.configuration_mhan import MhanConfig
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.models.temperature import apply_temperature

ATTENTION_LOSSES = {"consistency": attention_consistency_loss, "diversity": attention_diversity_loss}


@dataclass
class MhanModelOutput(ModelOutput):
    """What :class:`MhanModel` returns.

    Attributes:
        pooler_output: ``(B, 512)``, the vector that is classified.
        features: ``(B, 512, S, S)``, the feature map after efficient local attention; S is 7 for crops of 112 pixels.
        attention_maps: one ``(B, 512, S, S)`` map for each head, values in [0, 1]; only with
            ``output_attentions=True``.
    """

    pooler_output: Tensor | None = None
    features: Tensor | None = None
    attention_maps: tuple[Tensor, ...] | None = None


@dataclass
class MhanImageClassifierOutput(ModelOutput):
    """What :class:`MhanForImageClassification` returns.

    Attributes:
        loss: a scalar, the weighted sum of the terms; only if labels were given.
        logits: ``(B, K)``, unnormalised scores of the K classes.
        pooler_output: ``(B, 512)``, the vector that is classified.
        features: ``(B, 512, S, S)``, the feature map after efficient local attention.
        attention_maps: one ``(B, 512, S, S)`` map for each head, values in [0, 1]; only with
            ``output_attentions=True``.
        loss_terms: ``classification`` and ``attention`` (unless the configuration has ``attention_loss="none"``):
            scalars without their weights and detached, for reports; only if labels were given.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    pooler_output: Tensor | None = None
    features: Tensor | None = None
    attention_maps: tuple[Tensor, ...] | None = None
    loss_terms: dict[str, Tensor] | None = None


class MhanPreTrainedModel(FerPreTrainedModel):
    """Loading, saving and initialisation shared by the MHAN models."""

    config_class = MhanConfig
    config: MhanConfig
    base_model_prefix = "mhan"
    _no_split_modules: ClassVar[list[str]] = ["MixedBottleneck"]


class MhanModel(MhanPreTrainedModel):
    """MHAN without its classifier.

    Training needs at least two pictures a batch, as the norm after the pooling does.

    Args:
        config: the configuration.
    """

    def __init__(self, config: MhanConfig) -> None:
        super().__init__(config)
        channels = MixedFeatureNetwork.out_channels
        size = config.image_size // MixedFeatureNetwork.stride
        self.backbone = MixedFeatureNetwork(config.num_channels)
        self.local_attention: nn.Module = nn.Identity()
        # CODEPATH: published checkpoints have local attention; the ablation of the paper goes without.
        if config.use_local_attention:
            self.local_attention = EfficientLocalAttention(channels, kernel_size=config.local_attention_kernel_size)
        self.heads = DualDirectionHeads(DualDirectionHead(channels, size) for _ in range(config.num_attention_heads))
        self.pooler = ConvNorm(channels, channels, size, groups=channels)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> MhanModelOutput:
        """Describe faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            **kwargs: ``output_attentions=True`` returns the attention map of every head (by default as the
                configuration says), ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration.
        """
        pixel_values = self.check_pixel_values(pixel_values)
        features = self.local_attention(self.backbone(pixel_values))
        wants_maps = self._wants_attentions(kwargs)
        attended, attention_maps = self.heads(features, needs_maps=wants_maps)
        return MhanModelOutput(
            pooler_output=self.pooler(attended).flatten(1),
            features=features,
            attention_maps=attention_maps,
        )


class MhanForImageClassification(MhanPreTrainedModel):
    """MHAN with its classifier: the expression of an aligned face.

    Args:
        config: the configuration; ``num_labels`` or ``id2label`` sets the classes.
    """

    def __init__(self, config: MhanConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.mhan = MhanModel(config)
        self.classifier = nn.Linear(MixedFeatureNetwork.out_channels, config.num_labels)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any) -> MhanImageClassifierOutput:
        """Classify faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes; with them the output carries the loss and its terms.
            **kwargs: ``output_attentions=True`` returns the attention map of every head (by default as the
                configuration says), ``calibrated=True`` divides the logits by the temperature of the configuration,
                which leaves the loss as it is; ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration, or the
                labels are neither class numbers nor votes.
        """
        wants_maps = self._wants_attentions(kwargs)
        needs_maps = wants_maps or (labels is not None and self.config.attention_loss != "none")
        outputs: MhanModelOutput = self.mhan(
            pixel_values, **{**kwargs, "output_attentions": needs_maps, "return_dict": True}
        )
        logits = self.classifier(outputs.pooler_output)
        loss, loss_terms = None, None
        if labels is not None:
            loss, loss_terms = self.compute_loss(logits, outputs.attention_maps, labels)
        return MhanImageClassifierOutput(
            loss=loss,
            logits=apply_temperature(logits, self.config, calibrated=kwargs.get("calibrated", False)),
            pooler_output=outputs.pooler_output,
            features=outputs.features,
            attention_maps=outputs.attention_maps if wants_maps else None,
            loss_terms=loss_terms,
        )

    def compute_loss(
        self, logits: Tensor, attention_maps: tuple[Tensor, ...] | None, labels: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the training loss and its terms.

        Args:
            logits: ``(B, K)``, unnormalised scores.
            attention_maps: one ``(B, 512, S, S)`` map for each head, values in [0, 1]; not looked at without an
                attention loss.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes.

        Returns:
            The weighted sum of the terms, and the terms without their weights and detached.

        Raises:
            InvalidOptionError: if the labels are neither class numbers nor votes.
        """
        config = self.config
        terms = {"classification": classification_loss(logits, labels, label_smoothing=config.label_smoothing)}
        loss = terms["classification"]
        # CODEPATH: the recipes for RAF-DB and AffectNet have an attention loss; without it is the plain baseline.
        if config.attention_loss != "none":
            terms["attention"] = ATTENTION_LOSSES[config.attention_loss](cast(tuple[Tensor, ...], attention_maps))
            loss = loss + config.attention_loss_weight * terms["attention"]
        return loss, {name: term.detach() for name, term in terms.items()}


__all__ = [
    "MhanForImageClassification",
    "MhanImageClassifierOutput",
    "MhanModel",
    "MhanModelOutput",
    "MhanPreTrainedModel",
]
