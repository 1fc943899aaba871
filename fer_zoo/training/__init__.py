"""Training: transformers' Trainer with what faces need."""

from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.recipes import RECIPES, Recipe, get_recipe
from fer_zoo.training.trainer import ExpressionTrainer

__all__ = ["RECIPES", "Augmentation", "ExpressionTrainer", "ExpressionTrainingArguments", "Recipe", "get_recipe"]
