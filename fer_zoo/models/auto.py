"""Registration with transformers: the only place that calls its Auto classes."""

from __future__ import annotations

from typing import Any, cast

from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from fer_zoo.errors import InvalidOptionError
from fer_zoo.models.checkpoint_errors import unfilled_weights
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


class AutoModelWithMissingKeys(AutoModelForImageClassification):
    """The Auto class of pipelines: a model of any package says which weights its checkpoint lacks, as ours do."""

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> PreTrainedModel:
        """Load a checkpoint as the Auto class does.

        Args:
            *args: folder or repository.
            **options: those of the Auto class.

        Returns:
            The model with its ``missing_keys``, which are those of :class:`~fer_zoo.models.FerPreTrainedModel`.
        """
        model, report = super().from_pretrained(*args, **{**options, "output_loading_info": True})
        model.missing_keys = unfilled_weights(report)
        return cast(PreTrainedModel, model)


def register_models() -> None:
    """Make the models known to the Auto classes of transformers; doing it again changes nothing."""
    for config, model, classifier in ARCHITECTURES:
        register_architecture(config, model, classifier)


def register_architecture(
    config: type[PreTrainedConfig], model: type[PreTrainedModel], classifier: type[PreTrainedModel]
) -> None:
    """Make one architecture known to the Auto classes, with the image processor of this package.

    Classes of the same module and names replace the earlier ones, as running a cell of a notebook again does.

    Args:
        config: the configuration, whose ``model_type`` names the architecture.
        model: the bare model.
        classifier: the model with its classifier.

    Raises:
        InvalidOptionError: if another architecture has the ``model_type``.
    """
    name = config.model_type
    known = CONFIG_MAPPING[name] if name in CONFIG_MAPPING else config  # noqa: SIM401  # its get() finds nothing
    if (known.__module__, known.__qualname__) != (config.__module__, config.__qualname__):
        raise InvalidOptionError("model_type", name, f"a name other than that of {known.__module__}.{known.__name__}")
    AutoConfig.register(name, config, exist_ok=True)
    AutoModel.register(config, model, exist_ok=True)
    AutoModelForImageClassification.register(config, classifier, exist_ok=True)
    processors = {"torchvision": FerImageProcessor, "pil": FerImageProcessorPil}
    AutoImageProcessor.register(config, image_processor_classes=processors, exist_ok=True)


__all__ = ["ARCHITECTURES", "AutoModelWithMissingKeys", "register_architecture", "register_models"]
