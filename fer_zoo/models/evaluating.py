"""Running a model as it is used, and leaving it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every part of a model in evaluation mode, and back in its own mode afterwards.

    Args:
        model: the model.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def classify(model: nn.Module, pixel_values: Tensor) -> Tensor:
    """Return the logits ``(B, K)`` of a classifier, also where its configuration has ``return_dict=False``.

    Args:
        model: the classifier.
        pixel_values: ``(B, 3, H, W)``.
    """
    outputs = model(pixel_values)
    # without labels there is no loss, and the logits come first
    logits: Tensor = outputs[0] if isinstance(outputs, tuple) else outputs.logits
    return logits
