"""HAN-PFF, reconstructed: the hierarchical attention network with progressive feature fusion.

Paper: H. Tao, Q. Duan, "Hierarchical attention network with progressive feature fusion for facial expression
recognition", Neural Networks 170 (2024) 337-348, doi 10.1016/j.neunet.2023.11.033. No code was published and the full
text is not open, so this is a reconstruction; neither the accuracy nor the size of the paper is claimed for it.

Fact (stated in the abstract or in published summaries): a diverse feature extraction module (DFEM) of four feature
aggregation blocks (FAB); a hierarchical attention module (HAM) of attention feature fusion (AFFB), iterative feature
fusion (IFFB) and gated feature fusion (GFFB, with the gates GEB1 to GEB4); a shared classifier on every feature vector
and a final classifier on their fusion; cross entropy with a region independence loss.

Choice (ours, after the papers that each block cites): the form of every block, all widths, the stem, how the levels are
joined, the weights and margins of the losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization as init
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple

from fer_zoo.layers import (
    ConvNorm,
    FeatureAggregationBlock,
    GatedVectorFusion,
    LearnableGradient,
    ProgressiveFusion,
    ZeroStartBatchNorm2d,
    ZeroStartLinear,
)
from fer_zoo.layers.inference_form import fold_norm
from fer_zoo.layers.spatial_gradient import sobel_kernels
from fer_zoo.losses import (
    classification_loss,
    move_region_centers,
    region_independence_loss,
    shared_classifier_loss,
)
from fer_zoo.models.han_pff.configuration_han_pff import RESNET_IMAGE_SIZE, HanPffConfig
from fer_zoo.models.han_pff.resnet18 import load_resnet18
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.models.temperature import apply_temperature

STRIDES = (1, 2, 2, 2)  # of the four levels


@dataclass
class HanPffModelOutput(ModelOutput):
    """What :class:`HanPffModel` returns; D is the size of a vector, 512.

    Attributes:
        pooler_output: ``(B, 4 * D)``, the fused vectors one after the other, which are classified.
        vectors: ``(B, 4, D)``, the feature vector of each level before their fusion, values at least 0.
        features: ``(B, 512, 7, 7)``, the feature map of the last level after the progressive fusion.
        attention_maps: how much of the lower levels is taken by the second, third and fourth, ``(B, 128, 28, 28)``,
            ``(B, 256, 14, 14)`` and ``(B, 512, 7, 7)``, values in [0, 1]; only with ``output_attentions=True``, and
            empty where the levels are summed.
    """

    pooler_output: Tensor | None = None
    vectors: Tensor | None = None
    features: Tensor | None = None
    attention_maps: tuple[Tensor, ...] | None = None


@dataclass
class HanPffImageClassifierOutput(ModelOutput):
    """What :class:`HanPffForImageClassification` returns; K is the number of classes.

    Attributes:
        loss: a scalar, the weighted sum of the terms; only if labels were given.
        logits: ``(B, K)``, unnormalised scores of the final classifier: the answer.
        shared_logits: ``(B, 4, K)``, unnormalised scores of the shared classifier for each vector, if there is one.
        vectors: ``(B, 4, D)``, the feature vector of each level before their fusion, values at least 0.
        pooler_output: ``(B, 4 * D)``, the fused vectors one after the other, which are classified.
        features: ``(B, 512, 7, 7)``, the feature map of the last level after the progressive fusion.
        attention_maps: how much of the lower levels each level takes, as in :class:`HanPffModelOutput`.
        loss_terms: ``classification``, ``shared_classification`` (if there is a shared classifier) and
            ``region_independence``: scalars without their weights and detached, for reports; only if labels were
            given.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    shared_logits: Tensor | None = None
    vectors: Tensor | None = None
    pooler_output: Tensor | None = None
    features: Tensor | None = None
    attention_maps: tuple[Tensor, ...] | None = None
    loss_terms: dict[str, Tensor] | None = None


class HanPffVectorHead(nn.Module):
    """Turn the map of one level into its feature vector: ``ReLU(BN(W GAP(Q)))``.

    Args:
        in_channels: channels C of the map.
        size: length D of the vector.

    Shape: ``(B, C, H, W)`` to ``(B, D)``, values at least 0.
    """

    def __init__(self, in_channels: int, size: int) -> None:
        super().__init__()
        self.project = nn.Linear(in_channels, size)
        self.norm = nn.BatchNorm1d(size)

    def forward(self, features: Tensor) -> Tensor:
        """Return the feature vector of a map."""
        return cast(Tensor, self.norm(self.project(features.mean(dim=(2, 3))))).relu()

    def inference_form(self) -> nn.Module:
        """Fold the norm into the projection."""
        self.project = fold_norm(self.project, self.norm)
        self.add_module("norm", nn.Identity())
        return self


