"""Learning rates: which parameters learn how fast, and how that changes from epoch to epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel


def stage_of(name: str) -> str:
    """Return the stage of a parameter: its name up to the first number, or that of the module that holds it.

    Args:
        name: of the parameter, such as ``mhan.backbone.blocks.3.conv.weight``, whose stage is
            ``mhan.backbone.blocks.3``.
    """
    parts = name.split(".")
    for depth, part in enumerate(parts):
        if part.isdigit():
            return ".".join(parts[: depth + 1])
    return ".".join(parts[:-1]) or name


def parameter_groups(
    model: PreTrainedModel,
    decayed: Iterable[str],
    *,
    learning_rate: float,
    weight_decay: float,
    head_learning_rate: float | None = None,
    layer_decay: float = 1.0,
) -> list[dict[str, Any]]:
    """Sort the parameters of a model by learning rate and weight decay.

    What lies behind the bare model is the head and has a learning rate of its own. The stages of the bare model, in the
    order in which it was built, have ``learning_rate * layer_decay ** n``, n being the number of stages after them.

    Args:
        model: the model.
        decayed: names of the parameters that weight decay applies to.
        learning_rate: of the last stage, and of the head unless it has its own.
        weight_decay: of the decayed parameters.
        head_learning_rate: of the head.
        layer_decay: in (0, 1].

    Returns:
        groups as optimisers of torch take them.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    prefix = f"{model.base_model_prefix}."
    stages = list(dict.fromkeys(stage_of(name) for name in names if name.startswith(prefix)))
    rates = {stage: learning_rate * layer_decay ** (len(stages) - 1 - i) for i, stage in enumerate(stages)}
    head_rate = learning_rate if head_learning_rate is None else head_learning_rate
    has_decay = set(decayed)

    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = rates[stage_of(name)] if name.startswith(prefix) else head_rate
            groups.setdefault((rate, weight_decay if name in has_decay else 0.0), []).append(parameter)
    return [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]


def count_steps(num_draws: int, *, batch_size: int, accumulation: int, drops_last: bool) -> int:
    """Return how many steps of the optimiser an epoch has, at least 1; the last may be of fewer batches.

    Args:
        num_draws: pictures that an epoch draws.
        batch_size: pictures that all processes take together.
        accumulation: batches of a step.
        drops_last: whether a last batch that is not full is left out.
    """
    batches = num_draws // batch_size if drops_last else math.ceil(num_draws / batch_size)
    return max(1, math.ceil(batches / accumulation))


def decay_schedule(
    optimizer: torch.optim.Optimizer,
    *,
    factor: float,
    epochs: int,
    steps_per_epoch: int,
    warmup_steps: int = 0,
) -> LambdaLR:
    """Return a schedule that multiplies the learning rates by a factor every so many epochs.

    Args:
        optimizer: whose learning rates change.
        factor: above 0.
        epochs: between two falls.
        steps_per_epoch: of the optimiser.
        warmup_steps: first steps, over which the learning rates also grow from 0. Epochs count from the first step, so
            a warm-up that is longer than ``epochs`` grows to a rate that has fallen.
    """

    def share(step: int) -> float:
        grown = step / warmup_steps if step < warmup_steps else 1.0
        return grown * math.pow(factor, step // steps_per_epoch // epochs)

    return LambdaLR(optimizer, share)


__all__ = ["count_steps", "decay_schedule", "parameter_groups"]
