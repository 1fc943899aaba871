"""HAN-PFF, the hierarchical attention network with progressive feature fusion (Neural Networks 2024), reconstructed."""

from fer_zoo.models.han_pff.configuration_han_pff import HanPffConfig
from fer_zoo.models.han_pff.modeling_han_pff import (
    HanPffForImageClassification,
    HanPffImageClassifierOutput,
    HanPffModel,
    HanPffModelOutput,
    HanPffPreTrainedModel,
)

__all__ = [
    "HanPffConfig",
    "HanPffForImageClassification",
    "HanPffImageClassifierOutput",
    "HanPffModel",
    "HanPffModelOutput",
    "HanPffPreTrainedModel",
]