class HanPffPreTrainedModel(FerPreTrainedModel):
    """Loading, saving and initialisation shared by the HAN-PFF models."""

    config_class = HanPffConfig
    config: HanPffConfig
    base_model_prefix = "han_pff"
    _no_split_modules: ClassVar[list[str]] = ["FeatureAggregationBlock"]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise as all models, but with branches that add nothing at first and kernels that start as Sobel's."""
        super()._init_weights(module)
        if isinstance(module, ZeroStartLinear | ZeroStartBatchNorm2d):
            init.zeros_(module.weight)
        elif isinstance(module, LearnableGradient):
            init.copy_(module.weight, sobel_kernels(module.weight.shape[0] // 2))
        elif isinstance(module, HanPffForImageClassification):
            init.zeros_(module.centers)
            init.constant_(module.center_rate, self.config.center_rate)

    def load_resnet18(self, state: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Take over the weights of any ResNet-18 in the format of torchvision: its stem and its four stages.

        The stages become the local branches of the four blocks. The first convolution fits models with
        ``image_size=224`` only; with less the stem keeps its own weights.

        Args:
            state: the state dict of the ResNet-18.

        Returns:
            The keys that were not used, which are the classifier's, and the stem's where it does not fit.

        Raises:
            CheckpointError: if keys are missing, have another shape, or are not known.
        """
        return load_resnet18(self.base_model, state, with_stem=self.config.image_size == RESNET_IMAGE_SIZE)


class HanPffModel(HanPffPreTrainedModel):
    """HAN-PFF without its classifiers, reconstructed.

    Training needs at least two pictures a batch, as the norms of vectors do: let data loaders drop a last single one.

    Args:
        config: the configuration.
    """

    def __init__(self, config: HanPffConfig) -> None:
        super().__init__(config)
        sizes = config.hidden_sizes
        self.stem = ConvNorm(config.num_channels, sizes[0], 3, padding=1)
        # CODEPATH: checkpoints for crops of 224 have the stem of ResNet, smaller ones one that keeps the size.
        if config.image_size == RESNET_IMAGE_SIZE:
            self.stem = ConvNorm(config.num_channels, sizes[0], 7, stride=2, padding=3)
        self.blocks = nn.ModuleList(
            FeatureAggregationBlock(
                low,
                high,
                stride=stride,
                use_local_context_attention=config.use_local_context_attention,
                use_global_context=config.use_global_context,
                # CODEPATH: the paper's ablation goes without the gradient branch.
                gradient_operator=config.gradient_operator if config.use_spatial_gradient else None,
                theta=config.central_difference_theta,
                fusion=config.branch_fusion,
            )
            for low, high, stride in zip((sizes[0], *sizes), sizes, STRIDES, strict=False)
        )
        self.progressive_fusion = ProgressiveFusion(
            sizes, fusion=config.progressive_fusion, last_fusion=config.last_fusion
        )
        self.vector_heads = nn.ModuleList(HanPffVectorHead(size, config.vector_size) for size in sizes)
        self.vector_fusion: nn.Module = nn.Identity()
        # CODEPATH: the paper's ablation joins the vectors without gates.
        if config.vector_fusion == "gated":
            self.vector_fusion = GatedVectorFusion(len(sizes), config.vector_size, gate_type=config.gate_type)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> HanPffModelOutput:
        """Describe faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            **kwargs: ``output_attentions=True`` returns the attention of every progressive fusion (by default as the
                configuration says), ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration.
        """
        pixel_values = self.check_pixel_values(pixel_values)
        features = functional.max_pool2d(self.stem(pixel_values).relu(), 3, stride=2, padding=1)
        levels = []
        for block in self.blocks:
            features = block(features)
            levels.append(features)
        wants_maps = self._wants_attentions(kwargs)
        fused, attention_maps = self.progressive_fusion(levels, needs_attention=wants_maps)
        vectors = torch.stack([head(level) for head, level in zip(self.vector_heads, fused, strict=True)], dim=1)
        return HanPffModelOutput(
            pooler_output=self.vector_fusion(vectors).flatten(1),
            vectors=vectors,
            features=fused[-1],
            attention_maps=attention_maps if wants_maps else None,
        )


class HanPffForImageClassification(HanPffPreTrainedModel):
    """HAN-PFF with its classifiers, reconstructed: the expression of an aligned face.

    The final classifier gives the answer; the shared one, which judges each vector, and the centres of the region
    independence loss serve training alone. The centres and their rate are stored with the weights.

    Args:
        config: the configuration; ``num_labels`` or ``id2label`` sets the classes.
    """

    def __init__(self, config: HanPffConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        num_vectors, size = len(config.hidden_sizes), config.vector_size
        self.han_pff = HanPffModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(num_vectors * size, config.num_labels)
        # CODEPATH: the ablation without a shared classifier.
        self.shared_classifier = nn.Linear(size, config.num_labels) if config.use_shared_classifier else None
        # CODEPATH: published checkpoints have a centre for each vector; the other kind is an experiment.
        per_class = (config.num_labels,) if config.center_type == "vector_class" else ()
        self.centers = nn.Buffer(torch.zeros(num_vectors, *per_class, size))
        self.center_rate = nn.Buffer(torch.full((), float(config.center_rate)))
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any) -> HanPffImageClassifierOutput:
        """Classify faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes; with them the output carries the loss and its terms,
                and in training mode the centres of the region independence loss move.
            **kwargs: ``output_attentions=True`` returns the attention of every progressive fusion (by default as the
                configuration says), ``calibrated=True`` divides the logits by the temperature of the configuration,
                which leaves the loss as it is; ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration, or the
                labels are neither class numbers nor votes.
        """
        outputs: HanPffModelOutput = self.han_pff(pixel_values, **{**kwargs, "return_dict": True})
        logits = self.classifier(self.dropout(outputs.pooler_output))
        shared_logits = None if self.shared_classifier is None else self.shared_classifier(outputs.vectors)
        loss, loss_terms = None, None
        if labels is not None:
            loss, loss_terms = self.compute_loss(logits, shared_logits, cast(Tensor, outputs.vectors), labels)
        return HanPffImageClassifierOutput(
            loss=loss,
            logits=apply_temperature(logits, self.config, calibrated=kwargs.get("calibrated", False)),
            shared_logits=shared_logits,
            vectors=outputs.vectors,
            pooler_output=outputs.pooler_output,
            features=outputs.features,
            attention_maps=outputs.attention_maps,
            loss_terms=loss_terms,
        )

    def fuse(self) -> Self:
        """Turn the model into its inference form, in place, without the shared classifier, which training alone needs.

        Returns:
            the model itself, in evaluation mode.
        """
        super().fuse()
        self.shared_classifier = None
        return self

    def compute_loss(
        self, logits: Tensor, shared_logits: Tensor | None, vectors: Tensor, labels: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the training loss and its terms; in training mode the centres move.

        Args:
            logits: ``(B, K)``, of the final classifier.
            shared_logits: ``(B, 4, K)``, of the shared classifier, if there is one.
            vectors: ``(B, 4, D)``, the feature vectors before their fusion.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes.

        Returns:
            The weighted sum of the terms, and the terms without their weights and detached.
        """
        config = self.config
        terms = {"classification": classification_loss(logits, labels, label_smoothing=config.label_smoothing)}
        loss = terms["classification"]
        if shared_logits is not None:
            shared = shared_classifier_loss(shared_logits, labels, label_smoothing=config.label_smoothing)
            terms["shared_classification"] = shared
            loss = loss + config.shared_classifier_weight * shared
        centers: Tensor = self.centers
        if self.training:
            centers = move_region_centers(vectors, centers, self.center_rate, labels)
            self.centers.copy_(centers.detach())
        independence = region_independence_loss(
            vectors,
            centers,
            initial_rate=config.center_rate,
            inner_margin=config.center_inner_margin,
            outer_margin=config.center_outer_margin,
            labels=labels,
        )
        terms["region_independence"] = independence
        loss = loss + config.region_independence_weight * independence
        return loss, {name: term.detach() for name, term in terms.items()}

    def decay_center_rate(self) -> None:
        """Let the centres move less from now on: call it once after each epoch of training."""
        self.center_rate.mul_(self.config.center_rate_decay)

    def begin_training(self) -> None:
        """Let the centres move as in the first epoch again, at the rate of the configuration."""
        self.center_rate.fill_(self.config.center_rate)


__all__ = [
    "HanPffForImageClassification",
    "HanPffImageClassifierOutput",
    "HanPffModel",
    "HanPffModelOutput",
    "HanPffPreTrainedModel",
]
