"""Configuration of MHAN."""

from __future__ import annotations

from typing import ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

BACKBONE_STRIDE = 16  # pixels of the crop for one position of the feature map


@strict
class MhanConfig(PreTrainedConfig):
    """Configuration of :class:`~fer_zoo.models.MhanModel`.

    The defaults are the network of the paper. The labels come from a :class:`~fer_zoo.labels.LabelSet`: pass both its
    ``id2label`` and its ``label2id``.

    Args:
        image_size: height and width of the aligned crop in pixels, a positive multiple of 16; the feature map has a
            sixteenth of it.
        num_channels: channels of the crop.
        num_attention_heads: number of dual-direction heads, at least 1; 2 in the paper.
        use_local_attention: whether efficient local attention refines the feature map before the heads.
        local_attention_kernel_size: length of the kernel of efficient local attention, odd.
        output_attentions: whether the outputs carry the attention map of every head unless a call says otherwise.

    Raises:
        StrictDataclassError: (huggingface_hub) if a field has the wrong type or breaks a rule above.

    Example:
        >>> from fer_zoo.models.mhan import MhanConfig
        >>> MhanConfig(num_attention_heads=4).image_size
        112
    """

    model_type = "mhan"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["features", "pooler_output", "attention_maps"]

    image_size: int = 112
    num_channels: int = 3
    num_attention_heads: int = 2
    use_local_attention: bool = True
    local_attention_kernel_size: int = 5

    def validate_image_size(self) -> None:
        """Refuse sizes that the backbone cannot halve four times."""
        if self.image_size < BACKBONE_STRIDE or self.image_size % BACKBONE_STRIDE:
            raise ValueError(f"image_size must be a positive multiple of {BACKBONE_STRIDE}, got {self.image_size}.")

    def validate_num_channels(self) -> None:
        """Refuse pictures without a channel."""
        if self.num_channels < 1:
            raise ValueError(f"num_channels must be at least 1, got {self.num_channels}.")

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


__all__ = ["MhanConfig"]
