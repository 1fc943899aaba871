"""What the checkpoints of a run have settled, so that it cannot differ when the run goes on."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from fer_zoo.training.methods import METHODS
from fer_zoo.training.settings import RunSettings, flatten
from fer_zoo.training.training_options import choice_of_epoch

#: Settings that a checkpoint has decided, with all of the section ``model``: what the optimiser goes on with, which
#: classes there are, which pictures are learnt and which were cut off, how many steps make an epoch (epochs are counted
#: by steps), and the best figure so far with the pictures that it is of.
DECIDED = frozenset(
    {
        "method",
        *(f"data.{name}" for name in ("eval_share", "eval_split", "kind", "label_set", "options", "split", "targets")),
        "data.without_twins",
        *(f"training.{name}" for name in ("dataloader_drop_last", "gradient_accumulation_steps", "steps_per_epoch")),
        *(f"training.{name}" for name in ("greater_is_better", "metric_for_best_model", "per_device_train_batch_size")),
        *(f"training.adam_{name}" for name in ("beta1", "beta2", "epsilon")),
        *(f"training.{name}" for name in ("head_learning_rate", "layer_decay", "learning_rate", "weight_decay")),
        *(f"training.{name}" for name in ("lr_scheduler_type", "optim", "optim_args", "optim_target_modules", "seed")),
    }
)
AVERAGE = "training.ema_decay"


def list_settled(before: RunSettings, now: RunSettings) -> list[str]:
    """Return the names of settings that differ, and could not take effect any more.

    Args:
        before: those of the checkpoints.
        now: those to go on with.
    """
    old, new = effective_values(before), effective_values(now)
    names = [name for name in before.differences(now) if old.get(name) != new.get(name)]
    return [
        name for name in names if name in DECIDED or name.startswith("model.") or (name == AVERAGE and not old[AVERAGE])
    ]


def effective_values(settings: RunSettings) -> dict[str, Any]:
    """Return the values of settings by dotted name, with the defaults of the options of training."""
    options = fields(METHODS[settings.method].arguments)
    defaults = {f"training.{option.name}": option.default for option in options if option.default is not MISSING}
    defaults["training.dataloader_drop_last"] = None  # the number of pictures decides
    choice = {f"training.{name}": value for name, value in choice_of_epoch(settings.training).items()}
    return {**defaults, **flatten(settings.to_dict()), **choice}


__all__ = ["list_settled"]
