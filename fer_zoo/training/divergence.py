"""Training that has run away: weights that are no longer numbers."""

from __future__ import annotations

import torch
from torch import nn

from fer_zoo.errors import TrainingDivergedError


def check_finite(model: nn.Module, learning_rate: float, epoch: float | None) -> None:
    """Refuse to go on with weights of which some are infinite or not a number.

    Args:
        model: what is trained.
        learning_rate: the highest of its schedule, for the error.
        epoch: how many epochs it has learned, for the error.

    Raises:
        TrainingDivergedError: if there are such weights.
    """
    if not all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters()):
        raise TrainingDivergedError(learning_rate, epoch)


__all__ = ["check_finite"]
