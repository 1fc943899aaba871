"""A data set in memory, and a model that reads the answer from the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple

from fer_zoo.labels import LabelSet
from fer_zoo.models import FerConfig


class Pictures:
    """A data set in memory; an exception in place of a picture is raised when the picture is read."""

    def __init__(
        self,
        images: Sequence[Any],
        labels: Sequence[Any],
        label_set: LabelSet,
        name: str = "drawn",
        split: str = "test",
    ) -> None:
        self.images, self.labels, self.label_set, self.name, self.split = images, labels, label_set, name, split

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture and its label, if it has one."""
        if isinstance(self.images[index], Exception):
            raise self.images[index]
        item = {"image": Image.fromarray(self.images[index])}
        return item if self.labels[index] is None else {**item, "label": self.labels[index]}


class ReadingModel(PreTrainedModel):
    """A classifier without weights to learn: the brightness of the k-th column is the logit of class k."""

    config_class = FerConfig
    main_input_name = "pixel_values"

    def __init__(self, config: FerConfig) -> None:
        super().__init__(config)
        self.scale = nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(0.5)
        self.post_init()

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> ModelOutput:
        """Return the mean of the k-th column, times ten, as the logit of class k."""
        columns = pixel_values[:, :, :, : self.config.num_labels].mean(dim=(1, 2))
        return ModelOutput(logits=self.dropout(columns * 10 * self.scale))


def columns_picture(*brightness: float, size: int = 8) -> np.ndarray[Any, Any]:
    """Return a grey picture whose k-th column has a brightness in [0, 1]; the others are black."""
    image = np.zeros((size, size, 3), np.uint8)
    for column, value in enumerate(brightness):
        image[:, column] = round(value * 255)
    return image


def reading_model(label_set: LabelSet, **options: Any) -> ReadingModel:
    """Return the model for a label set, in training mode."""
    config = FerConfig(id2label=label_set.id2label, label2id=label_set.label2id, image_size=8, **options)
    model = ReadingModel(config)
    model.train()
    return model
