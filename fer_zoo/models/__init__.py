"""The networks, their image processor, and their registration with transformers."""

from fer_zoo.models.auto import register_models
from fer_zoo.models.han_pff import (
    HanPffConfig,
    HanPffForImageClassification,
    HanPffImageClassifierOutput,
    HanPffModel,
    HanPffModelOutput,
    HanPffPreTrainedModel,
)
from fer_zoo.models.image_processing_fer import FerImageProcessor, FerImageProcessorPil
from fer_zoo.models.mhan import (
    MhanConfig,
    MhanConversion,
    MhanForImageClassification,
    MhanImageClassifierOutput,
    MhanModel,
    MhanModelOutput,
    MhanPreTrainedModel,
    convert_mhan,
)

__all__ = [
    "FerImageProcessor",
    "FerImageProcessorPil",
    "HanPffConfig",
    "HanPffForImageClassification",
    "HanPffImageClassifierOutput",
    "HanPffModel",
    "HanPffModelOutput",
    "HanPffPreTrainedModel",
    "MhanConfig",
    "MhanConversion",
    "MhanForImageClassification",
    "MhanImageClassifierOutput",
    "MhanModel",
    "MhanModelOutput",
    "MhanPreTrainedModel",
    "convert_mhan",
    "register_models",
]
