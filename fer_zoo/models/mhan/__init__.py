"""MHAN, the multi-head hybrid attention network (Pattern Recognition 2026)."""

from fer_zoo.models.mhan.configuration_mhan import MhanConfig
from fer_zoo.models.mhan.convert_mhan import MhanConversion, convert_mhan
from fer_zoo.models.mhan.modeling_mhan import (
    MhanForImageClassification,
    MhanImageClassifierOutput,
    MhanModel,
    MhanModelOutput,
    MhanPreTrainedModel,
)

__all__ = [
    "MhanConfig",
    "MhanConversion",
    "MhanForImageClassification",
    "MhanImageClassifierOutput",
    "MhanModel",
    "MhanModelOutput",
    "MhanPreTrainedModel",
    "convert_mhan",
]
