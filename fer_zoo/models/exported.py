"""A classifier whose network lies in a file."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from transformers.utils.generic import can_return_tuple

from fer_zoo.errors import ExportedModelError
from fer_zoo.models.configuration import FerConfig
from fer_zoo.models.linear_classification import FerImageClassifierOutput
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.models.temperature import apply_temperature
from fer_zoo.runtime import Network


class ExportedForImageClassification(FerPreTrainedModel):
    """Any of the classifiers as onnxruntime or OpenVINO runs it: gives logits, and nothing but logits.

    It has no weights that torch could see. It takes and gives tensors of the CPU; the backend decides what computes.
    :func:`fer_zoo.export.load_exported` and the ``backend`` of pipelines make it.

    Args:
        config: the configuration of the classifier.
        network: what computes the logits.
        checksum: sha256 that tells the network from others.
    """

    config_class = FerConfig

    def __init__(self, config: FerConfig, network: Network, checksum: str) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.network = network
        self.checksum = checksum
        self.eval()

    @property
    def device(self) -> torch.device:
        """The CPU, as far as torch is concerned."""
        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """Float32, the type of what goes in and comes out."""
        return torch.float32

    @can_return_tuple
    def forward(self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any) -> FerImageClassifierOutput:
        """Classify faces.

        Args:
            pixel_values: ``(B, 3, image_size, image_size)``, normalised as :class:`~fer_zoo.models.FerImageProcessor`
                does it.
            labels: none; there is no loss.
            **kwargs: ``calibrated=True`` divides the logits by the temperature of the configuration,
                ``return_dict=False`` gives a tuple.

        Raises:
            InvalidOptionError: if the pictures do not have the channels and the size of the configuration.
            ExportedModelError: if labels or attention maps are asked for.
        """
        if labels is not None:
            raise ExportedModelError("trained")
        if kwargs.get("output_attentions"):
            raise ExportedModelError("asked for attention maps")
        pixel_values = self.check_pixel_values(pixel_values)
        if len(pixel_values):
            logits = torch.from_numpy(self.network.run(pixel_values.detach().float().cpu().numpy())[0])
        else:  # which onnxruntime refuses
            logits = torch.empty(0, self.config.num_labels)
        return FerImageClassifierOutput(
            logits=apply_temperature(logits, self.config, calibrated=kwargs.get("calibrated", False))
        )

    def fuse(self) -> Self:
        """Return the model as it is: networks are fused when they are exported."""
        return self

    def save_pretrained(self, *args: Any, **options: Any) -> None:
        """Refuse: the folder of the export is the model.

        Raises:
            ExportedModelError: always.
        """
        raise ExportedModelError("saved")


__all__ = ["ExportedForImageClassification"]
