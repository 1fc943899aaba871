"""The options of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainingArguments

from fer_zoo.errors import InvalidOptionError
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.pictures import UNREADABLE_CHOICES
from fer_zoo.training.sampling import SAMPLING_POWERS

STORES = ("none", "memory", "device")


@dataclass
class ExpressionTrainingArguments(TrainingArguments):
    """Options of :class:`~fer_zoo.training.ExpressionTrainer`: those of transformers, and these.

    Attributes:
        sam_rho: length of the step of sharpness-aware minimisation, at least 0; 0 goes without. It doubles the cost
            of a step.
        ema_decay: how much of the moving average of the weights stays at each step, in [0, 1); 0 goes without. The
            average is what is evaluated and kept.
        sampler: ``"shuffle"``, or to draw with replacement: ``"inverse_frequency"`` so that all classes come up alike,
            ``"inverse_square_root"`` half-way there.
        head_learning_rate: learning rate of what lies behind the bare model, its classifier above all; by default that
            of the whole.
        layer_decay: factor in (0, 1] by which the learning rate falls from each stage to the one before it.
        lr_decay: factor of the learning rate every ``lr_decay_epochs`` epochs, after the warm-up; it takes the place of
            ``lr_scheduler_type``.
        lr_decay_epochs: epochs between two falls, at least 1.
        augmentation: an :class:`~fer_zoo.training.Augmentation`, or its fields as a dictionary.
        store: where the pictures are kept after they were read: ``"none"`` reads them anew each epoch, ``"memory"`` and
            ``"device"`` keep them all as bytes (48 x 48 grey pixels are 2.3 kB, 112 x 112 in colour 38 kB).
        unreadable: ``"raise"``, or ``"skip"`` to leave out pictures that cannot be read, with their number in the log.
        channels_last: whether the model works with channels as the last dimension in memory, which suits the matrix
            units of graphics cards. On the CPU it is refused for models with strided 1 x 1 convolutions of fewer than
            16 channels, whose gradients crash there.
        dataloader_num_workers: processes that read pictures; where pictures are kept they read once, before training.
        remove_unused_columns: kept off, as the pictures are not an input of the model but are made into one.
        logging_nan_inf_filter: kept off, so that a loss that is no number is seen.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """

    sam_rho: float = 0.0
    ema_decay: float = 0.0
    sampler: str = "shuffle"
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    lr_decay: float | None = None
    lr_decay_epochs: int = 1
    augmentation: Any = field(default_factory=dict)
    store: str = "none"
    unreadable: str = "raise"
    channels_last: bool = False
    dataloader_num_workers: int = 0
    remove_unused_columns: bool = False
    logging_nan_inf_filter: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        check_number("sam_rho", self.sam_rho, self.sam_rho >= 0, "at least 0")
        check_number("ema_decay", self.ema_decay, 0 <= self.ema_decay < 1, "at least 0 and below 1")
        check_number("layer_decay", self.layer_decay, 0 < self.layer_decay <= 1, "above 0 and at most 1")
        check_number("lr_decay_epochs", self.lr_decay_epochs, self.lr_decay_epochs >= 1, "at least 1")
        for name in ("lr_decay", "head_learning_rate"):
            value = getattr(self, name)
            if value is not None:
                check_number(name, value, value > 0, "above 0")
        choices_of = {"sampler": tuple(SAMPLING_POWERS), "store": STORES, "unreadable": UNREADABLE_CHOICES}
        for name, choices in choices_of.items():
            if getattr(self, name) not in choices:
                raise InvalidOptionError(name, getattr(self, name), f"one of {', '.join(choices)}")
        if isinstance(self.augmentation, Augmentation):
            self.augmentation = self.augmentation.to_dict()  # these options are written as JSON
        self.augmentation = Augmentation.from_dict(self.augmentation).to_dict()
        self.reading_workers: int = self.dataloader_num_workers  # for what is read once, before training or after it
        if self.store != "none":
            self.dataloader_num_workers = 0  # nothing is left to read, and pictures on a device cannot change process
            self.dataloader_pin_memory = False
        if self.use_cpu or not torch.accelerator.is_available():
            self.dataloader_pin_memory = False  # there is nothing to copy to, and torch would warn of it each epoch
        if getattr(self, "ddp_broadcast_buffers", None) is None:
            self.ddp_broadcast_buffers: bool | None = (
                False  # the trainer averages the running statistics of all processes instead
            )
        super().__post_init__()


def check_number(name: str, value: object, is_valid: bool, expected: str) -> None:
    """Refuse an option that is out of its range.

    Raises:
        InvalidOptionError: if it is.
    """
    if not is_valid:
        raise InvalidOptionError(name, value, f"a number that is {expected}")


@contextmanager
def naming_options(arguments: TrainingArguments, *names: str) -> Iterator[None]:
    """Turn what torch and transformers say of options into an error that names them.

    Args:
        arguments: that have the options.
        names: of the options; those without a value are not to blame.

    Raises:
        InvalidOptionError: if the block refuses their values, or needs a package for them that is not there.
    """
    try:
        yield
    except (ImportError, TypeError, ValueError) as error:
        values = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
        shown = ", ".join(f"{name}={getattr(value, 'value', value)}" for name, value in values.items())
        raise InvalidOptionError(", ".join(values), shown, f"options that fit together ({error})") from error


__all__ = ["ExpressionTrainingArguments"]
