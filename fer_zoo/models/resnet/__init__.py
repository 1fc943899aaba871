"""ResNet-18 and ResNet-50 of torchvision as classifiers of expressions: baselines."""

from fer_zoo.models.resnet.configuration_resnet import FerResNetConfig
from fer_zoo.models.resnet.modeling_resnet import (
    FerResNetForImageClassification,
    FerResNetModel,
    FerResNetPreTrainedModel,
)

__all__ = ["FerResNetConfig", "FerResNetForImageClassification", "FerResNetModel", "FerResNetPreTrainedModel"]
