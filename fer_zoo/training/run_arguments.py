"""The options of a run's trainer: what the settings say, and what follows from them and from the pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fer_zoo.errors import FerZooError, InvalidOptionError, MissingPackageError
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.data import TrainingData
from fer_zoo.training.methods import METHODS
from fer_zoo.training.run_folder import RunFolder
from fer_zoo.training.settings import RunSettings
from fer_zoo.training.training_options import choice_of_epoch

#: Options of training where neither the recipe nor the user says otherwise.
DEFAULTS: Final[Mapping[str, Any]] = {
    "per_device_eval_batch_size": 64,
    "logging_strategy": "epoch",
    "save_total_limit": 2,
    "report_to": "none",
}

DEFAULT_STEPS = 500  # between two checkpoints that are written by steps, as transformers has it


def make_arguments(
    settings: RunSettings, folder: RunFolder, data: TrainingData | None = None
) -> ExpressionTrainingArguments:
    """Return the options of the trainer.

    Args:
        settings: of the run.
        folder: of the run.
        data: the pictures, on which some defaults depend; without them the options are only checked.

    Raises:
        InvalidOptionError: if an option is out of its range, or options do not fit together.
        MissingPackageError: if accelerate is not installed.
    """
    values = {**DEFAULTS, **when_to_save(settings.training), **settings.training}
    if data is not None and data.eval is not None:
        values = {**when_to_measure(values), **values}
    if data is not None:
        _check_choice(values, can_measure=data.eval is not None)
    if values.get("load_best_model_at_end") or values["save_strategy"] == "best" or values.get("metric_for_best_model"):
        values = {**values, **choice_of_epoch(values)}
    own = {"output_dir": str(folder.checkpoints), "disable_tqdm": True, "augmentation": settings.augmentation}
    try:
        arguments = METHODS[settings.method].arguments(**{**values, **own})
    except FerZooError:
        raise
    except (ImportError, ValueError, TypeError) as error:
        if isinstance(error, ImportError) and "accelerate" in str(error):  # others belong to options
            raise MissingPackageError("accelerate", "Training", "pip install 'fer-zoo[train]'") from error
        raise _name_options(settings.training, str(error)) from error
    if data is not None and "dataloader_drop_last" not in values:
        # batch normalisation has nothing to compare a single picture with
        arguments.dataloader_drop_last = len(data.train) % (arguments.train_batch_size * arguments.world_size) == 1
    return arguments


def when_to_save(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return when checkpoints are written: when the model is measured if only that is said, else each epoch.

    Args:
        training: the options that are set.
    """
    measured = training.get("eval_strategy", "no")
    steps = training.get("eval_steps") or DEFAULT_STEPS
    return {"save_strategy": "epoch" if measured == "no" else measured, "save_steps": steps}


def when_to_measure(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the model is measured: at each checkpoint, of which the best one is kept unless it is never measured.

    Args:
        training: the options that are set, with when to save.
    """
    saved = training["save_strategy"]
    measured = training.get("eval_strategy", "epoch" if saved == "best" else saved)
    return {
        "eval_strategy": measured,
        "eval_steps": training["save_steps"],
        "load_best_model_at_end": "no" not in {measured, saved},
    }


def _check_choice(training: Mapping[str, Any], *, can_measure: bool) -> None:
    """Refuse to measure without pictures, and to choose among checkpoints that are not measured.

    Raises:
        InvalidOptionError: naming the option, and what would fit.
    """
    saved, measured = training["save_strategy"], training.get("eval_strategy", "no")
    is_chosen = bool(training.get("load_best_model_at_end"))
    if measured != "no" and not can_measure:
        raise InvalidOptionError("training.eval_strategy", measured, "'no', as there are no pictures to choose by")
    if saved == "best" and measured == "no":
        raise InvalidOptionError("training.save_strategy", saved, "'no', 'steps' or 'epoch', as nothing is measured")
    if is_chosen and measured == "no":
        raise InvalidOptionError("training.load_best_model_at_end", True, "false, as nothing is measured")
    if not is_chosen or saved == "best":
        return
    way_out = "as the best checkpoint is kept in the end; training.load_best_model_at_end=false keeps the last"
    if saved != measured:
        raise InvalidOptionError("training.save_strategy", saved, f"'best' or {measured!r} as for measuring, {way_out}")
    steps, eval_steps = training["save_steps"], training["eval_steps"]
    if saved == "steps" and min(steps, eval_steps) >= 1 and steps % eval_steps:
        raise InvalidOptionError("training.save_steps", steps, f"a multiple of eval_steps, {eval_steps:g}, {way_out}")


def _name_options(training: Mapping[str, Any], reason: str) -> InvalidOptionError:
    """Return an error that names the options that transformers refuses, as far as it says which they are."""
    named = {name: value for name, value in training.items() if re.search(rf"\b{name}\b", reason)}
    option = ", ".join(f"training.{name}" for name in named) or "training"
    value = next(iter(named.values())) if len(named) == 1 else named or dict(training)
    return InvalidOptionError(option, value, f"options that fit together ({reason})")


__all__ = ["DEFAULTS", "make_arguments"]
