"""Configuration of MHAN."""

# No postponed annotations in this file: @strict checks no type that is given as a string.

from typing import ClassVar, Literal

from huggingface_hub.dataclasses import strict

from fer_zoo.models.configuration import MixedFeatureConfig


@strict
class MhanConfig(MixedFeatureConfig):
    """Configuration of :class:`~fer_zoo.models.MhanModel`.

    The defaults are the network of the paper. The labels come from a :class:`~fer_zoo.labels.LabelSet`: pass its
    ``id2label``.

    Args:
        image_size: height and width of the aligned crop in pixels, a positive multiple of 16; the feature map has a
            sixteenth of it.
        num_channels: channels of the crop.
        num_attention_heads: number of dual-direction heads, at least 1; 2 in the paper.
        use_local_attention: whether efficient local attention refines the feature map before the heads.
        local_attention_kernel_size: length of the kernel of efficient local attention, odd.
        attention_loss: what training does to the maps of the heads: ``"consistency"`` pulls them together (the authors'
            recipe for RAF-DB), ``"diversity"`` pushes them apart (for AffectNet), ``"none"`` leaves them alone.
        attention_loss_weight: weight of the attention loss, at least 0; 0.1 in both recipes.
        label_smoothing: share of the target in the cross entropy that is spread over all classes, in [0, 1]; 0.1 in the
            recipe for RAF-DB and 0 in that for AffectNet.
        temperature: what the logits are divided by where calibrated ones are asked for, above 0.
        output_attentions: whether the outputs carry the attention map of every head unless a call says otherwise.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.

    Example:
        >>> from fer_zoo.models.mhan import MhanConfig
        >>> MhanConfig(num_attention_heads=4).image_size
        112
    """

    model_type = "mhan"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["loss_terms", "features", "pooler_output", "attention_maps"]

    num_attention_heads: int = 2
    use_local_attention: bool = True
    local_attention_kernel_size: int = 5
    attention_loss: Literal["consistency", "diversity", "none"] = "consistency"
    attention_loss_weight: float | int = 0.1
    label_smoothing: float | int = 0.1

    def validate_num_attention_heads(self) -> None:
        """Refuse a network without a head: that is the plain mixed feature network."""
        if self.num_attention_heads < 1:
            raise ValueError(f"num_attention_heads must be at least 1, got {self.num_attention_heads}.")

    def validate_local_attention_kernel_size(self) -> None:
        """Refuse kernels that cannot be centred."""
        if self.local_attention_kernel_size < 1 or self.local_attention_kernel_size % 2 == 0:
            raise ValueError(
                f"local_attention_kernel_size must be a positive odd number, got {self.local_attention_kernel_size}."
            )

    def validate_attention_loss_weight(self) -> None:
        """Refuse a weight that would turn the attention loss around."""
        if self.attention_loss_weight < 0:
            raise ValueError(f"attention_loss_weight must be at least 0, got {self.attention_loss_weight}.")


__all__ = ["MhanConfig"]
