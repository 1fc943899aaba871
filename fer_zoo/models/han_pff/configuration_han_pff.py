"""Configuration of HAN-PFF, reconstructed."""

# No postponed annotations in this file: @strict checks no type that is given as a string.

from typing import ClassVar, Literal

from huggingface_hub.dataclasses import strict

from fer_zoo.models.configuration import FerConfig

NUM_LEVELS = 4
RESNET_IMAGE_SIZE = 224  # pixels of the crops that the stem of ResNet is for
STRIDE = 16  # pixels of a smaller crop that become one of the last map
REDUCTION = 4  # of the bottlenecks in local context attention and MS-CAM


@strict
class HanPffConfig(FerConfig):
    """Configuration of :class:`~fer_zoo.models.HanPffModel`.

    The defaults are our reconstruction of the network; the switches are the parts that the paper's ablations take
    away, and the alternatives where its text leaves a choice. The labels come from a :class:`~fer_zoo.labels.LabelSet`:
    pass its ``id2label``.

    Args:
        image_size: height and width of the aligned crop in pixels: 224 with a stem of 7 x 7 at stride 2, or a smaller
            multiple of 16 with one of 3 x 3 at stride 1. All later maps of 112 have the sizes of those of 224; those
            of 48, the pictures of FER2013, are a little less than half as wide.
        num_channels: channels of the crop.
        hidden_sizes: channels of the four levels, each a positive multiple of 4; those of ResNet-18 by default.
        vector_size: length D of the feature vector of each level.
        use_local_context_attention: whether local context attention follows the local convolutions.
        use_global_context: whether the blocks have a global branch.
        use_spatial_gradient: whether the blocks have a gradient branch.
        gradient_operator: ``"sobel"``, ``"central_difference"`` or ``"learnable"``.
        central_difference_theta: share of the difference in the central difference, in [0, 1].
        branch_fusion: how a block fuses its branches: ``"sum"``, or ``"concat"`` with a pointwise convolution.
        progressive_fusion: how each level takes in the lower ones: ``"attention"``, or ``"sum"``.
        last_fusion: which attention the last level uses: ``"iterative"`` (IFFB) or ``"attentional"`` (AFFB).
        vector_fusion: how the four vectors are fused: ``"gated"``, or ``"concat"`` without gates.
        gate_type: a gate for each ``"channel"`` of a vector, or one ``"scalar"`` a vector.
        use_shared_classifier: whether one classifier is applied to every vector in training.
        classifier_dropout: share of the fused vector that is dropped in training, in [0, 1).
        label_smoothing: share of the target in both cross entropies that is spread over all classes, in [0, 1].
        temperature: what the logits are divided by where calibrated ones are asked for, above 0.
        shared_classifier_weight: beta, at least 0.
        region_independence_weight: lambda, at least 0.
        center_type: a centre for each ``"vector"``, or for each vector and class (``"vector_class"``).
        center_inner_margin: distance between a vector and its centre that costs nothing, at least 0.
        center_outer_margin: distance between two centres from which on they cost nothing, at least 0.
        center_rate: alpha, how far the centres move in the first training steps, in (0, 1].
        center_rate_decay: factor of alpha after each epoch, in (0, 1]; see
            :meth:`~fer_zoo.models.HanPffForImageClassification.decay_center_rate`.
        output_attentions: whether the outputs carry the attention of every progressive fusion unless a call says
            otherwise.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.

    Example:
        >>> from fer_zoo.models import HanPffConfig
        >>> HanPffConfig(gradient_operator="learnable").image_size
        224
    """

    model_type = "han_pff"
    keys_to_ignore_at_inference: ClassVar[list[str]] = [
        "loss_terms",
        "shared_logits",
        "vectors",
        "pooler_output",
        "features",
        "attention_maps",
    ]

    image_size: int = 224
    hidden_sizes: list[int] | tuple[int, ...] = (64, 128, 256, 512)
    vector_size: int = 512
    use_local_context_attention: bool = True
    use_global_context: bool = True
    use_spatial_gradient: bool = True
    gradient_operator: Literal["sobel", "central_difference", "learnable"] = "sobel"
    central_difference_theta: float | int = 0.7
    branch_fusion: Literal["sum", "concat"] = "sum"
    progressive_fusion: Literal["attention", "sum"] = "attention"
    last_fusion: Literal["iterative", "attentional"] = "iterative"
    vector_fusion: Literal["gated", "concat"] = "gated"
    gate_type: Literal["channel", "scalar"] = "channel"
    use_shared_classifier: bool = True
    classifier_dropout: float | int = 0.5
    shared_classifier_weight: float | int = 1.0
    region_independence_weight: float | int = 1.0
    center_type: Literal["vector", "vector_class"] = "vector"
    center_inner_margin: float | int = 0.1
    center_outer_margin: float | int = 0.2
    center_rate: float | int = 0.05
    center_rate_decay: float | int = 0.9

    def validate_image_size(self) -> None:
        """Refuse sizes that there is no stem for, and those that a level would cut into uneven halves."""
        size = self.image_size
        if size != RESNET_IMAGE_SIZE and not (0 < size < RESNET_IMAGE_SIZE and size % STRIDE == 0):
            raise ValueError(
                f"image_size must be {RESNET_IMAGE_SIZE} or a smaller positive multiple of {STRIDE}, got {size}."
            )

    def validate_sizes(self) -> None:
        """Refuse widths that the four levels and their bottlenecks cannot have."""
        sizes = self.hidden_sizes
        if len(sizes) != NUM_LEVELS or any(size < 1 or size % REDUCTION for size in sizes):
            raise ValueError(f"hidden_sizes must be {NUM_LEVELS} positive multiples of {REDUCTION}, got {sizes}.")
        if self.vector_size < 1:
            raise ValueError(f"vector_size must be at least 1, got {self.vector_size}.")

    def validate_shares(self) -> None:
        """Refuse shares outside their range."""
        if not 0 <= self.central_difference_theta <= 1:
            raise ValueError(f"central_difference_theta must be in [0, 1], got {self.central_difference_theta}.")
        if not 0 <= self.classifier_dropout < 1:
            raise ValueError(f"classifier_dropout must be in [0, 1), got {self.classifier_dropout}.")
        for name in ("center_rate", "center_rate_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}.")

    def validate_loss_weights(self) -> None:
        """Refuse weights and margins that would turn a loss around."""
        for name in (
            "shared_classifier_weight",
            "region_independence_weight",
            "center_inner_margin",
            "center_outer_margin",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}.")


__all__ = ["HanPffConfig"]
