"""The models that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageClassification

from fer_zoo.models import FerPreTrainedModel, register_models
from fer_zoo.registry import ENTRIES, create_model, load_image_processor, resolve_model


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that is measured.

    Attributes:
        name: as it was asked for.
        model: the classifier, in evaluation mode.
        processor: its image processor.
        is_trained: whether it has weights; a fresh network is as fast, but its answers mean nothing.
    """

    name: str
    model: FerPreTrainedModel
    processor: Any
    is_trained: bool

    def path(self, folder: Path) -> str:
        """Return what another process finds the model by: its name, or a folder that a fresh one is saved to."""
        if self.is_trained:
            return self.name
        target = folder / self.name
        self.model.save_pretrained(target)
        self.processor.save_pretrained(target)
        return str(target)


def load_subject(name: str) -> Subject:
    """Return a model with its weights, or with fresh ones if it is an architecture that waits for some.

    Args:
        name: a name of the registry, or a folder with a checkpoint.
    """
    if name in ENTRIES and not ENTRIES[name].is_embedded:
        torch.manual_seed(0)
        model, processor = create_model(name)
        settle_batch_norms(model)
        return Subject(name, model.eval(), processor, is_trained=False)
    register_models()
    model = AutoModelForImageClassification.from_pretrained(resolve_model(name))
    return Subject(name, model.eval(), load_image_processor(name), is_trained=True)


@torch.no_grad()
def settle_batch_norms(model: FerPreTrainedModel) -> None:
    """Set the batch norms of a fresh network by noise.

    Otherwise its activations grow or fade from layer to layer until they are denormal numbers, which are slow.
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the plain mean of what is seen
    config = model.config
    generator = torch.Generator().manual_seed(0)
    model.train()(torch.randn(8, config.num_channels, config.image_size, config.image_size, generator=generator))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
