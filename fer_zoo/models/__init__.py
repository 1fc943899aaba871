"""The networks, their image processor, and their registration with transformers."""

from fer_zoo.models.auto import register_models
from fer_zoo.models.configuration import FerConfig, MixedFeatureConfig
from fer_zoo.models.exported import ExportedForImageClassification
from fer_zoo.models.han_pff import (
    HanPffConfig,
    HanPffForImageClassification,
    HanPffImageClassifierOutput,
    HanPffModel,
    HanPffModelOutput,
    HanPffPreTrainedModel,
)
from fer_zoo.models.image_processing_fer import FerImageProcessor, FerImageProcessorPil
from fer_zoo.models.linear_classification import FerImageClassifierOutput, FerModelOutput, LinearImageClassification
from fer_zoo.models.mfn import MfnConfig, MfnForImageClassification, MfnModel, MfnPreTrainedModel
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
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.models.resnet import (
    FerResNetConfig,
    FerResNetForImageClassification,
    FerResNetModel,
    FerResNetPreTrainedModel,
)

__all__ = [
    "ExportedForImageClassification",
    "FerConfig",
    "FerImageClassifierOutput",
    "FerImageProcessor",
    "FerImageProcessorPil",
    "FerModelOutput",
    "FerPreTrainedModel",
    "FerResNetConfig",
    "FerResNetForImageClassification",
    "FerResNetModel",
    "FerResNetPreTrainedModel",
    "HanPffConfig",
    "HanPffForImageClassification",
    "HanPffImageClassifierOutput",
    "HanPffModel",
    "HanPffModelOutput",
    "HanPffPreTrainedModel",
    "LinearImageClassification",
    "MfnConfig",
    "MfnForImageClassification",
    "MfnModel",
    "MfnPreTrainedModel",
    "MhanConfig",
    "MhanConversion",
    "MhanForImageClassification",
    "MhanImageClassifierOutput",
    "MhanModel",
    "MhanModelOutput",
    "MhanPreTrainedModel",
    "MixedFeatureConfig",
    "convert_mhan",
    "register_models",
]
