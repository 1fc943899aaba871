"""A small data set and a narrow model, on which the tests of training run in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.labels import Expression, LabelSet
from fer_zoo.losses import classification_loss
from fer_zoo.models import FerImageClassifierOutput, FerImageProcessor, HanPffConfig, HanPffForImageClassification
from fer_zoo.models.configuration import FerConfig
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.training import ExpressionTrainingArguments

LABEL_SET = LabelSet("three", (Expression.ANGER, Expression.FEAR, Expression.HAPPINESS))


class Rows:
    """Pictures whose class can be seen: each class has a colour of its own, under noise.

    Args:
        labels: class numbers, or votes.
        size: height and width in pixels, or one for each picture.
        unreadable: indices of rows whose picture is a file that is none.
        seed: of the noise.
    """

    def __init__(
        self, labels: list[Any], *, size: int | list[int] = 24, unreadable: tuple[int, ...] = (), seed: int = 0
    ) -> None:
        generator = np.random.default_rng(seed)
        self.labels = labels
        self.pictures: list[Any] = []
        for i, label in enumerate(labels):
            side = size if isinstance(size, int) else size[i]
            picture = generator.integers(0, 120, (side, side, 3), dtype=np.uint8)
            number = label if isinstance(label, int) else int(np.argmax(label))
            picture[..., number] += 120
            self.pictures.append(Image.fromarray(picture) if i not in unreadable else b"no picture")

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture and its label."""
        return {"image": self.pictures[index], "label": self.labels[index]}


def narrow_model(seed: int = 0, **config: Any) -> HanPffForImageClassification:
    """Return a HAN-PFF with few channels and no dropout."""
    torch.manual_seed(seed)
    options: dict[str, Any] = {
        "image_size": 112,
        "hidden_sizes": [4, 8, 8, 8],
        "vector_size": 8,
        "classifier_dropout": 0.0,
        "id2label": LABEL_SET.id2label,
        "label2id": LABEL_SET.label2id,
    }
    return HanPffForImageClassification(HanPffConfig(**{**options, **config}))


class SmoothModel(FerPreTrainedModel):
    """A small network in float64 without kinks, so that training it can be compared digit by digit.

    It has what matters to a trainer: a norm with running statistics, and buffers that training moves.
    """

    config_class = FerConfig

    def __init__(self, config: FerConfig) -> None:
        super().__init__(config)
        self.hidden = nn.Linear(48, 6, dtype=torch.float64)
        self.norm = nn.BatchNorm1d(6, dtype=torch.float64)
        self.classifier = nn.Linear(6, config.num_labels, dtype=torch.float64)
        self.post_init()

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> FerImageClassifierOutput:
        """Classify pictures by their mean colours in 4 x 4 fields."""
        fields = functional.adaptive_avg_pool2d(pixel_values.double(), 4).flatten(1)
        vectors = self.norm(self.hidden(fields)).tanh()
        logits = self.classifier(vectors)
        loss = None if labels is None else classification_loss(logits, labels)
        return FerImageClassifierOutput(loss=loss, logits=logits, pooler_output=vectors)


def smooth_model(seed: int = 0) -> SmoothModel:
    """Return the small network with random weights."""
    torch.manual_seed(seed)
    return SmoothModel(FerConfig(id2label=LABEL_SET.id2label, label2id=LABEL_SET.label2id))


def processor(**options: Any) -> FerImageProcessor:
    """Return the image processor of the narrow model."""
    return FerImageProcessor(size={"height": 112, "width": 112}, **options)


def arguments(folder: Path, **options: Any) -> ExpressionTrainingArguments:
    """Return quiet options for the CPU: 4 pictures a batch, 2 epochs, plain gradient descent without clipping."""
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "learning_rate": 0.01,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
        "seed": 7,
    }
    return ExpressionTrainingArguments(**{**values, **options})


__all__ = ["LABEL_SET", "Rows", "arguments", "narrow_model", "processor", "smooth_model"]
