"""The section ``training`` of the settings: which options it may have, and which values they may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from fer_zoo.errors import InvalidOptionError, UnknownSettingError
from fer_zoo.training.methods import METHODS

#: Options of training that a run decides itself.
OWNED = frozenset(
    f"training.{name}"
    for name in (
        *("augmentation", "disable_tqdm", "do_eval", "do_predict", "do_train", "output_dir", "remove_unused_columns"),
        *("batch_eval_metrics", "eval_do_concat_batches", "label_names", "prediction_loss_only"),  # how it measures
        "train_sampling_strategy",  # sampler takes its place
    )
)

#: What the epoch is chosen by where nothing else is asked for, and the figures of which less is better.
BEST, LESS_IS_BETTER = "accuracy", frozenset({"ece", "loss", "nll"})

#: Every figure that the epoch can be chosen by, with or without ``eval_`` before it.
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "nll", "loss")

MAX_SEED = 2**32 - 1  # of NumPy

POSITIVE = (
    "gradient_accumulation_steps",
    "learning_rate",
    "num_train_epochs",
    "per_device_eval_batch_size",
    "per_device_train_batch_size",
)


def training_types(method: str) -> dict[str, Any]:
    """Return the type of every option of training that a method has and a run does not decide itself."""
    arguments = METHODS[method].arguments
    names = {f"training.{entry.name}" for entry in fields(arguments) if entry.init} - OWNED
    hints = {f"training.{name}": hint for name, hint in get_type_hints(arguments).items()}
    return {name: hint for name, hint in hints.items() if name in names}


def check_training(training: dict[str, Any], method: str) -> dict[str, Any]:
    """Return options of training after refusing those that the method does not have, or that cannot be.

    Raises:
        InvalidOptionError: if there is no such method or figure, or a number is out of its range.
        UnknownSettingError: if the method has no such option.
    """
    if method not in METHODS:
        raise InvalidOptionError("method", method, f"one of {', '.join(METHODS)}")
    known = training_types(method)
    for name, value in training.items():
        if f"training.{name}" not in known:
            raise UnknownSettingError(f"training.{name}", known)
        if name in POSITIVE and not value > 0:
            raise InvalidOptionError(f"training.{name}", value, "a number above 0")
    seed, workers = training.get("seed", 0), training.get("dataloader_num_workers", 0)
    if not 0 <= seed <= MAX_SEED:
        raise InvalidOptionError("training.seed", seed, f"a whole number from 0 to {MAX_SEED}")
    if workers < 0:
        raise InvalidOptionError("training.dataloader_num_workers", workers, "a whole number that is at least 0")
    if choice_of_epoch(training)["metric_for_best_model"] not in FIGURES:
        figure = training["metric_for_best_model"]
        raise InvalidOptionError("training.metric_for_best_model", figure, f"one of {', '.join(FIGURES)}")
    return training


def choice_of_epoch(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return by which figure options of training choose the epoch, and whether more of it is better."""
    name = str(training.get("metric_for_best_model", BEST) or "loss").removeprefix("eval_")
    is_greater_better = training.get("greater_is_better")
    return {
        "metric_for_best_model": name,
        "greater_is_better": name not in LESS_IS_BETTER if is_greater_better is None else is_greater_better,
    }


__all__ = ["OWNED", "check_training", "choice_of_epoch", "training_types"]
