"""The methods of training: which trainer follows a recipe, and which options it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fer_zoo.training.ada_cm_trainer import AdaCMTrainer, AdaCMTrainingArguments
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.distillation import DistillationTrainer, DistillationTrainingArguments
from fer_zoo.training.trainer import ExpressionTrainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to train.

    Attributes:
        trainer: the trainer.
        arguments: its options.
        takes_unlabelled: whether it has a use for pictures without labels.
        needs_unlabelled: whether it learns nothing without them.
        takes_teachers: whether it learns from other models, and so needs them.
    """

    trainer: type[ExpressionTrainer]
    arguments: type[ExpressionTrainingArguments]
    takes_unlabelled: bool = False
    needs_unlabelled: bool = False
    takes_teachers: bool = False


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "supervised": Method(trainer=ExpressionTrainer, arguments=ExpressionTrainingArguments),
        "ada_cm": Method(
            trainer=AdaCMTrainer, arguments=AdaCMTrainingArguments, takes_unlabelled=True, needs_unlabelled=True
        ),
        "distillation": Method(
            trainer=DistillationTrainer,
            arguments=DistillationTrainingArguments,
            takes_unlabelled=True,
            takes_teachers=True,
        ),
    }
)
"""Every method under the name that recipes call it by; it cannot be changed."""


__all__ = ["METHODS", "Method"]
