"""Training: transformers' Trainer with what faces need."""

from fer_zoo.training.ada_cm import ConfidenceMargin, guess_labels, masked_cross_entropy
from fer_zoo.training.ada_cm_trainer import AdaCMTrainer, AdaCMTrainingArguments
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.distillation import DistillationTrainer, DistillationTrainingArguments
from fer_zoo.training.recipes import RECIPES, Recipe, get_recipe
from fer_zoo.training.semi_supervised import SemiSupervisedTrainer, SemiSupervisedTrainingArguments
from fer_zoo.training.teachers import Teacher
from fer_zoo.training.trainer import ExpressionTrainer

__all__ = [
    "RECIPES",
    "AdaCMTrainer",
    "AdaCMTrainingArguments",
    "Augmentation",
    "ConfidenceMargin",
    "DistillationTrainer",
    "DistillationTrainingArguments",
    "ExpressionTrainer",
    "ExpressionTrainingArguments",
    "Recipe",
    "SemiSupervisedTrainer",
    "SemiSupervisedTrainingArguments",
    "Teacher",
    "get_recipe",
    "guess_labels",
    "masked_cross_entropy",
]
