"""Registration with transformers: the only place that calls its Auto classes."""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification

from fer_zoo.models.han_pff import HanPffConfig, HanPffForImageClassification, HanPffModel
from fer_zoo.models.image_processing_fer import FerImageProcessor, FerImageProcessorPil
from fer_zoo.models.mfn import MfnConfig, MfnForImageClassification, MfnModel
from fer_zoo.models.mhan import MhanConfig, MhanForImageClassification, MhanModel
from fer_zoo.models.resnet import FerResNetConfig, FerResNetForImageClassification, FerResNetModel

#: Configuration, bare model and classifier of every architecture.
ARCHITECTURES = (
    (FerResNetConfig, FerResNetModel, FerResNetForImageClassification),
    (HanPffConfig, HanPffModel, HanPffForImageClassification),
    (MfnConfig, MfnModel, MfnForImageClassification),
    (MhanConfig, MhanModel, MhanForImageClassification),
)


def register_models() -> None:
    """Make the models known to the Auto classes of transformers; doing it again changes nothing."""
    processors = {"torchvision": FerImageProcessor, "pil": FerImageProcessorPil}
    for config, model, classifier in ARCHITECTURES:
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoModel.register(config, model, exist_ok=True)
        AutoModelForImageClassification.register(config, classifier, exist_ok=True)
        AutoImageProcessor.register(config, image_processor_classes=dict(processors), exist_ok=True)


__all__ = ["ARCHITECTURES", "register_models"]
